"""Messages to columns and rejects. One bad message or sample never costs a good one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from telemetry.messages import KEPT_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, MAX_SAMPLES, PARTITIONS, Message
from telemetry.payloads import (
    DECODE_ERRORS,
    Sample,
    decode_sample,
    decode_samples,
    elements,
    explain,
    is_array,
    readable_seq,
)
from telemetry.ports import Reject, RejectReason, VehicleRecord
from telemetry.samples import AltitudeDatum, Flags, Integers, Mode, Reals, SafetyOfficer, SampleBatch, take

#: How far from its arrival a sample's own time may lie. Older than 400 days is past what is kept.
OLDEST_MS = 400 * 86_400_000
NEWEST_MS = 3_600_000

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
_encode_faults = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What a sequence of messages held: samples in the order of arrival, and rejects.

    `source` (shape (n,)) is the index of the message that each sample came in. `officer_load` of
    the batch is -1 throughout: it is observed later.
    """

    batch: SampleBatch
    source: Integers
    rejects: list[Reject]


@dataclass(slots=True)
class _Found:
    """Samples in the order of arrival, with how many each message held."""

    samples: list[Sample]
    counts: list[int]
    messages: list[int]
    rejects: list[Reject]


def decode(messages: Sequence[Message], routes: Mapping[str, VehicleRecord]) -> Decoded:
    """Columns and rejects of these messages. `routes` is telemetry.messages.routes of the vehicles."""
    found = _Found([], [], [], [])
    for index, message in enumerate(messages):
        before = len(found.samples)
        if message.topic not in routes:
            found.rejects.append(_misrouted(message, routes))
        elif len(message.payload) > MAX_PAYLOAD_BYTES:
            detail = f"{len(message.payload)} bytes; at most {MAX_PAYLOAD_BYTES}"
            found.rejects.append(_reject(message, routes, RejectReason.TOO_LARGE, detail))
        else:
            _read(message, routes, found)
        added = len(found.samples) - before
        if added:
            found.counts.append(added)
            found.messages.append(index)
    source = np.repeat(np.array(found.messages, dtype=np.int64), found.counts)
    batch = _columns(found, messages, routes, source)
    return _believable(batch, source, found, messages, routes)


def _read(message: Message, routes: Mapping[str, VehicleRecord], found: _Found) -> None:
    """Append the samples of one message, or its rejects."""
    payload = message.payload
    try:
        if payload[:1] == b"{":
            found.samples.append(decode_sample(payload))
            return
        samples = decode_samples(payload) if is_array(payload) else [decode_sample(payload)]
    except DECODE_ERRORS as error:
        _read_apart(message, routes, found, error)
        return
    if not 0 < len(samples) <= MAX_SAMPLES:
        found.rejects.append(_wrong_count(message, routes, len(samples)))
        return
    found.samples.extend(samples)


def _read_apart(message: Message, routes: Mapping[str, VehicleRecord], found: _Found, error: Exception) -> None:
    """One by one, so that only the bad samples of an array are rejected."""
    pieces = elements(message.payload)
    if pieces is None:
        found.rejects.append(_reject(message, routes, *explain(error), seq=readable_seq(message.payload)))
        return
    if not 0 < len(pieces) <= MAX_SAMPLES:
        found.rejects.append(_wrong_count(message, routes, len(pieces)))
        return
    for piece in pieces:
        try:
            found.samples.append(decode_sample(piece))
        except DECODE_ERRORS as problem:
            found.rejects.append(_reject(message, routes, *explain(problem), seq=readable_seq(piece), piece=piece))


def _columns(
    found: _Found, messages: Sequence[Message], routes: Mapping[str, VehicleRecord], source: Integers
) -> SampleBatch:
    rows = list(zip(*map(msgspec.structs.astuple, found.samples), strict=True)) or [()] * len(Sample.__struct_fields__)
    seq, timestamp, location, datum, climb, acceleration, mode, officer, officer_id, passengers, battery, faults, _ = (
        rows
    )
    lat, lng, altitude, heading, speed, horizontal, vertical = (
        list(zip(*map(msgspec.structs.astuple, location), strict=True)) or [()] * 7
    )
    arrived = [messages[i] for i in found.messages]
    return SampleBatch(
        vehicle=np.repeat(np.array([routes[m.topic].key for m in arrived], dtype=np.int64), found.counts),
        seq=np.array(seq, dtype=np.int64),
        timestamp_ms=np.array(timestamp, dtype=np.int64),
        received_ms=np.repeat(np.array([m.received_ms for m in arrived], dtype=np.int64), found.counts),
        lon=np.array(lng, dtype=np.float64),
        lat=np.array(lat, dtype=np.float64),
        altitude_m=_known(altitude, UNKNOWN_ALTITUDE_M),
        altitude_datum=np.array([_DATUMS[name] for name in datum], dtype=np.int8),
        heading_deg=_known(heading, UNKNOWN_HEADING_DEG),
        speed_mps=_known(speed, UNKNOWN_SPEED_MPS),
        horizontal_accuracy_m=np.array(horizontal, dtype=np.float64),
        vertical_accuracy_m=np.array(vertical, dtype=np.float64),
        vertical_speed_mps=_known(climb, UNKNOWN_VERTICAL_SPEED_MPS),
        acceleration_mps2=np.array(acceleration, dtype=np.float64),
        mode=np.array([_MODES[name] for name in mode], dtype=np.int8),
        safety_officer=np.array([_OFFICERS[name] for name in officer], dtype=np.int8),
        officer_id=list(officer_id),
        officer_load=np.full(len(source), -1, dtype=np.int64),
        passengers=np.array([-1 if count is None else count for count in passengers], dtype=np.int64),
        battery_percent=np.array(battery, dtype=np.float64),
        faults=[_encode_faults(names).decode() if names else None for names in faults],
    )


def _known(values: Sequence[float | None], unknown: float) -> Reals:
    """None and the special value become NaN; nothing is invented."""
    column = np.array(values, dtype=np.float64)
    column[column == unknown] = np.nan
    return column


def _believable(
    batch: SampleBatch,
    source: Integers,
    found: _Found,
    messages: Sequence[Message],
    routes: Mapping[str, VehicleRecord],
) -> Decoded:
    """Take out, as rejects, the samples whose numbers are well formed and cannot be true."""
    ahead = batch.timestamp_ms - batch.received_ms
    untimely = (ahead > NEWEST_MS) | (ahead < -OLDEST_MS)
    nowhere = (np.abs(batch.lat) > 90) | (np.abs(batch.lon) > 180)  # noqa: PLR2004 - the globe
    strange = untimely | nowhere | _foreign(found, messages, routes, source) | _unprintable(batch)
    if not strange.any():
        return Decoded(batch, source, found.rejects)
    first = np.searchsorted(source, source)  # the row of the first sample of each sample's message
    pieces: dict[int, list[bytes]] = {}
    for row in np.flatnonzero(strange).tolist():
        index = int(source[row])
        message = messages[index]
        if index not in pieces:
            pieces[index] = _decodable(message)
        piece = pieces[index][row - int(first[row])]
        if untimely[row]:
            reason, detail = RejectReason.TIMESTAMP_OUT_OF_RANGE, f"{ahead[row]} ms from its arrival"
        elif nowhere[row]:
            reason, detail = RejectReason.POSITION_OUT_OF_RANGE, f"lat {batch.lat[row]}, lng {batch.lon[row]}"
        elif found.samples[row].vehicle_id not in (None, routes[message.topic].vehicle_id):
            reason, detail = RejectReason.WRONG_VEHICLE, f"names {found.samples[row].vehicle_id}"
        else:
            reason, detail = RejectReason.INVALID_FIELD, "officer_id holds unprintable characters - at `$.officer_id`"
        found.rejects.append(_reject(message, routes, reason, detail, seq=int(batch.seq[row]), piece=piece))
    good = np.flatnonzero(~strange)
    return Decoded(take(batch, good), source[good], found.rejects)


def _foreign(
    found: _Found, messages: Sequence[Message], routes: Mapping[str, VehicleRecord], source: Integers
) -> Flags:
    """Samples that name another vehicle than their topic does."""
    flags = np.zeros(len(source), dtype=np.bool_)
    for row, sample in enumerate(found.samples):
        if sample.vehicle_id is not None:
            flags[row] = sample.vehicle_id != routes[messages[int(source[row])].topic].vehicle_id
    return flags


def _unprintable(batch: SampleBatch) -> Flags:
    """Officers whose id no database text can hold (PostgreSQL: NUL; SQLite: lone surrogates)."""
    return np.array([name is not None and not name.isprintable() for name in batch.officer_id], dtype=np.bool_)


def _decodable(message: Message) -> list[bytes]:
    """The bytes of each sample of the message that became one, in order."""
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


def _misrouted(message: Message, routes: Mapping[str, VehicleRecord]) -> Reject:
    parts = message.topic.split("/")
    if len(parts) != _TOPIC_PARTS or parts[0] != "v1" or parts[3] != "telemetry" or not parts[2]:
        return _reject(message, routes, RejectReason.MALFORMED_TOPIC, "not v1/{partition}/{vehicle_id}/telemetry")
    if any(f"v1/{partition}/{parts[2]}/telemetry" in routes for partition in range(PARTITIONS)):
        return _reject(message, routes, RejectReason.WRONG_PARTITION, f"{parts[2]} does not publish in {parts[1]}")
    return _reject(message, routes, RejectReason.UNKNOWN_VEHICLE, f"{parts[2]} is not registered")


def _wrong_count(message: Message, routes: Mapping[str, VehicleRecord], count: int) -> Reject:
    if count == 0:
        return _reject(message, routes, RejectReason.INVALID_FIELD, "an array without samples")
    return _reject(message, routes, RejectReason.TOO_MANY_SAMPLES, f"{count} samples; at most {MAX_SAMPLES}")


def _reject(
    message: Message,
    routes: Mapping[str, VehicleRecord],
    reason: RejectReason,
    detail: str,
    *,
    seq: int | None = None,
    piece: bytes | None = None,
) -> Reject:
    vehicle = routes.get(message.topic)
    payload = message.payload if piece is None else piece
    return reject_of(
        message.topic, payload, message.received_ms, reason, detail, vehicle=vehicle.key if vehicle else None, seq=seq
    )


def reject_of(
    topic: str,
    payload: bytes,
    received_ms: int,
    reason: RejectReason,
    detail: str,
    *,
    vehicle: int | None,
    seq: int | None,
) -> Reject:
    """The record of what was not believed, cut to its bounds and safe for any database's text."""
    return Reject(
        topic=_printable(topic[:_TOPIC_CHARACTERS]),
        vehicle=vehicle,
        seq=seq,
        reason=reason,
        detail=_printable(detail[:_DETAIL_CHARACTERS]),
        received_ms=received_ms,
        payload=payload[:KEPT_PAYLOAD_BYTES],
        digest=hashlib.sha256(topic.encode(errors="backslashreplace") + b"\0" + payload).digest(),
    )


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
