"""Paths, courses, streets and receivers: what moves keeps to its line and to what it can do."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import cycle, pairwise

import pytest
from shapely.geometry import LineString, Point

from app.showcase.plan import shipped_zones
from app.simulator.aircraft import Airway, PatrolAircraft, ShuttleAircraft
from app.simulator.course import Abilities, Course, Leg, Pace
from app.simulator.muster import PLANE
from app.simulator.paths import Path, ahead, tightest_radius_m, to_the_right, turn
from app.simulator.receiver import Receiver
from app.simulator.streets import SlowPlace, Street, Streets, lay_out, road_speed_mps

CAR = Abilities(acceleration_mps2=1.6, braking_mps2=1.8, hardest_braking_mps2=3.5)
TICK_S = 0.25
EASTWARD = math.pi / 2


def straight(length_m: float) -> Path:
    return Path.through([(0.0, 0.0), (0.0, length_m / 3), (0.0, length_m)])


def test_right_is_right_of_the_direction_of_travel() -> None:
    assert to_the_right((0.0, 0.0), 0.0, 5.0) == pytest.approx((5.0, 0.0))
    assert to_the_right((0.0, 0.0), EASTWARD, 5.0) == pytest.approx((0.0, -5.0))
    assert ahead((0.0, 0.0), EASTWARD, 5.0) == pytest.approx((5.0, 0.0))


def test_a_path_is_followed_by_distance() -> None:
    path = Path.through([(0.0, 0.0), (0.0, 0.0), (0.0, 30.0), (40.0, 30.0)])
    assert path.length_m == 70.0
    assert path.at(50.0) == (pytest.approx((20.0, 30.0)), pytest.approx(EASTWARD))
    assert path.at(-5.0)[0] == (0.0, 0.0)
    assert path.at(500.0)[0] == (40.0, 30.0)
    assert path.cut(10.0, 50.0).length_m == pytest.approx(40.0)
    assert path.reversed().points[0] == (40.0, 30.0)
    assert path.cut(0.0, 30.0).shifted_right(4.0).points[0] == pytest.approx((4.0, 0.0))


@pytest.mark.parametrize(
    "entering",
    [
        [(16.0, -4.0), (50.0, -4.0)],  # right
        [(-16.0, 4.0), (-50.0, 4.0)],  # left
        [(4.0, 16.0), (4.0, 50.0)],  # straight on
        [(-4.0, -16.0), (-4.0, -50.0)],  # back
    ],
)
def test_turns_join_two_lanes_smoothly(entering: list[tuple[float, float]]) -> None:
    first, second = Path.through([(4.0, -50.0), (4.0, -16.0)]), Path.through(entering)
    curve = turn(first, second)
    assert curve.points[0] == (4.0, -16.0)
    assert curve.points[-1] == pytest.approx(entering[0])
    headings = [math.atan2(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(curve.points)]
    assert all(math.cos(after - before) > 0.7 for before, after in pairwise([0.0, *headings, second.at(0.0)[1]]))
    assert tightest_radius_m(curve) > 3


def test_a_course_keeps_to_its_limits() -> None:
    slow, fast = Leg(straight(150), 4.0), Leg(straight(200), 14.0)
    course = Course(cycle([fast, slow]), CAR)
    speeds = []
    for tick in range(4 * 300):
        course.advance(TICK_S, tick * 250, Pace())
        assert course.speed_mps <= course.leg.speed_mps + 0.5
        speeds.append(course.speed_mps)
    changes = [(after - before) / TICK_S for before, after in pairwise(speeds)]
    assert max(changes) <= CAR.acceleration_mps2 + 1e-9
    assert min(changes) >= -CAR.hardest_braking_mps2 - 1e-9
    assert max(speeds) > 13


def test_a_course_waits_where_it_may_not_enter_and_goes_on_when_it_may() -> None:
    gate = Leg(straight(50), 10.0, may_enter=lambda at_ms: at_ms >= 60_000)
    course = Course(iter([Leg(straight(200), 12.0), *[gate] * 50]), CAR)
    for at_ms in range(0, 60_000, 250):
        course.advance(TICK_S, at_ms, Pace())
    assert course.speed_mps < 0.05
    assert 190 < course.on_leg_m < 200
    for at_ms in range(60_000, 70_000, 250):
        course.advance(TICK_S, at_ms, Pace())
    assert course.leg is gate


def test_a_course_stops_behind_a_leader_and_when_told() -> None:
    course = Course(cycle([Leg(straight(2_000), 14.0)]), CAR)
    gap_m = 100.0
    for tick in range(4 * 60):
        before_m = course.on_leg_m
        course.advance(TICK_S, tick * 250, Pace(gap_m=gap_m))
        gap_m -= course.on_leg_m - before_m
        assert gap_m > -1.0
    assert course.speed_mps < 0.2
    assert gap_m < 5


def streets() -> Streets:
    """A crossroads of two streets, one of which has a school at its eastern end."""
    centre, north, south = (113.9, 22.53), (113.9, 22.533), (113.9, 22.527)
    west, east = (113.897, 22.53), (113.903, 22.53)
    school = Path.through([PLANE.point(113.902, 22.53), PLANE.point(*east)])
    return lay_out(
        [Street("avenue", (north, centre, south), 18.0), Street("street", (west, centre, east), 12.0)],
        PLANE,
        [SlowPlace(school, 25.0, 7.0)],
    )


def test_streets_meet_at_shared_vertices() -> None:
    graph = streets()
    assert len(graph.lanes) == 8
    assert len(graph.leaving[(113.9, 22.53)]) == 4
    assert len({lane.key for lane in graph.lanes}) == 8


def test_lanes_near_a_school_are_slow() -> None:
    speeds = {lane.key: lane.speed_mps for lane in streets().lanes if lane.zone_id == "street"}
    assert sorted(set(speeds.values())) == [7.0, road_speed_mps(12.0)]


def test_a_drive_never_leaves_the_roads_and_takes_every_lane() -> None:
    graph = streets()
    roads = (
        LineString([PLANE.point(113.9, 22.533), PLANE.point(113.9, 22.527)])
        .buffer(18)
        .union(LineString([PLANE.point(113.897, 22.53), PLANE.point(113.903, 22.53)]).buffer(12))
    )
    course = Course(graph.drive(graph.lanes[0], random.Random(5), 20.0), CAR)
    driven, places = set(), []
    for tick in range(4 * 1_200):
        course.advance(TICK_S, tick * 250, Pace())
        driven.add(course.leg.key)
        places.append(course.pose[0])
    assert all(roads.contains(Point(place)) for place in places)
    assert driven >= {lane.key for lane in graph.lanes}
    assert all(math.dist(a, b) < 15 * TICK_S for a, b in pairwise(places))


def corridor(zone_id: str) -> Path:
    return Path.through([PLANE.point(lon, lat) for lon, lat in shipped_zones()[zone_id]["geometry"]["coordinates"]])


def shuttle(line: Path, airway: Airway | None = None) -> ShuttleAircraft:
    pads = (ahead(line.points[0], 1.0, 30.0), ahead(line.points[-1], 1.0, 30.0))
    return ShuttleAircraft(
        line,
        pads,
        cruise_m=55.0,
        ground_m=5.0,
        offset_m=20.0,
        start_m=500.0,
        randomness=random.Random(3),
        airway=airway or Airway(),
    )


def test_an_aircraft_changes_its_altitude_above_its_pads_only() -> None:
    line = corridor("corridor-bay")
    aircraft = shuttle(line)
    landings, altitudes, places = 0, [], []
    for at_ms in range(0, 1_800_000, 250):
        aircraft.advance(TICK_S, at_ms, Pace())
        altitudes.append(aircraft.pose.altitude_m)
        places.append(aircraft.pose.point)
    for (before_m, after_m), place in zip(pairwise(altitudes), places[1:], strict=True):
        if after_m != before_m:
            ends = (line.points[0], line.points[-1])
            assert min(math.dist(place, ahead(end, 1.0, 30.0)) for end in ends) < 3
        landings += before_m > 5.0 and after_m == 5.0
        assert abs(after_m - before_m) <= 3.6 * TICK_S
    assert landings >= 4
    assert (min(altitudes), max(altitudes)) == (5.0, 55.0)


def test_of_one_airway_one_shuttle_at_a_time_is_off_the_ground() -> None:
    airway = Airway()
    shuttles = [shuttle(corridor("corridor-bay"), airway) for _ in range(3)]
    flown = set()
    for at_ms in range(0, 2_400_000, 250):
        for each in shuttles:
            each.advance(TICK_S, at_ms, Pace())
        flying = [number for number, each in enumerate(shuttles) if each.pose.altitude_m > 5.0]
        assert len(flying) <= 1
        flown.update(flying)
    assert flown == {0, 1, 2}


def test_an_aircraft_stays_within_its_corridor() -> None:
    line = corridor("corridor-bay")
    volume = LineString(line.points).buffer(60)
    shuttling = shuttle(line)
    patrolling = PatrolAircraft.along(line, 58.0, 5.0, 20.0, 800.0)
    for at_ms in range(0, 900_000, 250):
        for aircraft in (shuttling, patrolling):
            aircraft.advance(TICK_S, at_ms, Pace())
            assert volume.contains(Point(aircraft.pose.point))
    assert patrolling.pose.altitude_m == 58.0


def fixes(receiver: Receiver) -> Iterator[float]:
    while True:
        receiver.observe(1.0)
        yield math.hypot(*receiver.fix((0.0, 0.0)))


def test_two_thirds_of_fixes_lie_within_the_reported_accuracy() -> None:
    receiver = Receiver(random.Random(1), horizontal_m=1.5, vertical_m=1.2)
    errors_m = [error_m for error_m, _ in zip(fixes(receiver), range(40_000), strict=False)]
    within = sum(error_m <= 1.5 for error_m in errors_m) / len(errors_m)
    assert 0.64 < within < 0.72


def test_errors_drift_instead_of_jumping() -> None:
    receiver = Receiver(random.Random(1), horizontal_m=1.5, vertical_m=1.2)
    places = []
    for _ in range(500):
        receiver.observe(1.0)
        places.append(receiver.fix((0.0, 0.0)))
    steps_m = [math.dist(a, b) for a, b in pairwise(places)]
    assert sum(steps_m) / len(steps_m) < 0.6
