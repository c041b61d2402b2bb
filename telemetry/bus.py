"""The service bus between worker and web: topics and JSON messages, written and read in one place."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from telemetry.errors import InvalidBusMessage
from telemetry.findings import Finding, Severity
from telemetry.ports import AlertChange, Encounter
from telemetry.samples import VehicleKind

LIVE_FILTER = "v1/service/live/+"
ALERTS_FILTER = "v1/service/alerts/+"
STATUS_FILTER = "v1/service/status/+"


def live_topic(worker: str) -> str:
    """Where a worker publishes the newest live samples (QoS 0)."""
    return f"v1/service/live/{worker}"


def worker_of(topic: str) -> str:
    """The worker that published on a topic of the bus."""
    return topic.rpartition("/")[2]


def alerts_topic(worker: str) -> str:
    """Where a worker publishes alert changes, one a message (QoS 1, from the outbox)."""
    return f"v1/service/alerts/{worker}"


def status_topic(worker: str) -> str:
    """Where a worker's retained heartbeat and its last will are."""
    return f"v1/service/status/{worker}"


class WorkerState(StrEnum):
    """What a worker says of itself; `gone` is its last will."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING_FOR_DATABASE = "waiting_for_database"
    WAITING_FOR_BROKER = "waiting_for_broker"
    FAILING = "failing"
    STOPPED = "stopped"
    GONE = "gone"


class LivePosition(msgspec.Struct, frozen=True, gc=False):
    """The newest live sample of one vehicle. WGS-84 degrees; None where the vehicle did not say.

    `vehicle` is the registry's key; `verdict` and `undecided` are Finding bit masks; `mode` and
    `safety_officer` are the payload's words.
    """

    vehicle: int
    vehicle_id: str
    kind: VehicleKind
    seq: int
    timestamp_ms: int
    received_ms: int
    lon: float
    lat: float
    altitude_m: float | None
    altitude_datum: str | None
    heading_deg: float | None
    speed_mps: float | None
    horizontal_accuracy_m: float | None
    mode: str | None
    safety_officer: str | None
    passengers: int | None
    battery_percent: float | None
    verdict: int
    undecided: int
    officer_id: str | None = None
    vertical_accuracy_m: float | None = None
    vertical_speed_mps: float | None = None


class AlertMessage(msgspec.Struct, frozen=True):
    """One alert change on the bus: AlertChange with the vehicle's public id and the finding's code.

    `encounter` is with the nearest other aircraft, for an alert of too little separation.
    """

    vehicle: int
    vehicle_id: str
    finding: str
    severity: Severity
    opened_at_ms: int
    opened_seq: int
    first_seen_ms: int
    last_seen_ms: int
    closed_at_ms: int | None
    zone_revision: int
    permit_revision: int
    lon: float
    lat: float
    is_new: bool
    encounter: Encounter | None = None

    @property
    def bit(self) -> Finding:
        """The finding as its bit."""
        return Finding[self.finding.upper()]


class Heartbeat(msgspec.Struct, frozen=True):
    """A worker's own account, once a second. `lag_ms` is the age of the oldest message not committed.

    `untold_ms` is the age of the oldest position that it has not published.
    `partitions` are those whose vehicles it listens to, `unheard` those of other workers of which it does not
    hear what it needs (telemetry.neighbours).
    """

    worker: str
    at_ms: int
    state: WorkerState
    reason: str = ""
    lag_ms: int = 0
    buffered: int = 0
    generation: int = -1
    committed_total: int = 0
    rejected_total: int = 0
    duplicates_total: int = 0
    flush_ms: float = 0.0
    partitions: tuple[int, ...] = ()
    unheard: tuple[int, ...] = ()
    untold_ms: int = 0


class _Live(msgspec.Struct, frozen=True):
    positions: list[LivePosition]


_encoder = msgspec.json.Encoder()
_live_decoder = msgspec.json.Decoder(_Live)
_alert_decoder = msgspec.json.Decoder(AlertMessage)
_heartbeat_decoder = msgspec.json.Decoder(Heartbeat)


def encode_positions(positions: Iterable[LivePosition]) -> bytes:
    """The payload for live_topic."""
    return _encoder.encode({"positions": list(positions)})


def decode_positions(payload: bytes) -> list[LivePosition]:
    """The positions of a live message. Raises InvalidBusMessage."""
    try:
        return _live_decoder.decode(payload).positions
    except msgspec.MsgspecError as error:
        raise InvalidBusMessage(str(error)) from error


def encode_alert(change: AlertChange, vehicle_id: str, encounter: Encounter | None = None) -> bytes:
    """The payload for alerts_topic."""
    return _encoder.encode(
        AlertMessage(
            vehicle=change.vehicle,
            vehicle_id=vehicle_id,
            finding=change.finding.code,
            severity=change.severity,
            opened_at_ms=change.opened_at_ms,
            opened_seq=change.opened_seq,
            first_seen_ms=change.first_seen_ms,
            last_seen_ms=change.last_seen_ms,
            closed_at_ms=change.closed_at_ms,
            zone_revision=change.zone_revision,
            permit_revision=change.permit_revision,
            lon=change.lon,
            lat=change.lat,
            is_new=change.is_new,
            encounter=encounter,
        )
    )


def decode_alert(payload: bytes) -> AlertMessage:
    """An alert change. Raises InvalidBusMessage."""
    try:
        message = _alert_decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise InvalidBusMessage(str(error)) from error
    if message.finding.upper() not in Finding.__members__:
        raise InvalidBusMessage(f"unknown finding {message.finding!r}")
    return message


def encode_heartbeat(heartbeat: Heartbeat) -> bytes:
    """The payload for status_topic."""
    return _encoder.encode(heartbeat)


def decode_heartbeat(payload: bytes) -> Heartbeat:
    """A heartbeat or last will. Raises InvalidBusMessage."""
    try:
        return _heartbeat_decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise InvalidBusMessage(str(error)) from error


def encode_committed(watermark: int, received: Iterable[tuple[int, int]]) -> bytes:
    """The payload of a vehicle's `committed` topic: every seq up to `watermark` and in `received` is settled."""
    return _encoder.encode({"watermark": watermark, "received": list(received)})
