"""Puts the fleet in place: each vehicle of the register with its machine, as its duty says."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from app.showcase.plan import Circuit, Fly, Park, Patrol, PlannedVehicle, Register, Roam, shipped_zones
from app.simulator.actor import Actor
from app.simulator.aircraft import Airway, PatrolAircraft, ShuttleAircraft
from app.simulator.breaches import Script, Wander
from app.simulator.machines import Car, Machine, ParkedCar, Pose, round_trip
from app.simulator.paths import Path, ahead
from app.simulator.plane import Plane, Point
from app.simulator.receiver import Receiver
from app.simulator.streets import SlowPlace, Street, Wheel, lay_out
from geofences.schedule import Schedule
from geofences.zones import ZoneKind
from telemetry.samples import VehicleKind

PLANE = Plane(origin_lon=113.893, origin_lat=22.527)
_GROUND_M = {"AMSL": 5.0, "AGL": 0.0}
_BEST_ACCURACY_M, _WORST_ACCURACY_M = 0.6, 1.8
_VERTICAL_ACCURACY_M = {VehicleKind.ROAD: (1.0, 1.6), VehicleKind.AIR: (0.4, 0.6)}  # aircraft have a barometer
_CAP_SHARE = 0.85  # of the permit's speed cap, and of a zone's limit, is driven
_NO_CAP_MPS = 14.0
_CIRCUIT_MPS = 9.0
_SLOW_MARGIN_M = 5.0
_LANE_SHARE = 0.35  # of a corridor's half width, to the right of its middle
_PAD_M, _PADS = 34.0, 5

Zones = Mapping[str, Mapping[str, Any]]


def muster(
    register: Register, scripts: Sequence[Script], randomness: random.Random, rates_hz: Mapping[VehicleKind, float]
) -> list[Actor]:
    """All vehicles, each with its own randomness, so that one does not disturb the other."""
    airways: dict[str, Airway] = {}
    return [
        _actor(
            plan,
            place,
            register=register,
            scripts=[script for script in scripts if script.vehicle_id == plan.vehicle_id],
            randomness=random.Random(randomness.random()),
            rate_hz=rates_hz[plan.kind],
            airways=airways,
        )
        for place, plan in enumerate(register.vehicles)
    ]


def _actor(
    plan: PlannedVehicle,
    place: int,
    *,
    register: Register,
    scripts: Sequence[Script],
    randomness: random.Random,
    rate_hz: float,
    airways: dict[str, Airway],
) -> Actor:
    precise = any(isinstance(script.act, Wander) for script in scripts)
    worst_m = _BEST_ACCURACY_M if precise else _WORST_ACCURACY_M
    permit = register.permit_of(plan.vehicle_id)
    hours = permit.conditions["hours"] if permit else None
    period_ms = 1000 / rate_hz
    return Actor(
        plan=plan,
        machine=_machine(plan, place, register, randomness, airways),
        receiver=Receiver(
            random.Random(randomness.random()),
            randomness.uniform(_BEST_ACCURACY_M, worst_m),
            randomness.uniform(*_VERTICAL_ACCURACY_M[plan.kind]),
        ),
        plane=PLANE,
        datum=_datum(plan),
        scripts=scripts,
        hours=Schedule.from_dict(hours) if hours else None,
        period_ms=period_ms,
        due_ms=place % 4 * period_ms / 4,
    )


def _machine(
    plan: PlannedVehicle, place: int, register: Register, randomness: random.Random, airways: dict[str, Airway]
) -> Machine:
    duty = plan.duty
    if isinstance(duty, Park):
        return ParkedCar(Pose(PLANE.point(*duty.at), math.radians(duty.heading_deg), _GROUND_M[_datum(plan)]))
    if isinstance(duty, Circuit):
        line = Path.through([PLANE.point(*vertex) for vertex in duty.line])
        start_m = randomness.uniform(0, line.length_m)
        return Car.on(round_trip(line, _CIRCUIT_MPS), _GROUND_M[_datum(plan)], start_m, line=line)
    if isinstance(duty, Roam):
        return _roaming(plan, duty, register, randomness)
    return _flying(plan, duty, place, randomness, airways)


def _roaming(plan: PlannedVehicle, duty: Roam, register: Register, randomness: random.Random) -> Car:
    permit = register.permit_of(plan.vehicle_id)
    zones = shipped_zones()
    granted = duty.roads or (permit.zones if permit else ())
    lines = [zone_id for zone_id in granted if zones[zone_id]["geometry"]["type"] == "LineString"]
    streets = lay_out([_street(zones[zone_id]) for zone_id in lines], PLANE, _slow_places(zones))
    cap_mps = (permit.conditions["speed_cap_mps"] if permit else None) or _NO_CAP_MPS
    lane = randomness.choice(streets.lanes)
    start_m = randomness.uniform(0, lane.path.length_m)
    wheel = Wheel()
    drive = streets.drive(lane, random.Random(randomness.random()), _CAP_SHARE * cap_mps, wheel)
    return Car.on(drive, _GROUND_M[_datum(plan)], start_m, wheel=wheel)


def _flying(
    plan: PlannedVehicle, duty: Fly | Patrol, place: int, randomness: random.Random, airways: dict[str, Airway]
) -> Machine:
    zones = shipped_zones()
    corridor = _line(zones[duty.corridor])
    offset_m = _LANE_SHARE * zones[duty.corridor]["properties"]["half_width_m"]
    start_m = randomness.uniform(0.1, 0.5) * corridor.length_m
    if isinstance(duty, Patrol):
        start_m = start_m if duty.start_m is None else duty.start_m
        return PatrolAircraft.along(corridor, duty.cruise_m, _GROUND_M[_datum(plan)], offset_m, start_m)
    bearing = 2 * math.pi * (place % _PADS) / _PADS
    first, last = (ahead(end, bearing, _PAD_M) for end in (corridor.points[0], corridor.points[-1]))
    return ShuttleAircraft(
        corridor,
        (first, last),
        cruise_m=duty.cruise_m,
        ground_m=_GROUND_M[_datum(plan)],
        offset_m=offset_m,
        start_m=start_m,
        randomness=random.Random(randomness.random()),
        airway=airways.setdefault(duty.corridor, Airway()),
    )


def _street(feature: Mapping[str, Any]) -> Street:
    properties = feature["properties"]
    line = tuple((float(lon), float(lat)) for lon, lat in feature["geometry"]["coordinates"])
    return Street(properties["zone_id"], line, properties["half_width_m"])


def _slow_places(zones: Zones) -> list[SlowPlace]:
    """The speed limits, kept at all hours: nobody brakes because a clock strikes."""
    return [
        SlowPlace(
            _line(feature), properties["half_width_m"] + _SLOW_MARGIN_M, _CAP_SHARE * properties["speed_limit_mps"]
        )
        for feature in zones.values()
        if (properties := feature["properties"])["kind"] == ZoneKind.SPEED_LIMIT
    ]


def _datum(plan: PlannedVehicle) -> str:
    """The datum of the bands in which the vehicle moves: it reports in it, so nothing needs converting."""
    if isinstance(plan.duty, Fly | Patrol):
        return str(shipped_zones()[plan.duty.corridor]["properties"]["band"]["datum"])
    return "AMSL"


def _line(feature: Mapping[str, Any]) -> Path:
    points: list[Point] = [PLANE.point(lon, lat) for lon, lat in feature["geometry"]["coordinates"]]
    return Path.through(points)
