"""Jumps, clocks and accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from telemetry.findings import Finding
from telemetry.plausibility import clock_skewed, distance_m, low_accuracy, reach_m
from tests.telemetry.cast import CAR, EVTOL, T0, World, degrees, drive, message, payload, world

JUMP = Finding.IMPLAUSIBLE_JUMP


def test_only_the_future_is_skewed() -> None:
    received = np.array([10_000] * 4)
    observed = np.array([0, 10_000, 15_000, 15_001])
    assert clock_skewed(observed, received).tolist() == [False, False, False, True]


def test_unknown_accuracy_is_no_low_accuracy() -> None:
    accuracy, minimum = np.array([1.0, 1.1, np.nan, 9.0]), np.array([1.0, 1.0, 1.0, np.inf])
    assert low_accuracy(accuracy, minimum).tolist() == [False, True, False, False]


@pytest.mark.parametrize(("east", "north"), [(0, 0), (1, 0), (0, 100), (3000, -4000)])
def test_distances_are_metres(east: float, north: float) -> None:
    (lon, lat), (other_lon, other_lat) = degrees(0, 0), degrees(east, north)
    measured = distance_m(*(np.array([value]) for value in (lon, lat, other_lon, other_lat)))
    assert measured[0] == pytest.approx(math.hypot(east, north), rel=0.005, abs=0.01)


def test_reach_is_bounded_by_the_speed_reported_and_by_the_kind() -> None:
    elapsed = np.array([1.0, 1.0, 100.0])
    speed = np.array([10.0, np.nan, 10.0])
    assert reach_m(elapsed, speed, np.full(3, 70.0)).tolist() == [20.0, 70.0, 7000.0]


def jumps(home: World, path: Sequence[tuple[float, float]], **changes: object) -> list[bool]:
    home.send(*drive(path, **changes))
    return [JUMP in home.findings(seq + 1) for seq in range(len(path))]


def test_a_leap_is_stored_with_its_finding_and_has_no_place() -> None:
    home = world()
    assert jumps(home, [(500, 500), (500, 1500), (510, 500)]) == [False, True, False]
    place = Finding.OUTSIDE_AREA | Finding.RESTRICTED_AREA
    assert home.undecided(2) & place == place
    assert home.findings(2) == JUMP
    assert home.undecided(3) == Finding(0)


def test_a_track_moves_to_a_far_place_only_after_several_fixes_that_agree() -> None:
    home = world()
    path = [(100.0, 500.0)] + [(900.0 + 5 * i, 500.0) for i in range(8)]
    assert jumps(home, path) == [False] + [True] * 5 + [False] * 3


def test_scattered_fixes_never_become_believed_and_do_not_hide_the_true_place() -> None:
    home = world()
    bad = [(100.0, 900.0), (900.0, 900.0), (900.0, 100.0)]
    path = [(100.0, 100.0)] + [bad[i // 2 % 3] if i % 2 else (500.0, 500.0) for i in range(12)]
    found = jumps(home, path, location={"speed": 0.0})
    assert found[:6] == [False] + [True] * 5
    assert found[7::2] == [False, False, False], "the cluster in the middle is believed in the end"
    assert all(found[8::2])


def test_a_long_silence_allows_a_long_way() -> None:
    home = world()
    home.send(message(payload(1, T0, 100, 500)), message(payload(2, T0 + 60_000, 900, 500)))
    assert home.findings(2) == Finding(0)


def test_an_aircraft_may_be_faster_than_a_car() -> None:
    home = world()
    for who in (CAR, EVTOL):
        home.send(*drive([(0, -2000), (130, -2000)], who=who, location={"speed": None}))
    assert JUMP in home.findings(2, CAR)
    assert JUMP not in home.findings(2, EVTOL)


def test_jumps_are_told_across_flushes_and_restarts() -> None:
    home = world()
    for drove in drive([(500, 500), (500, 1500), (505, 500), (505, 1500)]):
        home.send(drove)
        home.restarted()
    assert [JUMP in home.findings(seq) for seq in (1, 2, 3, 4)] == [False, True, False, True]
