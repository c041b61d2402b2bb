"""What is remembered of each vehicle between samples, and which of its sequence numbers are settled."""

from __future__ import annotations

import math
from bisect import bisect_right

import msgspec

from telemetry.errors import InvalidTrackState
from telemetry.ports import TrackState

#: Written first in every state; a state of another version is refused, never guessed at.
VERSION = 1

#: Intervals above the watermark that are remembered. Beyond it the lowest is forgotten: samples
#: in it may be sent again and have no effect, since the store knows their natural key.
MAX_INTERVALS = 512

Intervals = tuple[tuple[int, int], ...]


class Fix(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A position that was believed, WGS-84 degrees; NaN and -1 where the vehicle did not say."""

    timestamp_ms: int
    lon: float
    lat: float
    altitude_m: float
    altitude_datum: int
    horizontal_accuracy_m: float
    vertical_accuracy_m: float
    speed_mps: float


class Candidate(msgspec.Struct, array_like=True, frozen=True):
    """A place far from the believed one to which `count` samples since `first_ms` agree."""

    fix: Fix
    first_ms: int
    count: int


class Run(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A finding on its way to an alert, or an open alert on its way to its end.

    `weight` is in half samples; `last_seen_ms` the last sample that showed the finding,
    `reported_ms` the `last_seen_ms` that was last written. `clear_count` samples since
    `clear_since_ms` did not show it, the last of them at `clear_last_ms`. `opened_at_ms` is -1
    until confirmed. `crossed`: the run began with a segment across a zone that neither end is in.
    """

    finding: int
    first_seen_ms: int
    last_seen_ms: int
    weight: int
    crossed: bool = False
    opened_at_ms: int = -1
    opened_seq: int = -1
    zone_revision: int = -1
    permit_revision: int = -1
    lon: float = math.nan
    lat: float = math.nan
    reported_ms: int = -1
    clear_count: int = 0
    clear_since_ms: int = -1
    clear_last_ms: int = -1


class Track(msgspec.Struct, frozen=True):
    """One vehicle's memory. Immutable: a flush makes a new one, kept only once it is committed."""

    watermark: int = 0
    received: Intervals = ()
    last_timestamp_ms: int = -1
    last_seq: int = -1
    believed: Fix | None = None
    candidates: tuple[Candidate, ...] = ()
    runs: tuple[Run, ...] = ()


class _State(msgspec.Struct, array_like=True, frozen=True):
    version: int
    received: Intervals
    believed: Fix | None
    candidates: tuple[Candidate, ...]
    runs: tuple[Run, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode

NEW_TRACK = Track()


def state_of(vehicle: int, track: Track) -> TrackState:
    """The track as the store keeps it."""
    return TrackState(
        vehicle,
        track.watermark,
        track.last_timestamp_ms,
        track.last_seq,
        _encode((VERSION, track.received, track.believed, track.candidates, track.runs)),
    )


def track_of(state: TrackState) -> Track:
    """The track that the store kept. Raises InvalidTrackState."""
    try:
        kept = _decode(state.state)
    except msgspec.MsgspecError as error:
        raise InvalidTrackState(f"vehicle {state.vehicle}: {error}") from error
    if kept.version != VERSION:
        raise InvalidTrackState(f"vehicle {state.vehicle}: version {kept.version}, not {VERSION}")
    return Track(
        watermark=state.watermark,
        received=kept.received,
        last_timestamp_ms=state.last_timestamp_ms,
        last_seq=state.last_seq,
        believed=kept.believed,
        candidates=kept.candidates,
        runs=kept.runs,
    )


def is_received(watermark: int, received: Intervals, seq: int) -> bool:
    """Whether this sequence number is settled: stored, or recorded as rejected."""
    if seq <= watermark:
        return True
    if not received or seq > received[-1][1]:
        return False
    place = bisect_right(received, (seq, math.inf)) - 1
    return place >= 0 and received[place][1] >= seq


def receive(watermark: int, received: Intervals, first: int, last: int) -> tuple[int, Intervals]:
    """Watermark and intervals once every number from `first` to `last`, both included, is settled."""
    if not received and first == watermark + 1:
        return last, ()
    if received and first == received[-1][1] + 1:
        return watermark, (*received[:-1], (received[-1][0], last))
    merged: list[tuple[int, int]] = []
    for low, high in sorted((*received, (first, last))):
        if low <= watermark + 1:
            watermark = max(watermark, high)
        elif merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return watermark, tuple(merged[-MAX_INTERVALS:])
