"""What moves: cars on lanes or round a circuit, parked cars, and aircraft between vertiports or on patrol."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Protocol

from app.simulator.course import Abilities, Course, Leg, Pace, speed_in_curve_mps
from app.simulator.paths import Path, turn
from app.simulator.plane import Point

_CAR = Abilities(acceleration_mps2=1.6, braking_mps2=1.8, hardest_braking_mps2=3.5)
_AIRCRAFT = Abilities(acceleration_mps2=1.5, braking_mps2=1.2, hardest_braking_mps2=2.5)
_CRUISE_MPS, _NEAR_PORT_MPS = 24.0, 6.0
_CLIMB_MPS, _SINK_MPS, _VERTICAL_MPS2 = 3.5, 2.5, 1.0
_DWELL_S = (25.0, 70.0)
_NEAR_PORT_M = 60.0
_STANDING_MPS = 0.05
_PATROL_ENDS = (0.2, 0.8)  # of the corridor: well away from the vertiports at its ends


@dataclass(frozen=True, slots=True)
class Pose:
    """Where something is. The altitude is in the datum that its zones use."""

    point: Point
    heading_rad: float
    altitude_m: float


class Machine(Protocol):
    """Anything that moves by itself."""

    @property
    def pose(self) -> Pose:
        """Position, heading and altitude now."""

    @property
    def course(self) -> Course | None:
        """The course that it follows; None for what stands still."""

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Move on for a fraction of a second."""


@dataclass(slots=True)
class Car:
    """Follows its course on the ground."""

    course: Course
    ground_m: float

    @classmethod
    def on(cls, drive: Iterator[Leg], ground_m: float, start_m: float) -> Car:
        """A car on an endless drive."""
        return cls(Course(drive, _CAR, start_m=start_m), ground_m)

    @property
    def pose(self) -> Pose:
        """Position, heading and altitude now."""
        return Pose(*self.course.pose, self.ground_m)

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Drive on."""
        self.course.advance(seconds, at_ms, pace)


@dataclass(slots=True)
class ParkedCar:
    """Stands still."""

    pose: Pose
    course: None = None

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Nothing moves."""


@dataclass(slots=True)
class PatrolAircraft:
    """Stays on its course at its altitude."""

    course: Course
    altitude_m: float

    @classmethod
    def along(cls, corridor: Path, altitude_m: float, offset_m: float, start_m: float) -> PatrolAircraft:
        """To and fro in the middle part of a corridor, each way on its right-hand side."""
        first, last = (share * corridor.length_m for share in _PATROL_ENDS)
        out = corridor.cut(first, last).shifted_right(offset_m)
        back = corridor.cut(first, last).reversed().shifted_right(offset_m)
        turns = [Leg(turn(a, b), _NEAR_PORT_MPS) for a, b in ((out, back), (back, out))]
        legs = cycle([Leg(out, _CRUISE_MPS), turns[0], Leg(back, _CRUISE_MPS), turns[1]])
        return cls(Course(legs, _AIRCRAFT, start_m=start_m), altitude_m)

    @property
    def pose(self) -> Pose:
        """Position, heading and altitude now."""
        return Pose(*self.course.pose, self.altitude_m)

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Fly on."""
        self.course.advance(seconds, at_ms, pace)


class ShuttleAircraft:
    """Rises from one pad, flies along the corridor, sinks onto the other pad, rests, and returns."""

    def __init__(
        self,
        corridor: Path,
        pads: tuple[Point, Point],
        *,
        cruise_m: float,
        ground_m: float,
        offset_m: float,
        start_m: float,
        randomness: random.Random,
    ) -> None:
        self.course = Course(self._legs(corridor, pads, offset_m), _AIRCRAFT, start_m=start_m)
        self._cruise_m, self._ground_m = cruise_m, ground_m
        self._randomness = randomness
        self._altitude_m, self._climb_mps = cruise_m, 0.0
        self._cleared = False  # to enter the next departure leg
        self._rests_until_ms: int | None = None

    @property
    def pose(self) -> Pose:
        """Position, heading and altitude now."""
        return Pose(*self.course.pose, self._altitude_m)

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Fly on; above the pad, sink, rest and rise."""
        self.course.advance(seconds, at_ms, pace)
        if self.course.leg.may_enter is not None:  # it has departed; the next time it asks again
            self._cleared = False
        if self.course.speed_mps > _STANDING_MPS or self._cleared:
            return
        if self._rests_until_ms is None:
            if self._rise_to(self._ground_m, seconds):
                self._rests_until_ms = at_ms + round(self._randomness.uniform(*_DWELL_S) * 1000)
        elif at_ms >= self._rests_until_ms and self._rise_to(self._cruise_m, seconds):
            self._rests_until_ms = None
            self._cleared = True

    def _rise_to(self, target_m: float, seconds: float) -> bool:
        """Climb or sink towards an altitude; whether it is reached."""
        left_m = target_m - self._altitude_m
        limit_mps = _CLIMB_MPS if left_m > 0 else _SINK_MPS
        wanted_mps = math.copysign(min(limit_mps, math.sqrt(2 * _VERTICAL_MPS2 * abs(left_m))), left_m)
        change_mps = min(max(wanted_mps - self._climb_mps, -_VERTICAL_MPS2 * seconds), _VERTICAL_MPS2 * seconds)
        self._climb_mps += change_mps
        if abs(left_m) <= max(abs(self._climb_mps) * seconds, 0.1):
            self._altitude_m, self._climb_mps = target_m, 0.0
            return True
        self._altitude_m += self._climb_mps * seconds
        return False

    def _legs(self, corridor: Path, pads: tuple[Point, Point], offset_m: float) -> Iterator[Leg]:
        """From the middle of the first flight on, to and fro for ever."""
        flights = []
        for line, leaves, reaches in ((corridor, *pads), (corridor.reversed(), pads[1], pads[0])):
            lane = line.cut(_NEAR_PORT_M, line.length_m - _NEAR_PORT_M).shifted_right(offset_m)
            departure = Leg(Path.through([leaves, lane.points[0]]), _NEAR_PORT_MPS, may_enter=self._may_depart)
            approach = Leg(Path.through([lane.points[-1], reaches]), _NEAR_PORT_MPS)
            flights.append((departure, Leg(lane, _CRUISE_MPS), approach))
        out, back = flights
        yield from out[1:]
        yield from cycle([*back, *out])

    def _may_depart(self, _at_ms: int) -> bool:
        return self._cleared


def round_trip(line: Path, speed_mps: float) -> Iterator[Leg]:
    """Round a closed line for ever."""
    return cycle([Leg(line, min(speed_mps, speed_in_curve_mps(line)), line_key(line))])


def line_key(line: Path) -> str:
    """A name for the one lane that a circuit is."""
    return f"circuit:{line.points[0]}"
