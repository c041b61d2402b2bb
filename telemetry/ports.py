"""The seams of telemetry: what it needs of a registry, a store and a feed, and what it hands them.

`app` implements these Protocols; telemetry knows neither SQL nor HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

from telemetry.directives import Answer, Demand, Obeyed
from telemetry.findings import OF_SAMPLES
from telemetry.samples import JudgedBatch, Mode, SafetyOfficer, VehicleKind

if TYPE_CHECKING:
    from geofences.datum import VerticalReference
    from geofences.schedule import Schedule
    from geofences.zones import ZoneRevision
    from telemetry.findings import Finding, Severity

#: Milliseconds UTC, now. Passed in everywhere; nothing reads the wall clock by itself.
Clock = Callable[[], int]


# --- what telemetry reads -------------------------------------------------------------------


class PermitState(StrEnum):
    """States of a permit once there is one; its life before is an application. Only `issued` allows driving."""

    ISSUED = "issued"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SURRENDERED = "surrendered"


@dataclass(frozen=True, slots=True)
class PermitTerms:
    """One immutable permit revision as the judge reads it, in force in [starts_at_ms, ends_at_ms).

    `valid_from_ms`/`valid_until_ms` is the period granted; `zone_ids` the zones whose union (of
    those with the same band) is granted; `holder` the key of the organisation that holds the permit;
    `officers` the people who may steer (empty: everybody registered with the holder); `hours` the
    daily windows (None: always); `minimum_accuracy_m` the largest reported horizontal accuracy allowed.
    """

    revision_id: int
    permit_id: int
    holder: int
    state: PermitState
    starts_at_ms: int
    ends_at_ms: int
    valid_from_ms: int
    valid_until_ms: int
    vehicles: frozenset[int]
    zone_ids: frozenset[str]
    officers: frozenset[str] = frozenset()
    hours: Schedule | None = None
    speed_cap_mps: float | None = None
    modes: frozenset[Mode] = frozenset(Mode)
    safety_officers: frozenset[SafetyOfficer] = frozenset(SafetyOfficer)
    vehicles_per_remote_officer: int | None = None
    passengers_allowed: bool = True
    minimum_accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class VehicleRecord:
    """A registered vehicle: `key` is the integer key, `vehicle_id` the public id in topics.

    No permit covers it during the periods [start_ms, end_ms) of `out_of_service`, sorted by start.
    """

    key: int
    vehicle_id: str
    kind: VehicleKind
    partition: int
    out_of_service: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class OfficerRecord:
    """A registered person who steers: the key of the organisation, and when the licence that counts ends."""

    organisation: int
    licence_expires_ms: int


@dataclass(frozen=True, slots=True)
class RegistrySnapshot:
    """Everything judgement depends on, as it was known at `generation`. Immutable.

    `findings` is the mask of those that were judged then: a later version of the platform finds more.
    """

    generation: int
    vehicles: Sequence[VehicleRecord]
    zones: Sequence[ZoneRevision]
    permits: Sequence[PermitTerms]
    officers: Mapping[str, OfficerRecord]  # by officer_id, as samples name them
    vertical: VerticalReference
    demands: Sequence[Demand] = ()
    findings: int = OF_SAMPLES


class Registry(Protocol):
    """Where vehicles, zones, permits and people who steer come from."""

    def generation(self) -> int:
        """The number of the newest change; cheap enough to ask at each flush."""

    def snapshot(self, generation: int | None = None) -> RegistrySnapshot:
        """The registry as it was known at `generation` (None: now)."""


# --- what telemetry writes ------------------------------------------------------------------


class RejectReason(StrEnum):
    """Why a payload was not believed. Stable codes, shown to the operator."""

    MALFORMED_TOPIC = "malformed_topic"
    UNKNOWN_VEHICLE = "unknown_vehicle"
    WRONG_PARTITION = "wrong_partition"
    WRONG_VEHICLE = "wrong_vehicle"
    TOO_LARGE = "too_large"
    TOO_MANY_SAMPLES = "too_many_samples"
    MALFORMED_JSON = "malformed_json"
    INVALID_FIELD = "invalid_field"
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
    POSITION_OUT_OF_RANGE = "position_out_of_range"
    SEQ_REUSED = "seq_reused"
    UNPROCESSABLE = "unprocessable"


@dataclass(frozen=True, slots=True)
class Reject:
    """A payload, or one sample of an array, that was not believed. Kept as a record.

    `payload` is cut to telemetry.messages.KEPT_PAYLOAD_BYTES; `vehicle` is None when the topic
    names no registered vehicle; `seq` is None when it could not be read. `digest` is the SHA-256 of
    topic and whole payload (of one sample: its own bytes), so that a redelivery has no effect.
    """

    topic: str
    vehicle: int | None
    seq: int | None
    reason: RejectReason
    detail: str
    received_ms: int
    payload: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert episode opened, extended or closed by this flush.

    The natural key is (vehicle, finding, opened_at_ms, opened_seq): writing it twice changes
    nothing. `closed_at_ms` is None while it is open. `opened_*` name the sample that confirmed it,
    `first_seen_ms` the first sample of the run that led to it.
    """

    vehicle: int
    finding: Finding
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


@dataclass(frozen=True, slots=True)
class Encounter:
    """Two aircraft too close, or about to be, as the sample of one of them showed it last in a flush.

    The natural key is (vehicle, other, began_ms): it goes on until they were apart for
    telemetry.airspace.ENCOUNTER_GAP_MS. Distances in metres, None where a height is unknown;
    `closest_at_ms` is when they are nearest to each other while too close.
    """

    vehicle: int
    other: int
    began_ms: int
    last_seen_ms: int
    horizontal_m: float
    vertical_m: float | None
    closest_at_ms: int
    closest_horizontal_m: float
    closest_vertical_m: float | None


class TrackState(msgspec.Struct, frozen=True, gc=False):
    """What the judge remembers of one vehicle, written in the transaction of the flush.

    A struct and no dataclass, since every flush makes one a vehicle. `state` is opaque to the
    store. `watermark` is the highest seq below which (itself included) everything is committed;
    `last_timestamp_ms`/`last_seq` name the newest live sample (-1: none).
    """

    vehicle: int
    watermark: int
    last_timestamp_ms: int
    last_seq: int
    state: bytes


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A vehicle's answer to a directive, by the directive's key. Writing it twice changes nothing."""

    directive: int
    answer: Answer
    received_ms: int


@dataclass(frozen=True, slots=True)
class Flush:
    """All that one flush writes, in one transaction.

    Its samples are sealed in the chain of `worker`, with `flushed_at_ms` as the time of sealing.
    """

    worker: str
    flushed_at_ms: int
    judged: JudgedBatch
    rejects: Sequence[Reject]
    alerts: Sequence[AlertChange]
    tracks: Sequence[TrackState]
    outbox: Sequence[OutboxMessage] = field(default=())
    answers: Sequence[StoredAnswer] = field(default=())
    obeyed: Sequence[Obeyed] = field(default=())
    encounters: Sequence[Encounter] = field(default=())


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A message that must leave once it is stored: topic, payload, and whether the broker keeps it.

    With a `partition` only the worker of that partition sends it: in order, and nobody else meanwhile.
    """

    topic: str
    payload: bytes
    retain: bool = False
    partition: int | None = None


class Store(Protocol):
    """Durable storage of telemetry. Every method raises StoreUnavailable when the database is not."""

    def tracks(self, vehicles: Collection[int]) -> Sequence[TrackState]:
        """The remembered states of these vehicles; those never seen are missing."""

    def stored(self, keys: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """Those of the keys (vehicle, timestamp_ms, seq) that are stored already."""

    def directives(self, directive_ids: Collection[str]) -> Mapping[str, tuple[int, int]]:
        """(directive key, vehicle key) of those of these directives that exist, settled or not."""

    def commit(self, flush: Flush) -> None:
        """Write the flush durably in one transaction, or nothing.

        Known samples, rejects and alerts have no effect: each stored sample is sealed once. Raises
        StaleRegistry when the registry's generation is no longer `flush.judged.generation`.
        """

    def pending(self, limit: int, partitions: Collection[int]) -> Sequence[tuple[int, OutboxMessage]]:
        """The oldest unsent outbox messages of these partitions, and of none, with their keys."""

    def sent(self, keys: Collection[int], at_ms: int) -> None:
        """These outbox messages have left: the broker has them since `at_ms`."""
