"""An attacker averages what the public view shows of one place over and over.

One shown point is a dozen metres from the truth, in the mean. That is what hundreds of them must be
too. The worst places are those at the edge between two steps, where the noise of the fixes shows now
one, now the other: the test knows the secret edges and puts cars there, the attacker does not.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from shapely import LineString

from app.live.snapping import Centreline, Snapper
from telemetry.samples import VehicleKind
from tests.app.live.attack_fleet import BLOCK_M, DELAY_MS, KEYS, STEP_M, Point, Watch, degrees, metres, streets
from tests.app.web.cast import NOON_MS, Time

FIXES = 100
CARS = 100
#: The noise of a good receiver and of the worst between towers, and what of one look's error must remain.
RECEIVERS = ((0.6, 0.95), (5.0, 0.8))
#: Off every road: the middle of a block.
OFF_ROAD_M = BLOCK_M / 2


def _on_road(chance: random.Random) -> Point:
    return BLOCK_M * chance.randrange(1, 6) + 3.0, chance.uniform(100, 4_000)


def _off_road(chance: random.Random) -> Point:
    return OFF_ROAD_M + chance.uniform(-200, 200), OFF_ROAD_M + BLOCK_M * chance.randrange(5) + chance.uniform(
        -200, 200
    )


def _noisy(place: Point, chance: random.Random, sigma_m: float) -> Point:
    return place[0] + chance.gauss(0, sigma_m), place[1] + chance.gauss(0, sigma_m)


def _watched(places: Sequence[Sequence[Point]]) -> list[list[Point]]:
    """Where each car is shown while it is seen at its places, one after the other; at every look of the attacker."""
    watch = Watch(Time(NOON_MS), rest_ms=0)
    shown: dict[int, Point] = {}
    looks: list[list[Point]] = [[] for _ in places]
    for instant in range(len(places[0])):
        for key, course in enumerate(places):
            watch.observe(key, course[instant])
        watch.time.pass_ms(DELAY_MS)
        shown |= watch.shown_by_key(len(places))
        for key, look in enumerate(looks):
            look.append(shown[key])
    return looks


def _mean(points: Sequence[Point]) -> Point:
    return statistics.fmean(x for x, _ in points), statistics.fmean(y for _, y in points)


def _errors(truths: Sequence[Point], guesses: Sequence[Point]) -> float:
    return statistics.fmean(math.dist(truth, guess) for truth, guess in zip(truths, guesses, strict=True))


@pytest.mark.parametrize(("sigma_m", "remains"), RECEIVERS)
@pytest.mark.parametrize("somewhere", [_on_road, _off_road])
def test_many_looks_at_a_parked_car_tell_no_more_than_one(
    somewhere: Callable[[random.Random], Point], sigma_m: float, remains: float
) -> None:
    chance = random.Random(7)
    truths = [somewhere(chance) for _ in range(CARS)]
    looks = _watched([[_noisy(truth, chance, sigma_m) for _ in range(FIXES)] for truth in truths])
    single, averaged = _errors(truths, [look[0] for look in looks]), _errors(truths, [_mean(look) for look in looks])
    assert single >= STEP_M / 5
    assert averaged >= remains * single


def test_a_car_at_an_edge_is_not_betrayed_by_being_shown_on_both_sides() -> None:
    chance = random.Random(11)
    truths = _edges(60)
    looks = _watched([[_noisy(truth, chance, 5.0) for _ in range(FIXES)] for truth in truths])
    # The best guess: half-way between all the points that it was shown at.
    guesses = [_mean(sorted(set(look))) for look in looks]
    assert _errors(truths, guesses) >= STEP_M / 10


def test_a_stop_on_a_route_driven_a_hundred_times_from_both_sides_is_not_found() -> None:
    """Each lap passes the stop and waits there; the attacker even knows when it waits."""
    chance = random.Random(13)
    stops = [_on_road(chance) for _ in range(40)]
    courses = [
        [
            _noisy((stop[0], stop[1] + metres_before * (1 if lap % 2 else -1)), chance, 0.6)
            for lap in range(100)
            for metres_before in (90.0 + chance.uniform(-20, 20), 45.0 + chance.uniform(-20, 20), 0.0)
        ]
        for stop in stops
    ]
    looks = _watched(courses)
    guesses = [_mean(look[2::3]) for look in looks]
    assert _errors(stops, guesses) >= STEP_M / 6


def test_the_same_place_is_always_shown_at_the_same_point() -> None:
    """In every process, after every restart, and whatever else changes on the map."""
    chance = random.Random(17)
    places = [_on_road(chance) for _ in range(50)] + [_off_road(chance) for _ in range(50)]
    aside = Centreline(VehicleKind.ROAD, LineString([degrees((9_000, 0)), degrees((9_000, 900))]), 10.0)
    assert _snapped(places, streets()) == _snapped(places, [aside, *reversed(streets())])


def test_edges_are_secret_and_moved_by_up_to_a_quarter_of_a_step() -> None:
    other = _edges(40, key=b"q" * 32)
    moved = [(y - STEP_M / 2) % STEP_M for _, y in _edges(40)]
    assert all(abs((m + STEP_M / 2) % STEP_M - STEP_M / 2) <= STEP_M / 4 + 0.1 for m in moved)
    assert statistics.pstdev((m + STEP_M / 2) % STEP_M for m in moved) > STEP_M / 10
    assert not set(other) & set(_edges(40))


def _edges(count: int, key: bytes = KEYS.place) -> list[Point]:
    """Places on a road where the shown step changes, found by trying."""
    x, found = BLOCK_M, []
    ys = [i / 10 for i in range(1_000, 46_000)]
    shown = _snapped([(x, y) for y in ys], streets(), key)
    for y, before, after in zip(ys, shown, shown[1:], strict=False):
        if before != after and 50 < y % BLOCK_M < BLOCK_M - 50:  # at a crossing the other street begins
            found.append((x, y))
    return found[:count]


def _snapped(places: Sequence[Point], lines: list[Centreline], key: bytes = KEYS.place) -> list[Point]:
    snapper = Snapper(lines, STEP_M, key)
    lonlat = np.array([degrees(place) for place in places])
    lon, lat = snapper.snap(VehicleKind.ROAD, lonlat[:, 0], lonlat[:, 1])
    return [metres(point) for point in zip(lon.tolist(), lat.tolist(), strict=True)]
