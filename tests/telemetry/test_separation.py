"""Pairs of aircraft found by the index against every pair looked at by itself, instant by instant."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofences.datum import VerticalReference
from telemetry.samples import AltitudeDatum, Reals
from telemetry.separation import Encounters, Flights, Minima, find_encounters
from tests.telemetry.cast import T0, degrees

MINIMA = Minima(150.0, 30.0, 30.0)
OFFSETS_M = VerticalReference(ground_elevation_m=10.0).offsets_m()
NAN = float("nan")
STEP_S = 0.05
#: Two aircraft come no nearer than this between an instant looked at and the nearest one: 60 m/s each way, both.
STEP_M = 4.5


def flight(
    key: int,
    east_m: float = 0.0,
    north_m: float = 0.0,
    up_m: float = 100.0,
    *,
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
    at_ms: int = T0,
    radius_m: float = 0.0,
    vertical_radius_m: float = 0.0,
    datum: int = AltitudeDatum.AMSL,
) -> Flights:
    lon, lat = degrees(east_m, north_m)
    reals = [lon, lat, up_m, *velocity, radius_m, vertical_radius_m]
    lon_, lat_, up_, east, north, climb, radius, vertical = (np.array([value]) for value in reals)
    return Flights(
        vehicle=np.array([key]),
        timestamp_ms=np.array([at_ms]),
        lon=lon_,
        lat=lat_,
        altitude_m=up_,
        altitude_datum=np.array([datum], dtype=np.int8),
        east_mps=east,
        north_mps=north,
        climb_mps=climb,
        radius_m=radius,
        vertical_radius_m=vertical,
    )


def together(*flights: Flights) -> Flights:
    whole = Flights.none()
    for each in flights:
        whole = whole.renewed(each)
    return whole


def met(one: Flights, other: Flights) -> Encounters:
    return find_encounters(one, together(one, other), OFFSETS_M, MINIMA)


def kinds(one: Flights, other: Flights) -> str:
    found = met(one, other)
    return "".join("now" if is_now else "soon" for is_now in found.is_now.tolist())


# --- one pair ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (flight(2, 149.0), "now"),
        (flight(2, 151.0), ""),
        (flight(2, 100.0, up_m=129.0), "now"),
        (flight(2, 100.0, up_m=131.0), ""),
        (flight(2, 100.0, up_m=NAN), "now"),
        (flight(2, 100.0, up_m=500.0, datum=-1), "now"),
        (flight(2, 100.0, up_m=500.0, vertical_radius_m=NAN), "now"),
        (flight(2, 100.0, up_m=119.0, datum=AltitudeDatum.AGL), "now"),
        (flight(2, 100.0, up_m=121.0, datum=AltitudeDatum.AGL), ""),
        (flight(2, 155.0, radius_m=6.0), "now"),
        (flight(2, 100.0, up_m=134.0, vertical_radius_m=5.0), "now"),
        (flight(2, 1000.0, velocity=(-30.0, 0.0, 0.0)), "soon"),  # 850 m in 28.3 s
        (flight(2, 1000.0, velocity=(-28.0, 0.0, 0.0)), ""),
        (flight(2, 1000.0, velocity=(30.0, 0.0, 0.0)), ""),
        (flight(2, 1000.0, velocity=(NAN, NAN, 0.0)), ""),
        (flight(2, 100.0, up_m=150.0, velocity=(0.0, 0.0, -1.0)), "soon"),
        (flight(2, 100.0, up_m=150.0, velocity=(0.0, 0.0, NAN)), ""),
        # It passes above before it has come down, and comes down when it has passed.
        (flight(2, 300.0, up_m=180.0, velocity=(-60.0, 0.0, -2.0)), ""),
        (flight(2, 300.0, up_m=180.0, velocity=(-60.0, 0.0, -8.0)), "soon"),
        (flight(2, 100.0, at_ms=T0 - 9_000), "now"),
        (flight(2, 100.0, at_ms=T0 - 11_000), ""),
        (flight(2, 500.0, velocity=(-40.0, 0.0, 0.0), at_ms=T0 - 9_000), "now"),
        (flight(1, 10.0, at_ms=T0 - 500), ""),
    ],
)
def test_two_aircraft(other: Flights, expected: str) -> None:
    assert kinds(flight(1), other) == expected


def test_distances_now_and_at_the_nearest_point() -> None:
    found = met(flight(1), flight(2, 300.0, 100.0, 140.0, velocity=(-10.0, 0.0, -1.0)))
    assert found.horizontal_m == pytest.approx([np.hypot(300, 100)], rel=1e-3)
    assert found.vertical_m == pytest.approx([40.0])
    assert found.closest_in_s == pytest.approx([30.0], rel=1e-4)
    assert found.closest_horizontal_m == pytest.approx([100.0], rel=1e-3)
    assert found.closest_vertical_m == pytest.approx([10.0], rel=1e-3)


def test_where_a_height_is_unknown_so_is_its_distance() -> None:
    found = met(flight(1), flight(2, 10.0, up_m=NAN))
    assert np.isnan(found.vertical_m).all()
    assert np.isnan(found.closest_vertical_m).all()


@pytest.mark.parametrize("place", [(180.0, 22.5), (-40.0, 89.9), (113.9, -90.0)])
def test_somebody_who_says_to_be_far_away_disturbs_nobody(place: tuple[float, float]) -> None:
    astray = replace(flight(3), lon=np.array([place[0]]), lat=np.array([place[1]]))
    everybody = together(astray, flight(1), flight(2, 50.0))
    found = find_encounters(everybody, everybody, OFFSETS_M, MINIMA)
    assert everybody.vehicle[found.subject].tolist() == [1, 2]


def test_nobody_is_near_nobody() -> None:
    assert len(find_encounters(Flights.none(), Flights.none(), OFFSETS_M, MINIMA).subject) == 0


# --- many, against every pair by itself ---------------------------------------------------------

_height = st.one_of(st.just(NAN), st.floats(40, 200))
_speed = st.floats(-60, 60)
_velocity = st.one_of(st.tuples(_speed, _speed, st.floats(-5, 5)), st.just((NAN, NAN, NAN)))
_some = st.tuples(
    st.floats(-2500, 2500),
    st.floats(-2500, 2500),
    _height,
    _velocity,
    st.integers(T0 - 12_000, T0),
    st.floats(0, 30),
    st.floats(0, 10),
)


@given(st.lists(_some, min_size=2, max_size=12))
def test_the_index_finds_what_every_pair_by_itself_shows(listed: list[tuple[float, ...]]) -> None:
    everybody = together(
        *(
            flight(key, east, north, up, velocity=velocity, at_ms=at_ms, radius_m=radius, vertical_radius_m=vertical)  # type: ignore[arg-type] # drawn as a tuple
            for key, (east, north, up, velocity, at_ms, radius, vertical) in enumerate(listed)
        )
    )
    found = find_encounters(everybody, everybody, OFFSETS_M, MINIMA)
    indexed = dict(
        zip(zip(found.subject.tolist(), found.other.tolist(), strict=True), found.is_now.tolist(), strict=True)
    )
    plane = [(east, north) for east, north, *_ in listed]
    for pair in product(range(len(listed)), repeat=2):
        margins = _margins(everybody, pair, plane)
        if margins[0] < -0.5:
            assert indexed[pair] is True
        elif margins.min() < -0.5:
            assert indexed[pair] is False
        elif margins.min() > STEP_M:
            assert pair not in indexed


def _margins(everybody: Flights, pair: tuple[int, int], plane: list[tuple[float, float]]) -> Reals:
    """By how much the two are more apart than the minima, instant by instant of the look-ahead."""
    one, other = pair
    apart_s = float(everybody.timestamp_ms[one] - everybody.timestamp_ms[other]) / 1000
    if one == other or abs(apart_s) > 10:
        return np.array([np.inf])

    def velocity(row: int) -> tuple[float, float, float] | None:
        east, north, up = (float(c[row]) for c in (everybody.east_mps, everybody.north_mps, everybody.climb_mps))
        return None if np.isnan(east) else (east, north, up)

    ours, theirs = velocity(one), velocity(other)
    second = np.arange(0, 30 + STEP_S / 2, STEP_S) if ours and theirs else np.zeros(1)
    here, there = ours or (0.0, 0.0, 0.0), theirs or (0.0, 0.0, 0.0)
    gone_s = apart_s + second
    east = plane[other][0] + there[0] * gone_s - plane[one][0] - here[0] * second
    north = plane[other][1] + there[1] * gone_s - plane[one][1] - here[1] * second
    up = float(everybody.altitude_m[other] - everybody.altitude_m[one]) + there[2] * gone_s - here[2] * second
    across = np.hypot(east, north) - everybody.radius_m[one] - everybody.radius_m[other] - 150
    high = np.abs(up) - everybody.vertical_radius_m[one] - everybody.vertical_radius_m[other] - 30
    margins: Reals = np.fmax(across, high)
    return margins
