"""Where vehicles are to a closed place, and who is on the way into it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from geofences.datum import VerticalReference
from geofences.placement import Points
from geofences.zones import Datum, VerticalBand
from telemetry.approach import AHEAD_S, ClosedPlace, Motion
from telemetry.samples import AltitudeDatum
from tests.telemetry.cast import degrees, square

GROUND = VerticalReference(ground_elevation_m=10.0)
#: A block of 400 m by 200 m.
BLOCK = square(0, 0, 400, 200)
OPEN = ClosedPlace.of(BLOCK, None, GROUND)
BAND = ClosedPlace.of(BLOCK, VerticalBand(60.0, 120.0, Datum.AGL), GROUND)
#: Concave: the way between its arms is open.
FORK = ClosedPlace.of(
    Polygon(
        [degrees(*at) for at in [(0, 0), (400, 0), (400, 50), (50, 50), (50, 150), (400, 150), (400, 200), (0, 200)]]
    ),
    None,
    GROUND,
)
NAN = math.nan


def at(
    east_m: float,
    north_m: float,
    *,
    radius_m: float = 0.0,
    altitude_m: float = NAN,
    datum: int = AltitudeDatum.AGL,
    vertical_radius_m: float = 0.0,
) -> Points:
    lon, lat = degrees(east_m, north_m)
    reals = (np.array([value]) for value in (lon, lat, radius_m, altitude_m))
    lons, lats, radii, altitudes = reals
    return Points(
        lons, lats, radii, altitudes, np.array([datum], np.int8), np.array([vertical_radius_m]), np.zeros(1, np.int64)
    )


def moving(heading_deg: float = 0.0, speed_mps: float = 0.0, climb_mps: float = 0.0, top_mps: float = 70.0) -> Motion:
    return Motion(*(np.array([value]) for value in (heading_deg, speed_mps, climb_mps, top_mps)))


@pytest.mark.parametrize(
    ("east_m", "radius_m", "inside", "outside"),
    [
        (200.0, 1.0, True, False),
        (399.99, 0.0, True, False),
        (403.0, 4.0, True, False),  # it may be inside
        (405.0, 4.0, False, True),
        (480.0, NAN, True, False),  # nobody knows, and it is near
        (900.0, NAN, False, False),  # nobody knows
    ],
)
def test_who_may_be_inside_is_inside(east_m: float, radius_m: float, inside: bool, outside: bool) -> None:  # noqa: FBT001 -- a table
    stands = OPEN.stands(at(east_m, 100, radius_m=radius_m))
    assert (bool(stands.inside[0]), bool(stands.outside[0])) == (inside, outside)


@pytest.mark.parametrize(
    ("altitude_m", "datum", "inside"),
    [
        (90.0, AltitudeDatum.AGL, True),
        (40.0, AltitudeDatum.AGL, False),
        (130.0, AltitudeDatum.AMSL, True),  # the ceiling, above ground at 10 m
        (131.0, AltitudeDatum.AMSL, False),
        (40.0, AltitudeDatum.WGS84, True),  # the geoid is not known here
        (NAN, AltitudeDatum.AGL, True),
    ],
)
def test_a_band_closes_its_heights_only(altitude_m: float, datum: AltitudeDatum, inside: bool) -> None:  # noqa: FBT001 -- a table
    stands = BAND.stands(at(200, 100, altitude_m=altitude_m, datum=datum))
    assert bool(stands.inside[0]) is inside
    assert bool(stands.outside[0]) is not inside


def test_the_depth_is_the_shortest_way_out() -> None:
    assert OPEN.stands(at(200, 70)).depth_m[0] == pytest.approx(70, abs=0.1)
    assert OPEN.stands(at(430, 100)).depth_m[0] == pytest.approx(-30, abs=0.1)
    assert BAND.stands(at(200, 70, altitude_m=65.0)).depth_m[0] == pytest.approx(5, abs=0.1)
    assert BAND.stands(at(200, 70)).depth_m[0] == pytest.approx(70, abs=0.1), "of an unknown altitude the way aside"


@pytest.mark.parametrize(
    ("heading_deg", "speed_mps", "approaches"),
    [
        (90.0, 10.0, True),  # 590 m ahead of it lies the block, 500 m away
        (90.0, 8.0, False),  # 480 m
        (270.0, 10.0, False),
        (0.0, 10.0, False),
        (90.0, 0.0, False),
        (NAN, 10.0, True),  # it may turn there
        (NAN, 8.0, False),
        (90.0, NAN, True),  # it may be as fast as its kind can
        (270.0, NAN, False),
    ],
)
def test_who_would_be_inside_within_a_minute_approaches(heading_deg: float, speed_mps: float, approaches: bool) -> None:  # noqa: FBT001 -- a table
    assert bool(OPEN.approached(at(-500, 100), moving(heading_deg, speed_mps))[0]) is approaches


@pytest.mark.parametrize(
    ("altitude_m", "climb_mps", "approaches"),
    [
        (90.0, 0.0, True),
        (20.0, 0.0, False),
        (20.0, 1.0, True),  # it reaches the floor after 40 s, above the block from 30 s on
        (20.0, 5.0, False),  # it is above the ceiling when it comes there
        (200.0, -2.0, True),
        (20.0, NAN, True),
        (NAN, 0.0, True),
    ],
)
def test_an_aircraft_approaches_in_three_dimensions(altitude_m: float, climb_mps: float, approaches: bool) -> None:  # noqa: FBT001 -- a table
    # 600 m before the block at 20 m/s: over it from 30 to 50 s.
    there = at(-600, 100, altitude_m=altitude_m)
    assert bool(BAND.approached(there, moving(90.0, 20.0, climb_mps, 150.0))[0]) is approaches


def test_hovering_beneath_and_climbing_is_an_approach() -> None:
    beneath = at(200, 100, altitude_m=20.0)
    assert bool(BAND.approached(beneath, moving(0.0, 0.0, 1.0))[0]) is True
    assert bool(BAND.approached(beneath, moving(0.0, 0.0, 0.5))[0]) is False


def test_the_way_between_two_arms_is_open() -> None:
    assert bool(FORK.approached(at(450, 100), moving(270.0, 5.0))[0]) is False
    assert bool(FORK.approached(at(450, 100), moving(270.0, 7.0))[0]) is True


@settings(max_examples=150, deadline=None)
@given(
    east_m=st.floats(-2000, 2400),
    north_m=st.floats(-2000, 2200),
    heading_deg=st.floats(0, 360),
    speed_mps=st.floats(0, 60),
    radius_m=st.floats(0, 30),
    altitude_m=st.floats(0, 300),
    climb_mps=st.floats(-6, 6),
)
def test_nobody_who_will_be_inside_is_missed(  # noqa: PLR0917 -- a moving vehicle
    east_m: float,
    north_m: float,
    heading_deg: float,
    speed_mps: float,
    radius_m: float,
    altitude_m: float,
    climb_mps: float,
) -> None:
    motion = moving(heading_deg, speed_mps, climb_mps, 150.0)
    here = at(east_m, north_m, radius_m=radius_m, altitude_m=altitude_m)
    direction = math.radians(heading_deg)
    ways_m = speed_mps * np.linspace(0, AHEAD_S, 61)
    seconds = np.arange(61)
    lons, lats = degrees(east_m + ways_m * math.sin(direction), north_m + ways_m * math.cos(direction))  # type: ignore[arg-type]  # elementwise
    steps = Points(
        np.asarray(lons),
        np.asarray(lats),
        np.full(61, max(radius_m - 0.5, 0.0)),  # half a metre for the plane of the test
        altitude_m + climb_mps * seconds,
        np.zeros(61, np.int8),
        np.zeros(61),
        np.zeros(61, np.int64),
    )
    for place in (OPEN, BAND, FORK):
        stands = place.stands(steps)
        approached = bool(place.approached(here, motion)[0])
        assert approached or not stands.inside.any()
        if approached and place is not BAND:
            assert -stands.depth_m.max() <= radius_m + speed_mps / 2 + 0.5, "who approaches comes near"


def test_a_fleet_is_judged_as_each_vehicle_is() -> None:
    rng = np.random.default_rng(7)
    ways = [
        (rng.uniform(-900, 1300), rng.uniform(-900, 1100), rng.uniform(0, 360), rng.uniform(0, 30)) for _ in range(40)
    ]
    each = [bool(OPEN.approached(at(east, north), moving(heading, speed))[0]) for east, north, heading, speed in ways]
    lons, lats = zip(*(degrees(east, north) for east, north, *_ in ways), strict=True)
    none = np.full(len(ways), NAN)
    fleet = Points(
        np.array(lons),
        np.array(lats),
        np.zeros(len(ways)),
        none,
        np.full(len(ways), -1, np.int8),
        none,
        np.zeros(len(ways), np.int64),
    )
    headings, speeds = (np.array([way[place] for way in ways]) for place in (2, 3))
    assert OPEN.approached(fleet, Motion(headings, speeds, none, np.full(len(ways), 70.0))).tolist() == each
    assert 0 < sum(each) < len(each)
