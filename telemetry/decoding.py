"""Messages to columns and rejects. One bad message or sample never costs a good one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import msgspec
import numpy as np

from telemetry.directives import Answer, decode_answer
from telemetry.errors import InvalidDirective
from telemetry.messages import KEPT_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, MAX_SAMPLES, PARTITIONS, Message
from telemetry.payloads import (
    DECODE_ERRORS,
    Location,
    Sample,
    decode_sample,
    decode_samples,
    elements,
    explain,
    is_array,
    readable_seq,
)
from telemetry.ports import Reject, RejectReason, VehicleRecord
from telemetry.samples import (
    NOT_OBSERVED,
    AltitudeDatum,
    Flags,
    Integers,
    Mode,
    Reals,
    SafetyOfficer,
    SampleBatch,
    take,
)

#: How far from its arrival a sample's own time may lie. Older than 400 days is past what is kept; a
#: clock a minute ahead would make every true sample of the next minute late, one further is not believed.
OLDEST_MS = 400 * 86_400_000
NEWEST_MS = 60_000

# ASTM F3411-22a, special values that mean "unknown".
UNKNOWN_HEADING_DEG = 361.0
UNKNOWN_SPEED_MPS = 255.0
UNKNOWN_VERTICAL_SPEED_MPS = 63.0
UNKNOWN_ALTITUDE_M = -1000.0

_DETAIL_CHARACTERS = 200
_TOPIC_CHARACTERS = 256
_TOPIC_PARTS = 4

_DATUMS: dict[str | None, int] = {None: -1, **{datum.name: datum.value for datum in AltitudeDatum}}
_MODES: dict[str | None, int] = {None: -1, **{mode.name.lower(): mode.value for mode in Mode}}
_OFFICERS: dict[str | None, int] = {None: -1, **{officer.name.lower(): officer.value for officer in SafetyOfficer}}
#: Of a caller that reads samples only.
NO_ROUTES: Mapping[str, VehicleRecord] = {}
_encode_faults = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What a sequence of messages held: samples in the order of arrival, answers to directives, and rejects.

    `source` (shape (n,)) is the index of the message that each sample came in, `place` its place
    among those samples of the message that could be decoded; `reject_source` the same of the
    rejects. `officer_load` and `proximity` of the batch are -1 throughout: they are observed later.
    """

    batch: SampleBatch
    source: Integers
    place: Integers
    rejects: list[Reject]
    reject_source: list[int]
    answers: list[tuple[int, Answer]]  # index of the message, what it says


class _Reading:
    """What was found in the messages so far, in the order of arrival."""

    def __init__(
        self,
        messages: Sequence[Message],
        routes: Mapping[str, VehicleRecord],
        answer_routes: Mapping[str, VehicleRecord],
    ) -> None:
        self.messages = messages
        self.routes = routes
        self.answer_routes = answer_routes
        self.samples: list[Sample] = []
        self.holding: list[int] = []  # indices of messages that hold samples,
        self.counts: list[int] = []  # and how many each
        self.rejects: list[Reject] = []
        self.reject_source: list[int] = []
        self.answers: list[tuple[int, Answer]] = []

    def read(self, index: int) -> None:
        """Take the samples, or the rejects, of one message."""
        message = self.messages[index]
        before = len(self.samples)
        if message.topic in self.answer_routes:
            self._read_answer(index, message.payload)
        elif message.topic not in self.routes:
            self.reject(index, *_misrouted(message.topic, self.routes))
        elif len(message.payload) > MAX_PAYLOAD_BYTES:
            detail = f"{len(message.payload)} bytes; at most {MAX_PAYLOAD_BYTES}"
            self.reject(index, RejectReason.TOO_LARGE, detail)
        else:
            self._read_payload(index, message.payload)
        if len(self.samples) > before:
            self.holding.append(index)
            self.counts.append(len(self.samples) - before)

    def _read_answer(self, index: int, payload: bytes) -> None:
        try:
            self.answers.append((index, decode_answer(payload)))
        except InvalidDirective as error:
            self.reject(index, RejectReason.INVALID_FIELD, str(error))

    def _read_payload(self, index: int, payload: bytes) -> None:
        try:
            if payload[:1] == b"{" or not is_array(payload):
                self.samples.append(decode_sample(payload))
                return
            samples = decode_samples(payload)
        except DECODE_ERRORS as error:
            self._read_apart(index, payload, error)
            return
        if self._is_right_count(index, len(samples)):
            self.samples.extend(samples)

    def _read_apart(self, index: int, payload: bytes, error: Exception) -> None:
        """One by one, so that only the bad samples of an array are rejected."""
        pieces = elements(payload)
        if pieces is None:
            self.reject(index, *explain(error), seq=readable_seq(payload))
        elif self._is_right_count(index, len(pieces)):
            for piece in pieces:
                try:
                    self.samples.append(decode_sample(piece))
                except DECODE_ERRORS as problem:
                    self.reject(index, *explain(problem), seq=readable_seq(piece), piece=piece)

    def _is_right_count(self, index: int, count: int) -> bool:
        if count == 0:
            self.reject(index, RejectReason.INVALID_FIELD, "an array without samples")
        elif count > MAX_SAMPLES:
            self.reject(index, RejectReason.TOO_MANY_SAMPLES, f"{count} samples; at most {MAX_SAMPLES}")
        return 0 < count <= MAX_SAMPLES

    def reject(
        self, index: int, reason: RejectReason, detail: str, *, seq: int | None = None, piece: bytes | None = None
    ) -> None:
        """Record that a message, or one sample of it, is not believed."""
        message = self.messages[index]
        vehicle = self.routes.get(message.topic) or self.answer_routes.get(message.topic)
        key = vehicle.key if vehicle else None
        self.rejects.append(reject_of(message, reason, detail, vehicle=key, seq=seq, piece=piece))
        self.reject_source.append(index)


def decode(
    messages: Sequence[Message],
    routes: Mapping[str, VehicleRecord],
    answer_routes: Mapping[str, VehicleRecord] = NO_ROUTES,
) -> Decoded:
    """Columns, answers and rejects of these messages. The routes are telemetry.messages.routes of the vehicles."""
    reading = _Reading(messages, routes, answer_routes)
    for index in range(len(messages)):
        reading.read(index)
    source = np.repeat(np.array(reading.holding, dtype=np.int64), reading.counts)
    place = np.arange(len(source)) - np.searchsorted(source, source)
    batch = _columns(reading)
    good = _believable(reading, batch, source, place)
    if len(good) < len(batch):
        batch, source, place = take(batch, good), source[good], place[good]
    return Decoded(batch, source, place, reading.rejects, reading.reject_source, reading.answers)


def own_bytes(message: Message) -> list[bytes]:
    """The bytes of each sample of the message that could be decoded, in order: by Decoded.place."""
    pieces = elements(message.payload)
    if pieces is None:
        return [message.payload]
    return [piece for piece in pieces if _decodes(piece)]


def _decodes(piece: bytes) -> bool:
    try:
        decode_sample(piece)
    except DECODE_ERRORS:
        return False
    return True


def _columns(reading: _Reading) -> SampleBatch:
    samples = reading.samples
    locations = [sample.location for sample in samples]
    arrived = [reading.messages[index] for index in reading.holding]
    return SampleBatch(
        vehicle=np.repeat(np.array([reading.routes[m.topic].key for m in arrived], dtype=np.int64), reading.counts),
        seq=np.array([sample.seq for sample in samples], dtype=np.int64),
        timestamp_ms=np.array([sample.timestamp for sample in samples], dtype=np.int64),
        received_ms=np.repeat(np.array([m.received_ms for m in arrived], dtype=np.int64), reading.counts),
        lon=_reals(locations, "lng"),
        lat=_reals(locations, "lat"),
        altitude_m=_known(locations, "altitude", UNKNOWN_ALTITUDE_M),
        altitude_datum=np.array([_DATUMS[sample.altitude_datum] for sample in samples], dtype=np.int8),
        heading_deg=_known(locations, "heading", UNKNOWN_HEADING_DEG),
        speed_mps=_known(locations, "speed", UNKNOWN_SPEED_MPS),
        horizontal_accuracy_m=_reals(locations, "horizontal_accuracy"),
        vertical_accuracy_m=_reals(locations, "vertical_accuracy"),
        vertical_speed_mps=_known(samples, "vertical_speed", UNKNOWN_VERTICAL_SPEED_MPS),
        acceleration_mps2=_reals(samples, "acceleration"),
        mode=np.array([_MODES[sample.mode] for sample in samples], dtype=np.int8),
        safety_officer=np.array([_OFFICERS[sample.safety_officer] for sample in samples], dtype=np.int8),
        officer_id=[sample.officer_id for sample in samples],
        officer_load=np.full(len(samples), -1, dtype=np.int64),
        proximity=np.full(len(samples), NOT_OBSERVED, dtype=np.int8),
        passengers=np.array([-1 if s.passengers is None else s.passengers for s in samples], dtype=np.int64),
        battery_percent=_reals(samples, "battery_percent"),
        faults=[_encode_faults(sample.faults).decode() if sample.faults else None for sample in samples],
    )


def _reals(items: Sequence[Sample] | Sequence[Location], name: str) -> Reals:
    """One field of all, None as NaN: nothing is invented."""
    return np.array(list(map(attrgetter(name), items)), dtype=np.float64)


def _known(items: Sequence[Sample] | Sequence[Location], name: str, unknown: float) -> Reals:
    """The same, and the special value as NaN too."""
    column = _reals(items, name)
    column[column == unknown] = np.nan
    return column


def _believable(reading: _Reading, batch: SampleBatch, source: Integers, place: Integers) -> Integers:
    """Rows that can be true; those whose numbers are well formed and cannot be become rejects."""
    ahead = batch.timestamp_ms - batch.received_ms
    untimely = (ahead > NEWEST_MS) | (ahead < -OLDEST_MS)
    nowhere = (np.abs(batch.lat) > 90) | (np.abs(batch.lon) > 180)  # noqa: PLR2004 - the globe
    foreign = _foreign(reading, source)
    strange = untimely | nowhere | foreign | _unprintable(batch)
    pieces: dict[int, list[bytes]] = {}
    for row in np.flatnonzero(strange).tolist():
        index = int(source[row])
        if index not in pieces:
            pieces[index] = own_bytes(reading.messages[index])
        if untimely[row]:
            reason, detail = RejectReason.TIMESTAMP_OUT_OF_RANGE, f"{ahead[row]} ms from its arrival"
        elif nowhere[row]:
            reason, detail = RejectReason.POSITION_OUT_OF_RANGE, f"lat {batch.lat[row]}, lng {batch.lon[row]}"
        elif foreign[row]:
            reason, detail = RejectReason.WRONG_VEHICLE, f"names {reading.samples[row].vehicle_id}"
        else:
            reason, detail = RejectReason.INVALID_FIELD, "unprintable characters - at `$.officer_id`"
        reading.reject(index, reason, detail, seq=int(batch.seq[row]), piece=pieces[index][int(place[row])])
    return np.flatnonzero(~strange)


def _foreign(reading: _Reading, source: Integers) -> Flags:
    """Samples that name another vehicle than their topic does."""
    names = [sample.vehicle_id for sample in reading.samples]
    flags = np.zeros(len(source), dtype=np.bool_)
    if names.count(None) < len(names):
        topics = [reading.messages[index].topic for index in source.tolist()]
        flags[:] = [
            name is not None and name != reading.routes[topic].vehicle_id
            for name, topic in zip(names, topics, strict=True)
        ]
    return flags


def _unprintable(batch: SampleBatch) -> Flags:
    """Officers whose id no database text can hold (PostgreSQL: NUL; SQLite: lone surrogates)."""
    strange = {name for name in set(batch.officer_id) if name is not None and not name.isprintable()}
    flags = np.zeros(len(batch), dtype=np.bool_)
    if strange:
        flags[:] = [name in strange for name in batch.officer_id]
    return flags


def _misrouted(topic: str, routes: Mapping[str, VehicleRecord]) -> tuple[RejectReason, str]:
    parts = topic.split("/")
    if len(parts) != _TOPIC_PARTS or parts[0] != "v1" or parts[3] != "telemetry" or not parts[2]:
        return RejectReason.MALFORMED_TOPIC, "not v1/{partition}/{vehicle_id}/telemetry"
    if any(f"v1/{partition}/{parts[2]}/telemetry" in routes for partition in range(PARTITIONS)):
        return RejectReason.WRONG_PARTITION, f"{parts[2]} does not publish in {parts[1]}"
    return RejectReason.UNKNOWN_VEHICLE, f"{parts[2]} is not registered"


def reject_of(
    message: Message,
    reason: RejectReason,
    detail: str,
    *,
    vehicle: int | None,
    seq: int | None = None,
    piece: bytes | None = None,
) -> Reject:
    """The record of what was not believed (`piece`: one sample of it), cut to its bounds.

    Its texts are such that any database can hold them.
    """
    payload = message.payload if piece is None else piece
    return Reject(
        topic=_printable(message.topic[:_TOPIC_CHARACTERS]),
        vehicle=vehicle,
        seq=seq,
        reason=reason,
        detail=_printable(detail[:_DETAIL_CHARACTERS]),
        received_ms=message.received_ms,
        payload=payload[:KEPT_PAYLOAD_BYTES],
        digest=hashlib.sha256(message.topic.encode(errors="backslashreplace") + b"\0" + payload).digest(),
    )


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
