"""What changed between two generations, read from the tables into plain values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import shapely
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.models import (
    DirectiveRow,
    LicenceRevision,
    Officer,
    PermitRevisionRow,
    RecognitionRevision,
    ServiceStatus,
    Vehicle,
    VehicleStatusRevision,
    Zone,
    ZoneRevisionRow,
)
from app.models.permits import permit_revision_officers, permit_revision_vehicles, permit_revision_zones
from app.services.conditions import Conditions
from geofences.schedule import Schedule
from geofences.zones import FOREVER_MS, VerticalBand, ZoneRevision
from telemetry.directives import Demand, DemandedPlace
from telemetry.ports import OfficerRecord, PermitTerms, VehicleRecord

_Subject = TypeVar("_Subject")
_Value = TypeVar("_Value")
_Sets = defaultdict[int, frozenset[_Value]]


@dataclass(frozen=True, slots=True)
class Dated(Generic[_Subject, _Value]):
    """One immutable revision of a subject, as app.services.revisions.in_force reads it."""

    subject: _Subject
    generation: int
    starts_at_ms: int
    value: _Value
    ends_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A permit's revision. `terms` are without period and name every zone, whoever decides there."""

    terms: PermitTerms
    stage: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Recognition:
    """Permits of these stages are recognised in [valid_from_ms, valid_until_ms)."""

    stages: frozenset[str]
    valid_from_ms: int
    valid_until_ms: int


@dataclass(frozen=True, slots=True)
class Changes:
    """All that is new up to `generation`. Recognitions are by (recogniser, issuer), permits and vehicles by key."""

    generation: int
    vehicles: Sequence[VehicleRecord]
    statuses: Sequence[Dated[int, ServiceStatus]]
    zones: Sequence[Dated[str, ZoneRevision]]
    permits: Sequence[Dated[int, Decision]]
    recognitions: Sequence[Dated[tuple[str, str], Recognition]]
    officers: Sequence[tuple[str, OfficerRecord]]


def changes(session: Session, *, after: int, up_to: int) -> Changes:
    """Everything with a generation in (after, up_to]."""

    def new(generation: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        return (generation > after) & (generation <= up_to)

    return Changes(
        generation=up_to,
        vehicles=_vehicles(session, new(Vehicle.generation)),
        statuses=_statuses(session, new(VehicleStatusRevision.generation)),
        zones=_zones(session, new(ZoneRevisionRow.generation)),
        permits=_permits(session, new(PermitRevisionRow.generation)),
        recognitions=_recognitions(session, new(RecognitionRevision.generation)),
        officers=_officers(session, new(LicenceRevision.generation)),
    )


def demands(session: Session, *, up_to: int) -> Sequence[Demand]:
    """The directives that stand now, of those issued up to the generation: few, and so read whole each time."""
    columns = select(
        DirectiveRow.id, DirectiveRow.vehicle_key, DirectiveRow.kind, DirectiveRow.issued_at_ms, DirectiveRow.terms
    )
    waiting = columns.where(
        DirectiveRow.settled_at_ms.is_(None), DirectiveRow.complied_at_ms.is_(None), DirectiveRow.generation <= up_to
    )
    return [
        Demand(
            *(row.id, row.vehicle_key, row.kind, row.issued_at_ms),
            place=DemandedPlace.of(row.terms),
            speed_mps=row.terms.get("speed_mps"),
        )
        for row in session.execute(waiting.order_by(DirectiveRow.id))
    ]


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


def _vehicles(session: Session, new: ColumnElement[bool]) -> list[VehicleRecord]:
    columns = select(Vehicle.id, Vehicle.vehicle_id, Vehicle.kind, Vehicle.partition)
    return [VehicleRecord(*row) for row in session.execute(columns.where(new))]


def _statuses(session: Session, new: ColumnElement[bool]) -> list[Dated[int, ServiceStatus]]:
    columns = select(
        VehicleStatusRevision.vehicle_id,
        VehicleStatusRevision.generation,
        VehicleStatusRevision.starts_at_ms,
        VehicleStatusRevision.status,
    )
    return [Dated(*row) for row in session.execute(columns.where(new))]


def _zones(session: Session, new: ColumnElement[bool]) -> list[Dated[str, ZoneRevision]]:
    return [
        Dated(
            subject=row.zone.zone_id,
            generation=row.generation,
            starts_at_ms=row.starts_at_ms,
            value=zone_revision(row, row.starts_at_ms, FOREVER_MS),
            ends_at_ms=row.ends_at_ms,
        )
        for row in session.scalars(select(ZoneRevisionRow).where(new).order_by(ZoneRevisionRow.generation))
    ]


def _permits(session: Session, new: ColumnElement[bool]) -> list[Dated[int, Decision]]:
    vehicles_of = select(permit_revision_vehicles.c.revision_id, permit_revision_vehicles.c.vehicle_id)
    zones_of = select(permit_revision_zones.c.revision_id, Zone.zone_id).join_from(permit_revision_zones, Zone)
    officers_of = select(permit_revision_officers.c.revision_id, Officer.officer_id).join_from(
        permit_revision_officers, Officer
    )
    vehicles: _Sets[int] = _gathered(session.execute(vehicles_of.join(PermitRevisionRow).where(new)))
    zones: _Sets[str] = _gathered(session.execute(zones_of.join(PermitRevisionRow).where(new)))
    officers: _Sets[str] = _gathered(session.execute(officers_of.join(PermitRevisionRow).where(new)))
    return [
        Dated(
            subject=row.permit_id,
            generation=row.generation,
            starts_at_ms=row.starts_at_ms,
            value=Decision(
                terms=_permit_terms(row, vehicles[row.id], zones[row.id], officers[row.id]),
                stage=row.stage,
                issuer=row.permit.jurisdiction.code,
            ),
        )
        for row in session.scalars(select(PermitRevisionRow).where(new))
    ]


def _permit_terms(
    row: PermitRevisionRow, vehicles: frozenset[int], zone_ids: frozenset[str], officers: frozenset[str]
) -> PermitTerms:
    conditions = Conditions.from_dict(row.terms)
    return PermitTerms(
        revision_id=row.id,
        permit_id=row.permit_id,
        holder=row.permit.holder_id,
        state=row.state,
        starts_at_ms=row.starts_at_ms,
        ends_at_ms=FOREVER_MS,
        valid_from_ms=row.valid_from_ms,
        valid_until_ms=row.valid_until_ms,
        vehicles=vehicles,
        zone_ids=zone_ids,
        officers=officers,
        hours=conditions.hours,
        speed_cap_mps=conditions.speed_cap_mps,
        modes=conditions.modes,
        safety_officers=conditions.safety_officers,
        vehicles_per_remote_officer=conditions.vehicles_per_remote_officer,
        passengers_allowed=conditions.passengers_allowed,
        minimum_accuracy_m=conditions.minimum_accuracy_m,
    )


def _recognitions(session: Session, new: ColumnElement[bool]) -> list[Dated[tuple[str, str], Recognition]]:
    return [
        Dated(
            subject=(row.recogniser.code, row.issuer.code),
            generation=row.generation,
            starts_at_ms=row.starts_at_ms,
            value=Recognition(
                frozenset(row.stages),
                row.valid_from_ms,
                FOREVER_MS if row.valid_until_ms is None else row.valid_until_ms,
            ),
        )
        for row in session.scalars(select(RecognitionRevision).where(new))
    ]


def _officers(session: Session, new: ColumnElement[bool]) -> list[tuple[str, OfficerRecord]]:
    """Those with a new licence, the newest last; nobody is registered without one, nor changes the organisation."""
    query = select(Officer.officer_id, Officer.organisation_id, LicenceRevision.expires_at_ms)
    rows = session.execute(query.join_from(LicenceRevision, Officer).where(new).order_by(LicenceRevision.generation))
    return [
        (officer_id, OfficerRecord(organisation, expires_at_ms)) for officer_id, organisation, expires_at_ms in rows
    ]


def _gathered(rows: Iterable[Sequence[Any]]) -> _Sets[Any]:
    """The right sides of each left side, as a set; empty for those that are not there."""
    sets: defaultdict[int, set[Any]] = defaultdict(set)
    for row in rows:
        sets[row[0]].add(row[1])
    return defaultdict(frozenset, {left: frozenset(rights) for left, rights in sets.items()})
