"""A mover on an endless course: legs one after the other, with limits of speed, acceleration and braking."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.simulator.closures import KEPT_OFF_M, first_inside_m, is_in
from app.simulator.orders import Bidding
from app.simulator.paths import Path, tightest_radius_m
from app.simulator.plane import Point

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_LOOK_AHEAD_M = 250.0
_SEEN_M = 320.0  # more than anything here needs to stop
_SIDEWAYS_MPS2 = 2.0
_STOP_SHORT_M = 1.0
_CRAWL_MPS = 0.4


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a course.

    `key` names the lane, for those who look for a leader on it (None: a curve between lanes).
    `may_enter` is asked, with the time, by those who come near; None means always.
    """

    path: Path
    speed_mps: float
    key: str | None = None
    may_enter: Callable[[int], bool] | None = None


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a vehicle can do, in m/s²."""

    acceleration_mps2: float
    braking_mps2: float
    hardest_braking_mps2: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What is asked of a mover right now.

    `at_most_mps` caps the speed; `gap_m` is the free distance to a leader; `hurry_mps` is a speed to
    be driven whatever lies ahead (a scripted breach). `bidding` is what directives ask.
    """

    at_most_mps: float = math.inf
    gap_m: float = math.inf
    hurry_mps: float | None = None
    bidding: Bidding = field(default_factory=Bidding)


class Course:
    """Position and speed along legs that `supply` yields without end. It starts in full motion."""

    def __init__(self, supply: Iterator[Leg], abilities: Abilities, *, start_m: float = 0.0) -> None:
        self._supply = supply
        self._abilities = abilities
        self._legs: deque[Leg] = deque([next(supply)])
        self.on_leg_m = min(start_m, self._legs[0].path.length_m)
        left_m = self._legs[0].path.length_m - self.on_leg_m
        self.speed_mps = min(self._legs[0].speed_mps, self._brakes_within(left_m, 0.0))

    @property
    def leg(self) -> Leg:
        """The leg under way."""
        return self._legs[0]

    @property
    def pose(self) -> tuple[Point, float]:
        """Position and heading."""
        return self._legs[0].path.at(self.on_leg_m)

    def lanes_ahead(self) -> Iterator[tuple[str, float]]:
        """Lanes within sight with the distance from here to their starts (negative: on it)."""
        start_m = -self.on_leg_m
        for leg in self._legs:
            if leg.key is not None:
                yield leg.key, start_m
            start_m += leg.path.length_m

    def obedient(self, pace: Pace, seconds: float, *, may_stop: bool = True) -> Pace:
        """The same pace as directives want it: gently down to a speed, and no farther than to a closed place.

        Who is within such a place drives on until it is out.
        """
        bidding = pace.bidding
        at_most_mps = 0.0 if bidding.halts and may_stop else bidding.at_most_mps
        eased_mps = max(at_most_mps, self.speed_mps - self._abilities.braking_mps2 * seconds)
        gap_m = min(pace.gap_m, self._room_m(bidding.keep_out))
        return replace(pace, at_most_mps=min(pace.at_most_mps, eased_mps), gap_m=gap_m)

    def replan(self, supply: Iterator[Leg]) -> None:
        """Go on along other legs; the first begins where this one is now."""
        self._supply = supply
        self._legs = deque([next(supply)])
        self.on_leg_m = 0.0

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Move on for a fraction of a second."""
        self._look_ahead()
        wanted_mps = self._allowed_mps(at_ms, pace) if pace.hurry_mps is None else pace.hurry_mps
        change_mps = wanted_mps - self.speed_mps
        fastest, hardest = self._abilities.acceleration_mps2, self._abilities.hardest_braking_mps2
        before_mps = self.speed_mps
        self.speed_mps = max(0.0, before_mps + min(max(change_mps, -hardest * seconds), fastest * seconds))
        self.on_leg_m += (before_mps + self.speed_mps) / 2 * seconds
        while self.on_leg_m >= self._legs[0].path.length_m:
            self.on_leg_m -= self._legs.popleft().path.length_m
            self._look_ahead()

    def _room_m(self, keep_out: Sequence[BaseGeometry]) -> float:
        """The free way to the first of these places; inf within one."""
        if not keep_out or is_in(keep_out, self.pose[0]):
            return math.inf
        passed_m = -self.on_leg_m
        for leg in self._legs:
            here_m = max(0.0, -passed_m)
            if (seen_m := min(leg.path.length_m, here_m + _SEEN_M - max(0.0, passed_m))) <= here_m:
                break
            rest = leg.path.cut(here_m, seen_m)
            if (entered_m := first_inside_m(keep_out, rest)) is not None:
                return max(0.0, passed_m) + entered_m - KEPT_OFF_M
            passed_m += leg.path.length_m
        return math.inf

    def _look_ahead(self) -> None:
        seen_m = sum(leg.path.length_m for leg in self._legs) - self.on_leg_m
        while seen_m < _LOOK_AHEAD_M or len(self._legs) == 1:
            leg = next(self._supply)
            self._legs.append(leg)
            seen_m += leg.path.length_m

    def _allowed_mps(self, at_ms: int, pace: Pace) -> float:
        allowed_mps = min(self._legs[0].speed_mps, pace.at_most_mps, self._brakes_within(pace.gap_m, 0.0))
        ahead_m = self._legs[0].path.length_m - self.on_leg_m
        for leg in list(self._legs)[1:]:
            if leg.may_enter and not leg.may_enter(at_ms) and self._can_stop_within(ahead_m):
                return min(allowed_mps, self._brakes_within(ahead_m - _STOP_SHORT_M, 0.0))
            allowed_mps = min(allowed_mps, self._brakes_within(ahead_m, leg.speed_mps))
            ahead_m += leg.path.length_m
        return allowed_mps

    def _brakes_within(self, distance_m: float, to_mps: float) -> float:
        """The speed from which one brakes gently to `to_mps` within a distance."""
        if distance_m <= 0:
            return to_mps
        return math.sqrt(to_mps**2 + 2 * self._abilities.braking_mps2 * distance_m)

    def _can_stop_within(self, distance_m: float) -> bool:
        return self.speed_mps**2 <= 2 * self._abilities.hardest_braking_mps2 * max(distance_m, 0.0) + _CRAWL_MPS**2


def speed_in_curve_mps(path: Path) -> float:
    """The speed at which a curve is taken comfortably."""
    return math.sqrt(_SIDEWAYS_MPS2 * tightest_radius_m(path))
