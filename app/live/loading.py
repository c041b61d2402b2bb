"""From the database into the picture: what the bus cannot tell a process that has just started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, lazyload, selectinload

from app.database import in_parts
from app.live.gazetteer import Gazetteer
from app.live.picture import GONE_AFTER_MS
from app.live.places import centrelines, gazetteer
from app.live.snapping import Centreline
from app.live.standing import KEPT_ENDED
from app.live.things import Alert, Names, Person, Vehicle
from app.models import Alert as AlertRow
from app.models import EncounterRow, Sample, TrackRow, ZoneRevisionRow
from app.models import Vehicle as VehicleRow
from app.services.alert_ids import alert_public_id
from app.services.alerts import ENDED_UNSEEN
from app.services.encounters import nearest_encounters
from app.services.permits_in_force import remote_officer_limits
from app.services.zones import zones_in_force
from telemetry.bus import LivePosition
from telemetry.findings import Finding, Severity
from telemetry.ports import Encounter
from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer


def known_vehicles(session: Session, now_ms: int) -> list[Vehicle]:
    """Every registered vehicle with its operator's name, and what its permits say of remote officers."""
    limits = remote_officer_limits(session, now_ms)
    return [vehicle_of(row, limits.get(row.id)) for row in session.scalars(select(VehicleRow))]


def vehicle_of(row: VehicleRow, officer_limit: int | None = None) -> Vehicle:
    """The vehicle as the live picture names it."""
    return Vehicle(
        key=row.id,
        vehicle_id=row.vehicle_id,
        kind=row.kind,
        organisation=row.organisation_id,
        operator=Names(zh=row.organisation.name_zh, en=row.organisation.name_en),
        code=row.organisation.code,
        officer_limit=officer_limit,
    )


def known_places(session: Session, now_ms: int) -> tuple[Gazetteer, list[Centreline]]:
    """The names of places, and the lines of roads and corridors in force now.

    Past revisions are named too: an alert may be open since then.
    """
    in_force = zones_in_force(session, now_ms)
    return gazetteer(session.scalars(select(ZoneRevisionRow)), in_force), centrelines(in_force)


def stored_standing_alerts(session: Session) -> tuple[list[Alert], Mapping[int, int]]:
    """Every alert that is open, and the newest of each severity that ended unseen.

    Besides, how many more ended unseen, by the key of the organisation.
    """
    found = _alerts(session, AlertRow.closed_at_ms.is_(None))
    is_full = False
    for severity in Severity:
        ended = _alerts(session, ENDED_UNSEEN, AlertRow.severity == severity, newest=KEPT_ENDED)
        is_full = is_full or len(ended) == KEPT_ENDED
        found += ended
    return found, _beyond(session, found) if is_full else {}


def alerts_handled_since(session: Session, since_ms: int, is_behind: Callable[[int, str, int], bool]) -> list[Alert]:
    """Alerts about which somebody did something from then on; `is_behind` tells, by vehicle, id and version, which."""
    columns = (AlertRow.id, AlertRow.vehicle_key, AlertRow.finding, AlertRow.opened_at_ms, AlertRow.opened_seq)
    handled = select(*columns, AlertRow.version).where(AlertRow.handled_at_ms >= since_ms)
    news = [
        key
        for key, vehicle, finding, opened_at_ms, opened_seq, version in session.execute(handled)
        if is_behind(vehicle, alert_public_id(vehicle, Finding(finding), opened_at_ms, opened_seq), version)
    ]
    return [alert for part in in_parts(news) for alert in _alerts(session, AlertRow.id.in_(part))]


def _alerts(session: Session, *which: ColumnElement[bool], newest: int | None = None) -> list[Alert]:
    """Rows with the person who is charged and nothing else: there may be ten thousand, every few seconds."""
    assignee = selectinload(AlertRow.assigned_to).options(lazyload("*"))
    wanted = select(AlertRow).where(*which).options(lazyload("*"), assignee)
    if newest is not None:
        wanted = wanted.order_by(AlertRow.closed_at_ms.desc()).limit(newest)
    rows = session.scalars(wanted).all()
    met = nearest_encounters(session, rows)
    return [alert_of(row, met.get(row.id)) for row in rows]


def _beyond(session: Session, found: Iterable[Alert]) -> Mapping[int, int]:
    """How many ended unseen and are not among these, by the key of the organisation."""
    shown = Counter(alert.vehicle for alert in found if alert.is_over)
    counted = select(AlertRow.vehicle_key, func.count()).where(ENDED_UNSEEN).group_by(AlertRow.vehicle_key)
    owners = {row.id: row.organisation_id for row in session.execute(select(VehicleRow.id, VehicleRow.organisation_id))}
    beyond: Counter[int] = Counter()
    for vehicle, count in session.execute(counted):
        beyond[owners[vehicle]] += max(count - shown[vehicle], 0)
    return +beyond


def alert_of(row: AlertRow, met: EncounterRow | None = None) -> Alert:
    """The alert as the live picture holds it; `met` is of app.services.encounters."""
    return Alert(
        vehicle=row.vehicle_key,
        finding=Finding(row.finding),
        severity=row.severity,
        opened_at_ms=row.opened_at_ms,
        opened_seq=row.opened_seq,
        last_seen_ms=row.last_seen_ms,
        lon=row.lon,
        lat=row.lat,
        zone_revision=-1 if row.zone_revision_id is None else row.zone_revision_id,
        closed_at_ms=row.closed_at_ms,
        acknowledged_at_ms=row.acknowledged_at_ms,
        escalated_at_ms=row.escalated_at_ms,
        resolved_at_ms=row.resolved_at_ms,
        assignee=None if row.assigned_to is None else Person(row.assigned_to.id, row.assigned_to.display_name),
        comments=row.comment_count,
        version=row.version,
        encounter=None if met is None else encounter_of(met),
    )


def encounter_of(row: EncounterRow) -> Encounter:
    """The encounter as the worker wrote it."""
    return Encounter(
        vehicle=row.vehicle_key,
        other=row.other_key,
        began_ms=row.began_ms,
        last_seen_ms=row.last_seen_ms,
        horizontal_m=row.horizontal_m,
        vertical_m=row.vertical_m,
        closest_at_ms=row.closest_at_ms,
        closest_horizontal_m=row.closest_horizontal_m,
        closest_vertical_m=row.closest_vertical_m,
    )


def newest_positions(session: Session, now_ms: int) -> list[LivePosition]:
    """The newest live sample of every vehicle that was heard of lately."""
    newest = and_(
        Sample.timestamp_ms == TrackRow.last_timestamp_ms,
        Sample.vehicle == TrackRow.vehicle,
        Sample.seq == TrackRow.last_seq,
    )
    rows = session.execute(
        select(Sample, VehicleRow)
        .join(TrackRow, newest)
        .join(VehicleRow, VehicleRow.id == Sample.vehicle)
        .where(TrackRow.last_timestamp_ms > now_ms - GONE_AFTER_MS)
    )
    return [_position_of(sample, vehicle) for sample, vehicle in rows]


def _position_of(sample: Sample, vehicle: VehicleRow) -> LivePosition:
    return LivePosition(
        vehicle=vehicle.id,
        vehicle_id=vehicle.vehicle_id,
        kind=vehicle.kind,
        seq=sample.seq,
        timestamp_ms=sample.timestamp_ms,
        received_ms=sample.received_ms,
        lon=sample.lon,
        lat=sample.lat,
        altitude_m=sample.altitude_m,
        altitude_datum=None if sample.altitude_datum < 0 else AltitudeDatum(sample.altitude_datum).name,
        heading_deg=sample.heading_deg,
        speed_mps=sample.speed_mps,
        horizontal_accuracy_m=sample.horizontal_accuracy_m,
        mode=None if sample.mode < 0 else Mode(sample.mode).name.lower(),
        safety_officer=None if sample.safety_officer < 0 else SafetyOfficer(sample.safety_officer).name.lower(),
        passengers=None if sample.passengers < 0 else sample.passengers,
        battery_percent=sample.battery_percent,
        verdict=sample.verdict,
        undecided=sample.undecided,
        officer_id=sample.officer_id,
        vertical_accuracy_m=sample.vertical_accuracy_m,
        vertical_speed_mps=sample.vertical_speed_mps,
    )
