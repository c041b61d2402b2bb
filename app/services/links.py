"""The link watch: vehicles that fell silent on the way, told by the platform's clock and not by a sample.

Silence proves something only while the platform itself listens: it counts from the vehicle's last sample
or, if that is later, from the moment since which a worker of its partition has been well. So an outage of
ours raises nothing, and what did not come back afterwards is told once everybody had the time to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Row, and_, exists, or_, select
from sqlalchemy.orm import Session

from app.database import changing_session, reading_session
from app.models import Alert, Sample, TrackRow, Vehicle
from app.storage.records import write_alerts, write_outbox
from geofences.datum import DATUMS, VerticalReference
from geofences.zones import Datum
from telemetry.bus import alerts_topic, encode_alert
from telemetry.findings import OF_SILENCE, RULES, Severity
from telemetry.obedience import LANDED_M, STANDING_MPS
from telemetry.ports import AlertChange, OutboxMessage
from telemetry.samples import Mode, SafetyOfficer, VehicleKind

#: How often the watch looks.
EVERY_S = 2.0
#: A silence that began longer ago is no news any more: the vehicle's page says when it was heard of last.
LOOK_BACK_MS = 3_600_000
#: What the platform's own alerts go under on the service bus, beside those of the workers.
_SPEAKER = "links"

#: Since when a worker of the partition has been well without a break; None: none is.
Attention = Callable[[int], int | None]


@dataclass(frozen=True, slots=True)
class LinkRules:
    """What counts as silence, and how altitudes are read here."""

    silent_after_ms: int = RULES[OF_SILENCE].confirm_ms
    vertical: VerticalReference = field(default_factory=VerticalReference)


def watch_links(engine: Engine, now_ms: int, *, rules: LinkRules, attention: Attention) -> None:
    """Open an alert for each vehicle that fell silent on the way, and close those of vehicles heard again.

    Each silence is told once, however many processes watch: its key is the last sample's.
    """
    with reading_session(engine) as session:
        changes = [*_fallen_silent(session, now_ms, rules, attention), *_heard_again(session)]
    if not changes:
        return
    with changing_session(engine) as session:
        connection = session.connection()
        write_alerts(connection, [change for change, _ in changes])
        topic = alerts_topic(_SPEAKER)
        write_outbox(connection, [OutboxMessage(topic, encode_alert(change, name)) for change, name in changes])


def _fallen_silent(
    session: Session, now_ms: int, rules: LinkRules, attention: Attention
) -> Sequence[tuple[AlertChange, str]]:
    told = exists().where(
        Alert.vehicle_key == TrackRow.vehicle,
        Alert.finding == int(OF_SILENCE),
        Alert.first_seen_ms == TrackRow.last_timestamp_ms,
        Alert.opened_seq == TrackRow.last_seq,
    )
    may_move = or_(
        Vehicle.kind == VehicleKind.AIR,
        Sample.speed_mps.is_(None),
        Sample.speed_mps >= STANDING_MPS,
        Sample.mode == Mode.AUTONOMOUS,
    )
    silent = TrackRow.last_timestamp_ms.between(now_ms - LOOK_BACK_MS, now_ms - rules.silent_after_ms)
    rows = session.execute(_last_samples().where(silent, may_move, ~told).order_by(TrackRow.vehicle))
    found: list[tuple[AlertChange, str]] = []
    for row in rows:
        listening_ms = attention(row.partition)
        if listening_ms is None or now_ms - max(row.timestamp_ms, listening_ms) < rules.silent_after_ms:
            continue
        if _is_under_way(row, rules.vertical):
            found.append((_opened(row, rules.silent_after_ms), row.vehicle_id))
    return found


def _last_samples() -> Any:
    """The newest live sample of each vehicle."""
    newest = and_(
        Sample.timestamp_ms == TrackRow.last_timestamp_ms,
        Sample.vehicle == TrackRow.vehicle,
        Sample.seq == TrackRow.last_seq,
    )
    columns = (
        *(Sample.vehicle, Sample.timestamp_ms, Sample.seq, Sample.lon, Sample.lat, Sample.altitude_m),
        *(Sample.altitude_datum, Sample.speed_mps, Sample.mode, Sample.safety_officer),
        *(Sample.zone_revision, Sample.permit_revision, Vehicle.vehicle_id, Vehicle.kind, Vehicle.partition),
    )
    return select(*columns).join_from(TrackRow, Sample, newest).join(Vehicle, Vehicle.id == TrackRow.vehicle)


def _is_under_way(row: Row[Any], vertical: VerticalReference) -> bool:
    """Whether the last sample does not show that it had stopped: what the vehicle did not say shows nothing."""
    if row.mode == Mode.AUTONOMOUS or row.speed_mps is None or row.speed_mps >= STANDING_MPS:
        return True
    if row.kind is VehicleKind.ROAD:
        return False
    if row.altitude_m is None or row.altitude_datum < 0:
        return True
    height_m = row.altitude_m + vertical.offset_m(DATUMS[row.altitude_datum], Datum.AGL)
    return not height_m <= LANDED_M  # an altitude that cannot be converted is no proof of landing


def _opened(row: Row[Any], silent_after_ms: int) -> AlertChange:
    is_unwatched = row.mode == Mode.AUTONOMOUS and row.safety_officer != SafetyOfficer.ONBOARD
    opened_at_ms = row.timestamp_ms + silent_after_ms
    return AlertChange(
        vehicle=row.vehicle,
        finding=OF_SILENCE,
        severity=Severity.CRITICAL if is_unwatched else RULES[OF_SILENCE].severity,
        opened_at_ms=opened_at_ms,
        opened_seq=row.seq,
        first_seen_ms=row.timestamp_ms,
        last_seen_ms=opened_at_ms,
        closed_at_ms=None,
        zone_revision=row.zone_revision,
        permit_revision=row.permit_revision,
        lon=row.lon,
        lat=row.lat,
        is_new=True,
    )


def _heard_again(session: Session) -> Sequence[tuple[AlertChange, str]]:
    """The open ones of vehicles with a newer live sample. A late one changes no track, and so closes nothing."""
    again = and_(TrackRow.vehicle == Alert.vehicle_key, TrackRow.last_timestamp_ms > Alert.first_seen_ms)
    newest = and_(
        Sample.timestamp_ms == TrackRow.last_timestamp_ms,
        Sample.vehicle == TrackRow.vehicle,
        Sample.seq == TrackRow.last_seq,
    )
    query = select(Alert, Sample.received_ms).join(TrackRow, again).join(Sample, newest)
    silences = query.where(Alert.finding == int(OF_SILENCE), Alert.closed_at_ms.is_(None)).order_by(Alert.id)
    return [(_closed(alert, received_ms), alert.vehicle.vehicle_id) for alert, received_ms in session.execute(silences)]


def _closed(alert: Alert, received_ms: int) -> AlertChange:
    closed_at_ms = max(received_ms, alert.opened_at_ms)
    return AlertChange(
        vehicle=alert.vehicle_key,
        finding=OF_SILENCE,
        severity=alert.severity,
        opened_at_ms=alert.opened_at_ms,
        opened_seq=alert.opened_seq,
        first_seen_ms=alert.first_seen_ms,
        last_seen_ms=closed_at_ms,
        closed_at_ms=closed_at_ms,
        zone_revision=-1 if alert.zone_revision_id is None else alert.zone_revision_id,
        permit_revision=-1 if alert.permit_revision_id is None else alert.permit_revision_id,
        lon=alert.lon,
        lat=alert.lat,
        is_new=False,
    )
