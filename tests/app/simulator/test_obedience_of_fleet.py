"""What the simulated fleet makes of directives, in simulated time."""

from __future__ import annotations

import math

import msgspec
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from app.showcase.plan import Register, shipped_register
from app.simulator.actor import Sample
from app.simulator.fleet import Fleet
from app.simulator.muster import PLANE
from app.simulator.orders import Said, Temper
from telemetry.directives import Directive, DirectiveKind, Reply

START_MS = 1_772_337_600_000  # noon in Shanghai
CAR, SHUTTLE, PATROL, PARKED = "YL-003", "FL-103", "FL-101", "YL-014"


def only(*vehicle_ids: str) -> Register:
    register = shipped_register()
    chosen = tuple(each for each in register.vehicles if each.vehicle_id in vehicle_ids)
    return msgspec.structs.replace(register, vehicles=chosen)


class Watched:
    """A fleet of a few, and where each of them is."""

    def __init__(self, *vehicle_ids: str, tempers: dict[str, Temper] | None = None, seed: int = 3) -> None:
        self.fleet = Fleet(START_MS, seed=seed, scripts=(), register=only(*vehicle_ids), tempers=tempers)
        self.now_ms = START_MS
        self.seen: dict[str, list[Sample]] = {vehicle_id: [] for vehicle_id in vehicle_ids}

    def passes(self, seconds: float) -> None:
        until_ms = self.now_ms + round(seconds * 1_000)
        while self.now_ms < until_ms:  # at most so much at once as the fleet catches up
            self.now_ms = min(until_ms, self.now_ms + 20_000)
            for vehicle_id, sample in self.fleet.step(self.now_ms):
                self.seen[vehicle_id].append(sample)

    def told(self, vehicle_id: str, kind: DirectiveKind, *, directive_id: str = "D-1", **terms: object) -> Said | None:
        directive = Directive(directive_id, kind, self.now_ms, self.now_ms + 120_000, "fire", **terms)  # type: ignore[arg-type]  # a table
        return self.fleet.demanded(vehicle_id, directive)

    def last(self, vehicle_id: str) -> dict[str, float]:
        location = self.seen[vehicle_id][-1]["location"]
        assert isinstance(location, dict)
        return location

    def point(self, vehicle_id: str) -> tuple[float, float]:
        return PLANE.point(self.last(vehicle_id)["lng"], self.last(vehicle_id)["lat"])

    def around(self, vehicle_id: str, radius_m: float, ahead_m: float = 0.0) -> BaseGeometry:
        """A circle around the vehicle, or around a point ahead of it."""
        heading = math.radians(self.last(vehicle_id)["heading"])
        east, north = self.point(vehicle_id)
        middle = shapely.Point(east + ahead_m * math.sin(heading), north + ahead_m * math.cos(heading))
        return middle.buffer(radius_m)


def place_of(area: BaseGeometry) -> dict[str, object]:
    ring = [list(PLANE.lonlat((x, y))) for x, y in area.exterior.coords]
    return {"type": "Polygon", "coordinates": [ring]}


def test_a_car_halts_at_the_roadside_gently_and_stays() -> None:
    watched = Watched(CAR)
    watched.passes(20)
    assert watched.told(CAR, DirectiveKind.HALT) == Said(Reply.ACCEPTED)
    before = len(watched.seen[CAR])
    watched.passes(60)
    after = watched.seen[CAR][before:]
    assert watched.last(CAR)["speed"] == 0.0
    assert min(float(str(sample["acceleration"])) for sample in after) > -2.5
    watched.passes(60)
    assert watched.last(CAR)["speed"] == 0.0, "it stands until it is released"
    watched.fleet.ended(CAR, "D-1")
    watched.passes(60)
    assert max(float(location(sample)["speed"]) for sample in watched.seen[CAR][-50:]) > 3.0


def test_under_two_directives_the_release_of_the_last_one_frees_it() -> None:
    watched = Watched(CAR)
    watched.passes(20)
    for directive_id in ("D-1", "D-2"):
        watched.told(CAR, DirectiveKind.HALT, directive_id=directive_id)
    watched.passes(40)
    watched.fleet.ended(CAR, "D-1")
    watched.passes(30)
    assert watched.last(CAR)["speed"] == 0.0
    watched.fleet.ended(CAR, "D-2")
    watched.passes(60)
    assert max(float(location(sample)["speed"]) for sample in watched.seen[CAR][-50:]) > 3.0


def location(sample: Sample) -> dict[str, float]:
    found = sample["location"]
    assert isinstance(found, dict)
    return found


def test_a_halt_that_is_withdrawn_on_the_way_changes_nothing() -> None:
    watched = Watched(CAR)
    watched.passes(20)
    while watched.last(CAR)["speed"] < 5.0:
        watched.passes(1)
    watched.told(CAR, DirectiveKind.HALT)
    watched.passes(0.5)
    watched.fleet.ended(CAR, "D-1")
    watched.passes(60)
    assert max(location(sample)["speed"] for sample in watched.seen[CAR][-50:]) > 5.0


@pytest.mark.parametrize("vehicle_id", [SHUTTLE, PATROL])
def test_an_aircraft_that_is_released_takes_off_again(vehicle_id: str) -> None:
    watched = Watched(vehicle_id)
    watched.passes(60)
    watched.told(vehicle_id, DirectiveKind.HALT)
    watched.passes(150)
    assert watched.last(vehicle_id)["speed"] == 0.0
    watched.fleet.ended(vehicle_id, "D-1")
    before = len(watched.seen[vehicle_id])
    watched.passes(300)
    assert max(location(sample)["altitude"] for sample in watched.seen[vehicle_id][before:]) > 50.0


@pytest.mark.parametrize("vehicle_id", [SHUTTLE, PATROL])
@pytest.mark.parametrize("after_s", [5, 60, 100])
def test_an_aircraft_is_on_the_ground_in_time(vehicle_id: str, after_s: int) -> None:
    watched = Watched(vehicle_id)
    watched.passes(after_s)
    watched.told(vehicle_id, DirectiveKind.HALT)
    watched.passes(115)
    now = watched.last(vehicle_id)
    assert (now["speed"], abs(now["altitude"] - 5.0) < 6.0) == (0.0, True)


def test_a_vehicle_slows_down_to_what_it_is_told() -> None:
    watched = Watched(CAR)
    watched.passes(20)
    watched.told(CAR, DirectiveKind.SLOW, speed_mps=3.0)
    watched.passes(10)
    before = len(watched.seen[CAR])
    watched.passes(60)
    assert max(location(sample)["speed"] for sample in watched.seen[CAR][before:]) <= 3.05


@pytest.mark.parametrize("vehicle_id", [CAR, SHUTTLE])
def test_who_is_inside_leaves_and_keeps_out(vehicle_id: str) -> None:
    watched = Watched(vehicle_id)
    watched.passes(25)
    area = watched.around(vehicle_id, 250.0)
    assert watched.told(vehicle_id, DirectiveKind.LEAVE, place=place_of(area)) == Said(Reply.ACCEPTED)
    watched.passes(110)
    for _ in range(10):
        watched.passes(30)
        assert not area.contains(shapely.Point(watched.point(vehicle_id)))


@pytest.mark.parametrize("vehicle_id", [CAR, SHUTTLE, PATROL])
def test_who_is_outside_does_not_come_in(vehicle_id: str) -> None:
    watched = Watched(vehicle_id)
    watched.passes(25)
    area = watched.around(vehicle_id, 150.0, ahead_m=500.0)
    watched.told(vehicle_id, DirectiveKind.LEAVE, place=place_of(area))
    for _ in range(40):
        watched.passes(10)
        assert not area.contains(shapely.Point(watched.point(vehicle_id)))


def test_what_cannot_be_done_is_refused() -> None:
    watched = Watched(CAR, PARKED)
    watched.passes(5)
    everywhere = place_of(watched.around(CAR, 20_000.0))
    assert reply(watched, CAR, place=None) is Reply.REFUSED
    assert reply(watched, CAR, place={"type": "Nonsense"}) is Reply.REFUSED
    assert reply(watched, PARKED, place=place_of(watched.around(PARKED, 50.0))) is Reply.REFUSED
    assert reply(watched, PARKED, place=place_of(watched.around(PARKED, 50.0, ahead_m=500.0))) is Reply.ACCEPTED
    assert reply(watched, CAR, place=everywhere) is Reply.ACCEPTED


def reply(watched: Watched, vehicle_id: str, **terms: object) -> Reply | None:
    said = watched.told(vehicle_id, DirectiveKind.LEAVE, **terms)
    return None if said is None else said.reply


def test_a_place_above_a_road_is_no_business_of_a_car() -> None:
    watched = Watched(CAR)
    watched.passes(20)
    area = place_of(watched.around(CAR, 400.0))
    watched.told(CAR, DirectiveKind.LEAVE, place=area, lower_m=60.0, altitude_datum="AGL")
    watched.passes(60)
    assert max(location(sample)["speed"] for sample in watched.seen[CAR][-50:]) > 3.0


def test_tempers() -> None:
    watched = Watched(CAR, "YL-004", tempers={CAR: Temper.DISOBEDIENT, "YL-004": Temper.SILENT})
    watched.passes(20)
    assert watched.told(CAR, DirectiveKind.HALT) == Said(Reply.ACCEPTED)
    assert watched.told("YL-004", DirectiveKind.HALT) is None
    watched.passes(90)
    for vehicle_id in (CAR, "YL-004"):
        assert max(location(sample)["speed"] for sample in watched.seen[vehicle_id][-60:]) > 3.0
