"""Zones: publishing immutable revisions."""

from __future__ import annotations

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import InvalidChange
from app.models import User, Zone, ZoneRevisionRow
from app.registry import zone_revision
from app.services.generations import next_generation, require_future_start
from app.services.revisions import in_force
from geofences.datum import VerticalReference
from geofences.errors import GeofenceError
from geofences.index import ZoneIndex
from geofences.schedule import Schedule
from geofences.zones import FOREVER_MS, VerticalBand, ZoneKind, ZoneRevision

_NOT_YET_NUMBERED = 2**62


def publish_zone_revision(
    session: Session,
    *,
    zone_id: str,
    kind: ZoneKind,
    geometry: BaseGeometry,
    name_zh: str,
    name_en: str,
    starts_at_ms: int,
    now_ms: int,
    ends_at_ms: int | None = None,
    half_width_m: float | None = None,
    band: VerticalBand | None = None,
    schedule: Schedule | None = None,
    speed_limit_mps: float | None = None,
    authority: str = "",
    jurisdiction: str = "",
    reason: str = "",
    actor: User | None = None,
    imported: bool = False,
) -> ZoneRevisionRow:
    """Publish the first or the next revision of a zone; it takes over at its start.

    `geometry` is in EPSG:4326, lon then lat; validated by geofences.formats before it comes here.
    Raises RevisionInPast unless `imported`: only an installation that has judged no sample yet may
    take over zones that began before it. Raises InvalidChange when the kind would change, and when
    the zone cannot be judged against: bad geometry, or too far from the others for one plane.
    """
    if not imported:
        require_future_start(starts_at_ms, now_ms)
    new = ZoneRevision(
        _NOT_YET_NUMBERED,
        zone_id,
        kind,
        geometry,
        starts_at_ms,
        half_width_m=half_width_m,
        band=band,
        schedule=schedule,
    )
    _require_judgeable(session, new)
    generation = next_generation(session)
    revision = ZoneRevisionRow(
        zone=_zone(session, zone_id, kind),
        name_zh=name_zh,
        name_en=name_en,
        geometry=shapely.to_geojson(geometry),
        half_width_m=half_width_m,
        band_lower=band.lower if band else None,
        band_upper=band.upper if band else None,
        band_datum=band.datum if band else None,
        band_unit=band.unit if band else None,
        schedule=schedule.to_dict() if schedule else None,
        speed_limit_mps=speed_limit_mps,
        authority=authority,
        jurisdiction=jurisdiction,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        reason=reason,
        actor_id=actor.id if actor else None,
        recorded_at_ms=now_ms,
        generation=generation,
    )
    session.add(revision)
    session.flush()
    record(
        session,
        "zone.revision_published",
        Subject("zone", zone_id),
        actor=actor,
        now_ms=now_ms,
        reason=reason,
        after=state_of(revision),
    )
    return revision


def _require_judgeable(session: Session, new: ZoneRevision) -> None:
    """Refuse what the workers could not compile: they would wait until it is mended."""
    oldest = session.scalar(select(ZoneRevisionRow).order_by(ZoneRevisionRow.id).limit(1))
    others = [zone_revision(oldest, oldest.starts_at_ms, FOREVER_MS)] if oldest is not None else []
    try:
        ZoneIndex.build([*others, new], VerticalReference())
    except GeofenceError as error:
        raise InvalidChange(str(error)) from error


def zones_in_force(session: Session, at_ms: int) -> list[ZoneRevisionRow]:
    """The revision of each zone that is in force at an instant, by zone id; schedules not applied."""
    rows = session.scalars(select(ZoneRevisionRow).where(ZoneRevisionRow.starts_at_ms <= at_ms)).all()
    found = (row for row, start_ms, end_ms in in_force(rows, lambda row: row.zone_id) if start_ms <= at_ms < end_ms)
    return sorted(found, key=lambda row: row.zone.zone_id)


def _zone(session: Session, zone_id: str, kind: ZoneKind) -> Zone:
    zone = session.scalar(select(Zone).where(Zone.zone_id == zone_id))
    if zone is None:
        return Zone(zone_id=zone_id, kind=kind)
    if zone.kind is not kind:
        raise InvalidChange(f"zone {zone_id} is a {zone.kind}, not a {kind}")
    return zone
