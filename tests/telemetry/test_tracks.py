"""Watermarks, received intervals, and what survives a restart."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.errors import InvalidTrackState
from telemetry.tracks import (
    MAX_INTERVALS,
    NEW_TRACK,
    Candidate,
    Fix,
    Run,
    Track,
    is_received,
    receive,
    state_of,
    track_of,
)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)), max_size=40))
def test_watermark_and_intervals_equal_a_plain_set(ranges: list[tuple[int, int]]) -> None:
    watermark, received, settled = 0, (), set[int]()
    for first, length in ranges:
        watermark, received = receive(watermark, received, first, first + length)
        settled |= set(range(first, first + length + 1))
    highest = next(seq for seq in range(1, 100) if seq not in settled) - 1
    assert watermark == highest
    assert {seq for low, high in received for seq in range(low, high + 1)} == {seq for seq in settled if seq > highest}
    assert all(high + 1 < low for (_, high), (low, _) in itertools.pairwise(received))
    for seq in range(1, 80):
        assert is_received(watermark, received, seq) == (seq in settled)


def test_a_vehicle_may_start_anywhere() -> None:
    assert receive(0, (), 18_241, 20_000) == (0, ((18_241, 20_000),))
    assert receive(0, ((18_241, 20_000),), 20_001, 20_001) == (0, ((18_241, 20_001),))
    assert receive(0, ((2, 9),), 1, 1) == (9, ())


def test_gaps_that_are_never_filled_stay_bounded_and_forget_the_oldest() -> None:
    watermark, received = 0, ()  # type: tuple[int, Intervals]
    for seq in range(2, 3000, 2):
        watermark, received = receive(watermark, received, seq, seq)
    assert watermark == 0
    assert len(received) == MAX_INTERVALS
    assert is_received(watermark, received, 2998)
    assert not is_received(watermark, received, 2)


FIX = Fix(5, 113.9, 22.5, float("inf"), 1, 0.5, 1.0, 3.0)
TRACK = Track(
    watermark=7,
    received=((9, 12),),
    last_timestamp_ms=5,
    last_seq=12,
    believed=FIX,
    candidates=(Candidate(FIX, 4, 2),),
    runs=(Run(8, 1, 2, 3, opened_at_ms=2, opened_seq=11, lon=1.0, lat=2.0),),
)


@pytest.mark.parametrize("track", [NEW_TRACK, TRACK])
def test_a_track_survives_the_store(track: Track) -> None:
    assert track_of(state_of(4, track)) == track


def test_a_state_that_cannot_be_read_is_refused() -> None:
    state = state_of(4, TRACK)
    with pytest.raises(InvalidTrackState, match="vehicle 4"):
        track_of(msgspec.structs.replace(state, state=b"\x00"))
    with pytest.raises(InvalidTrackState, match="version 99"):
        track_of(msgspec.structs.replace(state, state=state.state.replace(b"\x95\x01", b"\x95\x63", 1)))
