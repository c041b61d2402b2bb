"""What flies: shuttles between two vertiports, and aircraft on patrol in a corridor."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, cycle

from shapely import LineString
from shapely.geometry.base import BaseGeometry

from app.simulator.closures import inside_m, is_in
from app.simulator.course import Abilities, Course, Leg, Pace
from app.simulator.machines import Pose
from app.simulator.orders import Bidding
from app.simulator.paths import Path, turn
from app.simulator.plane import Point

_AIRCRAFT = Abilities(acceleration_mps2=1.5, braking_mps2=1.2, hardest_braking_mps2=2.5)
_CRUISE_MPS, _NEAR_PORT_MPS = 24.0, 6.0
_CLIMB_MPS, _SINK_MPS, _VERTICAL_MPS2 = 3.5, 2.5, 1.0
_DWELL_S = (25.0, 70.0)
_NEAR_PORT_M = 60.0
_STANDING_MPS = 0.05
_SHORT_OF_PAD_M = 1.0  # where a course ends that waits for its next leg
_PATROL_ENDS = (0.2, 0.8)  # of the corridor: well away from the vertiports at its ends
#: Who has to land goes to a vertiport within this reach: it is down there within about a minute and a half.
_REACH_M = 1_000.0
#: What it takes to slow down from cruise to a turn, and room to turn in.
_SLOWING_M = (_CRUISE_MPS**2 - _NEAR_PORT_MPS**2) / (2 * _AIRCRAFT.braking_mps2) + 20.0
_TURNING_M = 60.0
_INSIDE_MATTERS_M = 20.0


@dataclass(slots=True)
class Lift:
    """An altitude that is changed with limits of speed and acceleration."""

    altitude_m: float
    climb_mps: float = 0.0

    def towards(self, target_m: float, seconds: float) -> bool:
        """Climb or sink towards an altitude; whether it is reached."""
        left_m = target_m - self.altitude_m
        limit_mps = _CLIMB_MPS if left_m > 0 else _SINK_MPS
        wanted_mps = math.copysign(min(limit_mps, math.sqrt(2 * _VERTICAL_MPS2 * abs(left_m))), left_m)
        change_mps = min(max(wanted_mps - self.climb_mps, -_VERTICAL_MPS2 * seconds), _VERTICAL_MPS2 * seconds)
        self.climb_mps += change_mps
        if abs(left_m) <= max(abs(self.climb_mps) * seconds, 0.1):
            self.altitude_m, self.climb_mps = target_m, 0.0
            return True
        self.altitude_m += self.climb_mps * seconds
        return False


@dataclass(slots=True)
class PatrolAircraft:
    """Stays on its course at its altitude. Who has to land goes straight down: no vertiport is within its reach."""

    course: Course
    lift: Lift
    cruise_m: float
    ground_m: float
    line: Path

    @classmethod
    def along(cls, corridor: Path, cruise_m: float, ground_m: float, offset_m: float, start_m: float) -> PatrolAircraft:
        """To and fro in the middle part of a corridor, each way on its right-hand side."""
        first, last = (share * corridor.length_m for share in _PATROL_ENDS)
        out = corridor.cut(first, last).shifted_right(offset_m)
        back = corridor.cut(first, last).reversed().shifted_right(offset_m)
        turns = [Leg(turn(a, b), _NEAR_PORT_MPS) for a, b in ((out, back), (back, out))]
        legs = cycle([Leg(out, _CRUISE_MPS), turns[0], Leg(back, _CRUISE_MPS), turns[1]])
        return cls(Course(legs, _AIRCRAFT, start_m=start_m), Lift(cruise_m), cruise_m, ground_m, out)

    @property
    def pose(self) -> Pose:
        """Position, heading and altitude now."""
        return Pose(*self.course.pose, self.lift.altitude_m)

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Fly on; who has to land stands in the air first, and rises before it goes on."""
        halts = pace.bidding.halts
        if halts and self.course.speed_mps <= _STANDING_MPS:
            self.lift.towards(self.ground_m, seconds)
        elif halts or self.lift.towards(self.cruise_m, seconds):
            self.course.advance(seconds, at_ms, self.course.obedient(pace, seconds))

    def can_leave(self, area: BaseGeometry) -> bool:
        """Where its patrol leads out."""
        return not area.covers(LineString(self.line.points))


@dataclass(slots=True)
class Airway:
    """A corridor with its pads, in which one shuttle at a time is off the ground: none meets another one."""

    _holder: ShuttleAircraft | None = None

    def is_cleared(self, shuttle: ShuttleAircraft) -> bool:
        """Whether the shuttle may be off the ground now; it has the airway until it leaves it."""
        if self._holder is None:
            self._holder = shuttle
        return self._holder is shuttle

    def leave_by(self, shuttle: ShuttleAircraft) -> None:
        """The shuttle is on the ground."""
        if self._holder is shuttle:
            self._holder = None


class ShuttleAircraft:
    """Rises from one pad, flies along the corridor, sinks onto the other pad, rests, and returns.

    Who has to land flies on to the pad ahead or back to the one behind, whichever is nearer and within
    reach, else goes straight down. Who has to leave a place takes the direction that is less in it, and
    does not depart while the way leads through one. It begins in flight if the airway is free, else on
    its first pad.
    """

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
        airway: Airway,
    ) -> None:
        back = self._flight(corridor.reversed(), pads[::-1], offset_m)
        self._flights = [self._flight(corridor, pads, offset_m), back]
        self._lanes = [(flight[1], number) for number, flight in enumerate(self._flights)]
        self._airway = airway
        if airway.is_cleared(self):
            self.course, self.lift = Course(self._from(0), _AIRCRAFT, start_m=start_m), Lift(cruise_m)
        else:
            short_of_pad_m = back[2].path.length_m - _SHORT_OF_PAD_M
            self.course = Course(chain([back[2]], cycle([*self._flights[0], *back])), _AIRCRAFT, start_m=short_of_pad_m)
            self.course.speed_mps = 0.0
            self.lift = Lift(ground_m)
        self._cruise_m, self._ground_m = cruise_m, ground_m
        self._randomness = randomness
        self._cleared = False  # to enter the next departure leg
        self._rests_until_ms: int | None = None
        self._bidding = Bidding()
        self._goes_down_here = False

    @property
    def pose(self) -> Pose:
        """Position, heading and altitude now."""
        return Pose(*self.course.pose, self.lift.altitude_m)

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Fly on; above the pad, sink, rest and rise."""
        self._decide(pace.bidding)
        if self._goes_down_here:
            self._go_down(seconds, at_ms, pace)
            return
        if self.course.speed_mps > _STANDING_MPS or self._flies_on():
            if not self.lift.towards(self._cruise_m, seconds) and self.course.speed_mps <= _STANDING_MPS:
                return  # it went down on its way, and rises first
            self.course.advance(seconds, at_ms, self.course.obedient(pace, seconds, may_stop=False))
            if self.course.leg.may_enter is not None:  # it has departed; the next time it asks again
                self._cleared = False
            return
        self._serve_pad(seconds, at_ms, pace.bidding)

    def can_leave(self, area: BaseGeometry) -> bool:
        """Where one of its pads is outside."""
        return not all(is_in([area], flight[2].path.points[-1]) for flight in self._flights)

    def _flies_on(self) -> bool:
        """Whether it stands in the air on its way, not above a pad."""
        return self._cleared or not self._is_at_pad()

    def _is_at_pad(self) -> bool:
        leg = self.course.leg
        is_approach = any(leg is flight[2] for flight in self._flights)
        return is_approach and leg.path.length_m - self.course.on_leg_m < _NEAR_PORT_MPS

    def _serve_pad(self, seconds: float, at_ms: int, bidding: Bidding) -> None:
        self.course.advance(seconds, at_ms, Pace())
        if self._rests_until_ms is None:
            if self.lift.towards(self._ground_m, seconds):
                self._airway.leave_by(self)
                self._rests_until_ms = at_ms + round(self._randomness.uniform(*_DWELL_S) * 1000)
        elif bidding.halts or not self._may_set_out(bidding.keep_out):
            if self.lift.towards(self._ground_m, seconds):
                self._airway.leave_by(self)
        elif self._sets_out(at_ms, bidding) and self.lift.towards(self._cruise_m, seconds):
            self._rests_until_ms = None
            self._cleared = True

    def _sets_out(self, at_ms: int, bidding: Bidding) -> bool:
        """Whether it has rested and the airway is free; nobody rests in a place that is to be left."""
        is_over = self._rests_until_ms is not None and at_ms >= self._rests_until_ms
        return is_in(bidding.keep_out, self.course.pose[0]) or (is_over and self._airway.is_cleared(self))

    def _go_down(self, seconds: float, at_ms: int, pace: Pace) -> None:
        if self.course.speed_mps > _STANDING_MPS:
            self.course.advance(seconds, at_ms, self.course.obedient(pace, seconds))
        else:
            self.lift.towards(self._ground_m, seconds)

    def _decide(self, bidding: Bidding) -> None:
        """Once for each change of what is asked."""
        if bidding == self._bidding:
            return
        starts_halting = bidding.halts and not self._bidding.halts
        closes = bidding.keep_out != self._bidding.keep_out
        self._bidding = bidding
        self._goes_down_here = self._goes_down_here and bidding.halts
        if starts_halting:
            self._head_for_landing()
        elif closes and bidding.keep_out and not bidding.halts:
            self._head_out(bidding.keep_out)

    def _head_for_landing(self) -> None:
        if self._is_at_pad() and not self._cleared:
            return
        ahead_m = self._way_ahead_m()
        way_back = self._way_back()
        back_m = math.inf if way_back is None else sum(leg.path.length_m for leg in way_back[0])
        if min(ahead_m, back_m) > _REACH_M:
            self._goes_down_here = True
        elif back_m < ahead_m and way_back is not None:
            self._turn_back(*way_back)

    def _head_out(self, keep_out: Sequence[BaseGeometry]) -> None:
        way_back, flight = self._way_back(), self._flight_at()
        if way_back is None or flight is None:
            return
        ahead = [self.course.leg.path.cut(self.course.on_leg_m, self.course.leg.path.length_m), flight[2].path]
        inside_ahead_m = sum(inside_m(keep_out, path) for path in ahead)
        inside_back_m = sum(inside_m(keep_out, leg.path) for leg in way_back[0])
        if inside_back_m + _INSIDE_MATTERS_M < inside_ahead_m:
            self._turn_back(*way_back)

    def _may_set_out(self, keep_out: Sequence[BaseGeometry]) -> bool:
        """Not into a closed place; but out of one, where the other pad is free."""
        if not keep_out:
            return True
        here = self.course.pose[0]
        flight = max(self._flights, key=lambda each: math.dist(each[2].path.points[-1], here))  # to the other pad
        if is_in(keep_out, here):
            return not is_in(keep_out, flight[2].path.points[-1])
        return not any(inside_m(keep_out, leg.path) for leg in flight)

    def _flight_at(self) -> tuple[Leg, Leg, Leg] | None:
        """The flight whose lane it is on; None near the pads."""
        return next((self._flights[number] for leg, number in self._lanes if leg is self.course.leg), None)

    def _way_ahead_m(self) -> float:
        """To the pad ahead; inf on the way out from one."""
        left_m = self.course.leg.path.length_m - self.course.on_leg_m
        if (flight := self._flight_at()) is not None:
            return left_m + flight[2].path.length_m
        return left_m if any(self.course.leg is flight[2] for flight in self._flights) else math.inf

    def _way_back(self) -> tuple[list[Leg], int] | None:
        """Straight on until it is slow, a turn, and the other lane to the pad behind; with the flight that this is."""
        flight, lane, at_m = self._flight_at(), self.course.leg.path, self.course.on_leg_m
        if flight is None or at_m + _SLOWING_M + _TURNING_M > lane.length_m:
            return None
        number = 1 - self._flights.index(flight)
        _departure, other, approach = self._flights[number]
        straight = lane.cut(at_m, at_m + _SLOWING_M)
        end = straight.points[-1]
        joins_m = min(
            (step * other.path.length_m / 200 for step in range(200)),
            key=lambda distance_m: math.dist(other.path.at(distance_m)[0], end),
        )
        rest = other.path.cut(min(joins_m, other.path.length_m - 1.0), other.path.length_m)
        legs = [Leg(straight, _CRUISE_MPS), Leg(turn(straight, rest), _NEAR_PORT_MPS), Leg(rest, _CRUISE_MPS), approach]
        return legs, number

    def _turn_back(self, legs: list[Leg], number: int) -> None:
        self._lanes = [*self._lanes[: len(self._flights)], (legs[2], number)]
        onward = [*self._flights[1 - number], *self._flights[number]]
        self.course.replan(chain(legs, cycle(onward)))

    def _flight(self, line: Path, pads: tuple[Point, Point], offset_m: float) -> tuple[Leg, Leg, Leg]:
        """Departure, lane and approach from the first pad to the second."""
        lane = line.cut(_NEAR_PORT_M, line.length_m - _NEAR_PORT_M).shifted_right(offset_m)
        departure = Leg(Path.through([pads[0], lane.points[0]]), _NEAR_PORT_MPS, may_enter=self._may_depart)
        approach = Leg(Path.through([lane.points[-1], pads[1]]), _NEAR_PORT_MPS)
        return departure, Leg(lane, _CRUISE_MPS), approach

    def _from(self, number: int) -> Iterator[Leg]:
        """From the middle of this flight on, to and fro for ever."""
        flight, other = self._flights[number], self._flights[1 - number]
        return chain(flight[1:], cycle([*other, *flight]))

    def _may_depart(self, _at_ms: int) -> bool:
        return self._cleared
