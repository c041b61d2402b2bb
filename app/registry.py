"""telemetry.ports.Registry from the database: everything that judgement depends on, as known at a generation."""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from app.database import reading_session
from app.models import LicenceRevision, PermitRevisionRow, Vehicle, ZoneRevisionRow
from app.services.conditions import Conditions
from app.services.generations import current_generation
from app.services.revisions import in_force
from app.settings import Settings
from app.storage.failures import failures_mapped
from geofences.datum import VerticalReference
from geofences.schedule import Schedule
from geofences.zones import VerticalBand, ZoneRevision
from telemetry.ports import PermitTerms, RegistrySnapshot, VehicleRecord


class DatabaseRegistry:
    """See telemetry.ports.Registry. Raises StoreUnavailable when the database is not."""

    def __init__(self, engine: Engine, vertical: VerticalReference) -> None:
        self._engine = engine
        self._vertical = vertical

    def generation(self) -> int:
        """The number of the newest change."""
        with failures_mapped(), reading_session(self._engine) as session:
            return current_generation(session)

    def snapshot(self, generation: int | None = None) -> RegistrySnapshot:
        """The registry as it was known at `generation` (None: now).

        The generation is read first: a change that lands while the rest is read has a larger one and
        is left out.
        """
        with failures_mapped(), reading_session(self._engine) as session:
            known = current_generation(session) if generation is None else generation
            return RegistrySnapshot(
                generation=known,
                vehicles=_vehicles(session, known),
                zones=_zones(session, known),
                permits=_permits(session, known),
                licences=_licences(session, known),
                vertical=self._vertical,
            )


def open_registry(engine: Engine, settings: Settings) -> DatabaseRegistry:
    """The registry of this installation, with its vertical reference from the settings."""
    return DatabaseRegistry(
        engine,
        VerticalReference(
            ground_elevation_m=settings.ground_elevation_m, geoid_undulation_m=settings.geoid_undulation_m
        ),
    )


def zone_revision(row: ZoneRevisionRow, starts_at_ms: int, ends_at_ms: int) -> ZoneRevision:
    """A stored revision as geofences reads it, in force in [starts_at_ms, ends_at_ms)."""
    band = None
    if row.band_datum is not None and row.band_unit is not None:
        band = VerticalBand(row.band_lower, row.band_upper, row.band_datum, row.band_unit)
    return ZoneRevision(
        revision_id=row.id,
        zone_id=row.zone.zone_id,
        kind=row.zone.kind,
        geometry=shapely.from_geojson(row.geometry),
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        half_width_m=row.half_width_m,
        band=band,
        schedule=Schedule.from_dict(row.schedule) if row.schedule is not None else None,
        speed_limit_mps=row.speed_limit_mps,
        authority=row.authority,
        jurisdiction=row.jurisdiction,
    )


def _vehicles(session: Session, known: int) -> list[VehicleRecord]:
    columns = select(Vehicle.id, Vehicle.vehicle_id, Vehicle.kind, Vehicle.partition)
    rows = session.execute(columns.where(Vehicle.generation <= known).order_by(Vehicle.id))
    return [VehicleRecord(*row) for row in rows]


def _zones(session: Session, known: int) -> list[ZoneRevision]:
    rows = session.scalars(select(ZoneRevisionRow).where(ZoneRevisionRow.generation <= known))
    found = [zone_revision(row, start, end) for row, start, end in in_force(rows, lambda row: row.zone_id)]
    return sorted(found, key=lambda revision: revision.revision_id)


def _permits(session: Session, known: int) -> Sequence[PermitTerms]:
    query = select(PermitRevisionRow).where(PermitRevisionRow.generation <= known)
    loaded = query.options(selectinload(PermitRevisionRow.vehicles), selectinload(PermitRevisionRow.zones))
    rows = session.scalars(loaded).unique()
    found = [_permit_terms(row, start, end) for row, start, end in in_force(rows, lambda row: row.permit_id)]
    return sorted(found, key=lambda terms: terms.revision_id)


def _permit_terms(row: PermitRevisionRow, starts_at_ms: int, ends_at_ms: int) -> PermitTerms:
    conditions = Conditions.from_dict(row.terms)
    return PermitTerms(
        revision_id=row.id,
        permit_id=row.permit_id,
        state=row.state,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        valid_from_ms=row.valid_from_ms,
        valid_until_ms=row.valid_until_ms,
        vehicles=frozenset(vehicle.id for vehicle in row.vehicles),
        zone_ids=frozenset(zone.zone_id for zone in row.zones),
        hours=conditions.hours,
        speed_cap_mps=conditions.speed_cap_mps,
        modes=conditions.modes,
        safety_officers=conditions.safety_officers,
        vehicles_per_remote_officer=conditions.vehicles_per_remote_officer,
        passengers_allowed=conditions.passengers_allowed,
        minimum_accuracy_m=conditions.minimum_accuracy_m,
    )


def _licences(session: Session, known: int) -> dict[str, int]:
    query = select(LicenceRevision).where(LicenceRevision.generation <= known).order_by(LicenceRevision.generation)
    return {row.officer.officer_id: row.expires_at_ms for row in session.scalars(query)}
