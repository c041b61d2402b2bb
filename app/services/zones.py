"""Zones: publishing immutable revisions, and which are in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import AlreadyRegistered, Conflict, InvalidChange, NotFound
from app.models import User, Zone, ZoneRevisionRow
from app.registry import zone_revision
from app.schemas.zones import ZoneContent, ZoneDetails
from app.services.generations import next_generation, require_future_start
from app.services.jurisdictions import jurisdiction_by_code
from app.services.revisions import in_force
from geofences.datum import VerticalReference
from geofences.errors import GeofenceError
from geofences.index import ZoneIndex
from geofences.schedule import Schedule
from geofences.zones import FOREVER_MS, VerticalBand, ZoneKind, ZoneRevision

_NOT_YET_NUMBERED = 2**62
#: What `seen` says of a zone that does not exist yet.
NO_REVISION = 0


@dataclass(frozen=True, slots=True)
class ZoneTitle:
    """What a zone is called."""

    zone_id: str
    kind: ZoneKind
    name_zh: str
    name_en: str

    @property
    def names(self) -> str:
        """Both names, to be searched."""
        return f"{self.name_zh}\n{self.name_en}"


def publish_zone(
    session: Session, *, zone_id: str, details: ZoneDetails, seen: int, now_ms: int, actor: User | None = None
) -> ZoneRevisionRow:
    """Publish what a person or program has drawn; without a start it is in force from now on.

    `seen` is the id of the newest revision that the actor knew, NO_REVISION for a new zone. Raises
    AlreadyRegistered for a new zone whose identifier is taken, Conflict when another revision was
    published meanwhile, NotFound for a revision of a zone that does not exist, InvalidChange for an
    unknown jurisdiction, and what publish_zone_revision raises.
    """
    generation = next_generation(session)  # first: whoever publishes besides waits here, and is then told
    require_newest(session, zone_id, seen)
    _require_jurisdiction(session, details.jurisdiction, is_new=seen == NO_REVISION)
    return publish_zone_revision(
        session,
        zone_id=zone_id,
        kind=details.kind,
        geometry=details.geometry,
        name_zh=details.name_zh,
        name_en=details.name_en,
        starts_at_ms=now_ms if details.starts_at_ms is None else details.starts_at_ms,
        ends_at_ms=details.ends_at_ms,
        now_ms=now_ms,
        half_width_m=details.half_width_m,
        band=details.vertical_band,
        schedule=details.schedule,
        speed_limit_mps=details.speed_limit_mps,
        authority=details.authority,
        jurisdiction=details.jurisdiction,
        reason=details.reason,
        actor=actor,
        generation=generation,
    )


def check_zone(session: Session, *, zone_id: str, details: ZoneDetails, seen: int, now_ms: int) -> None:
    """Raise what publish_zone would raise now, without waiting for anybody and without a change."""
    require_newest(session, zone_id, seen)
    _require_jurisdiction(session, details.jurisdiction, is_new=seen == NO_REVISION)
    starts_at_ms = now_ms if details.starts_at_ms is None else details.starts_at_ms
    require_future_start(starts_at_ms, now_ms)
    _require_order(starts_at_ms, details.ends_at_ms)
    require_judgeable(session, [unnumbered(zone_id, details, starts_at_ms)])
    zone_of_kind(session, zone_id, details.kind, details.jurisdiction)


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
    generation: int | None = None,
) -> ZoneRevisionRow:
    """Publish the first or the next revision of a zone; it takes over at its start.

    `geometry` is in EPSG:4326, lon then lat; validated by geofences before it comes here. `generation`
    is one that the caller has taken already in this transaction. Raises RevisionInPast unless
    `imported`: only an installation that has judged no sample yet may take over zones that began
    before it. Raises InvalidChange when the kind or the jurisdiction would change, when it ends before
    it starts, and when the zone cannot be judged against: bad geometry, or too far from the others for
    one plane.
    """
    if not imported:
        require_future_start(starts_at_ms, now_ms)
    _require_order(starts_at_ms, ends_at_ms)
    drawn = ZoneRevision(
        _NOT_YET_NUMBERED,
        zone_id,
        kind,
        geometry,
        starts_at_ms,
        FOREVER_MS if ends_at_ms is None else ends_at_ms,
        half_width_m=half_width_m,
        band=band,
        schedule=schedule,
        speed_limit_mps=speed_limit_mps,
        authority=authority,
        jurisdiction=jurisdiction,
    )
    require_judgeable(session, [drawn])
    zone = zone_of_kind(session, zone_id, kind, jurisdiction)
    generation = next_generation(session) if generation is None else generation
    revision = revision_row(zone, drawn, name_zh=name_zh, name_en=name_en, generation=generation)
    store_zone_revisions(session, [revision], reason=reason, actor=actor, now_ms=now_ms)
    return revision


def revision_row(zone: Zone, drawn: ZoneRevision, *, name_zh: str, name_en: str, generation: int) -> ZoneRevisionRow:
    """A revision as it is stored; see app.registry.zone_revision for the way back."""
    band, schedule = drawn.band, drawn.schedule
    return ZoneRevisionRow(
        zone=zone,
        name_zh=name_zh,
        name_en=name_en,
        geometry=shapely.to_geojson(drawn.geometry),
        half_width_m=drawn.half_width_m,
        band_lower=band.lower if band else None,
        band_upper=band.upper if band else None,
        band_datum=band.datum if band else None,
        band_unit=band.unit if band else None,
        schedule=schedule.to_dict() if schedule else None,
        speed_limit_mps=drawn.speed_limit_mps,
        authority=drawn.authority,
        jurisdiction=drawn.jurisdiction,
        starts_at_ms=drawn.starts_at_ms,
        ends_at_ms=None if drawn.ends_at_ms == FOREVER_MS else drawn.ends_at_ms,
        generation=generation,
    )


def store_zone_revisions(
    session: Session,
    revisions: Sequence[ZoneRevisionRow],
    *,
    reason: str,
    actor: User | None,
    now_ms: int,
    action: str = "zone.revision_published",
) -> None:
    """Store checked revisions and tell the audit log of each."""
    for revision in revisions:
        revision.reason = reason
        revision.actor_id = actor.id if actor else None
        revision.recorded_at_ms = now_ms
    session.add_all(revisions)
    session.flush()
    for revision in revisions:
        subject = Subject("zone", revision.zone.zone_id)
        record(session, action, subject, actor=actor, now_ms=now_ms, reason=reason, after=state_of(revision))


def require_judgeable(session: Session, news: Sequence[ZoneRevision]) -> None:
    """Refuse what the workers could not compile: they would wait until it is mended. Raises InvalidChange."""
    oldest = session.scalar(select(ZoneRevisionRow).order_by(ZoneRevisionRow.id).limit(1))
    others = [zone_revision(oldest, oldest.starts_at_ms, FOREVER_MS)] if oldest is not None else []
    corners = _corners(session)
    if corners is not None:
        others.append(
            ZoneRevision(_NOT_YET_NUMBERED - 1, "all zones", ZoneKind.TEST_ROAD, corners, 0, half_width_m=1.0)
        )
    try:
        ZoneIndex.build([*others, *news], VerticalReference())
    except GeofenceError as error:
        raise InvalidChange(str(error), code="zone_unjudgeable", field="geometry") from error


def zone_by_id(session: Session, zone_id: str) -> Zone:
    """Raises NotFound."""
    zone = session.scalar(select(Zone).where(Zone.zone_id == zone_id))
    if zone is None:
        raise NotFound(f"no zone {zone_id}")
    return zone


def newest_zone_revision(session: Session, zone: Zone) -> ZoneRevisionRow:
    """The newest decision on a zone, whether or not it has started."""
    newest = select(ZoneRevisionRow).where(ZoneRevisionRow.zone_id == zone.id)
    return session.scalars(newest.order_by(ZoneRevisionRow.generation.desc()).limit(1)).one()


def zones_in_force(session: Session, at_ms: int) -> list[ZoneRevisionRow]:
    """The revision of each zone that is in force at an instant, by zone id; schedules not applied."""
    rows = session.scalars(select(ZoneRevisionRow).where(ZoneRevisionRow.starts_at_ms <= at_ms)).all()
    found = (row for row, start_ms, end_ms in in_force(rows, lambda row: row.zone_id) if start_ms <= at_ms < end_ms)
    return sorted(found, key=lambda row: row.zone.zone_id)


def zone_titles(session: Session, at_ms: int) -> list[ZoneTitle]:
    """What the zones in force are called, by zone id; read without their shapes."""
    columns = (
        ZoneRevisionRow.starts_at_ms,
        ZoneRevisionRow.ends_at_ms,
        ZoneRevisionRow.generation,
        ZoneRevisionRow.name_zh,
        ZoneRevisionRow.name_en,
        Zone.zone_id,
        Zone.kind,
    )
    rows = session.execute(select(*columns).join(Zone).where(ZoneRevisionRow.starts_at_ms <= at_ms)).all()
    found = (row for row, start_ms, end_ms in in_force(rows, lambda row: row.zone_id) if start_ms <= at_ms < end_ms)
    titles = (ZoneTitle(row.zone_id, row.kind, row.name_zh, row.name_en) for row in found)
    return sorted(titles, key=lambda title: title.zone_id)


def require_newest(session: Session, zone_id: str, seen: int) -> None:
    """Raise as publish_zone does unless `seen` is the zone's newest revision."""
    newest = session.scalar(select(func.max(ZoneRevisionRow.id)).join(Zone).where(Zone.zone_id == zone_id))
    if newest is None and seen != NO_REVISION:
        raise NotFound(f"no zone {zone_id}")
    if newest is not None and seen == NO_REVISION:
        raise AlreadyRegistered(f"zone {zone_id} exists", field="zone_id")
    if newest is not None and newest != seen:
        raise Conflict(f"another revision of zone {zone_id} was published meanwhile")


def unnumbered(zone_id: str, details: ZoneContent, starts_at_ms: int) -> ZoneRevision:
    """Details as geofences reads them, before they are stored."""
    return ZoneRevision(
        _NOT_YET_NUMBERED,
        zone_id,
        details.kind,
        details.geometry,
        starts_at_ms,
        half_width_m=details.half_width_m,
        band=details.vertical_band,
        schedule=details.schedule,
        speed_limit_mps=details.speed_limit_mps,
        authority=details.authority,
        jurisdiction=details.jurisdiction,
    )


def _require_order(starts_at_ms: int, ends_at_ms: int | None) -> None:
    if ends_at_ms is not None and ends_at_ms <= starts_at_ms:
        raise InvalidChange("the end lies before the start", code="ends_before_start", field="ends_at_ms")


def _require_jurisdiction(session: Session, code: str, *, is_new: bool) -> None:
    """A new zone belongs to somebody; an old one may belong to nobody."""
    try:
        if is_new or code:
            jurisdiction_by_code(session, code)
    except NotFound as error:
        raise InvalidChange(f"no jurisdiction {code}", code="jurisdiction_unknown", field="jurisdiction") from error


def _corners(session: Session) -> BaseGeometry | None:
    """From corner to corner of the box around all zones, as a line."""
    drawn = session.scalars(select(ZoneRevisionRow.geometry)).all()
    if not drawn:
        return None
    west, south, east, north = shapely.total_bounds(shapely.from_geojson(np.array(drawn, dtype=object)))
    return shapely.LineString([(west, south), (east, north)])


def zone_of_kind(session: Session, zone_id: str, kind: ZoneKind, jurisdiction: str) -> Zone:
    """The zone, or a new one; kind and jurisdiction are for its whole life. Raises InvalidChange."""
    zone = session.scalar(select(Zone).where(Zone.zone_id == zone_id))
    if zone is None:
        return Zone(zone_id=zone_id, kind=kind)
    if zone.kind is not kind:
        raise InvalidChange(f"zone {zone_id} is a {zone.kind}, not a {kind}", code="zone_kind_changed", field="kind")
    # Permits are valid by whose zone it is: a border never moves under them.
    if newest_zone_revision(session, zone).jurisdiction != jurisdiction:
        raise InvalidChange(
            f"zone {zone_id} stays in its jurisdiction", code="zone_jurisdiction_changed", field="jurisdiction"
        )
    return zone
