"""What moves on the ground: cars on lanes or round a circuit, and parked ones. Aircraft: app.simulator.aircraft."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Protocol

from shapely import LineString
from shapely.geometry.base import BaseGeometry

from app.simulator.closures import is_in
from app.simulator.course import Abilities, Course, Leg, Pace, speed_in_curve_mps
from app.simulator.paths import Path, to_the_right
from app.simulator.plane import Point
from app.simulator.streets import Wheel

_CAR = Abilities(acceleration_mps2=1.6, braking_mps2=1.8, hardest_braking_mps2=3.5)
_ROADSIDE_M, _ROADSIDE_SLOPE = 1.5, 0.15  # who halts pulls over by so much, and by so much a metre of way


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

    def can_leave(self, area: BaseGeometry) -> bool:
        """Whether its way ever leads out of the area."""


@dataclass(slots=True)
class Car:
    """Follows its course on the ground. With `line` it never leaves that; without, `wheel` tells it whereto."""

    course: Course
    ground_m: float
    line: Path | None = None
    wheel: Wheel = field(default_factory=Wheel)
    _aside_m: float = 0.0

    @classmethod
    def on(
        cls,
        drive: Iterator[Leg],
        ground_m: float,
        start_m: float,
        *,
        line: Path | None = None,
        wheel: Wheel | None = None,
    ) -> Car:
        """A car on an endless drive."""
        return cls(Course(drive, _CAR, start_m=start_m), ground_m, line, wheel or Wheel())

    @property
    def pose(self) -> Pose:
        """Position, heading and altitude now."""
        point, heading_rad = self.course.pose
        return Pose(to_the_right(point, heading_rad, self._aside_m), heading_rad, self.ground_m)

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Drive on; who is to halt pulls over and stops on a lane, not in a junction."""
        bidding = pace.bidding
        within = [area for area in bidding.keep_out if is_in([area], self.course.pose[0])]
        self.wheel.away_from = (within[0].centroid.x, within[0].centroid.y) if within else None
        on_lane = self.course.leg.key is not None
        self.course.advance(seconds, at_ms, self.course.obedient(pace, seconds, may_stop=on_lane))
        wanted_m = _ROADSIDE_M if bidding.halts and on_lane else 0.0
        most_m = _ROADSIDE_SLOPE * self.course.speed_mps * seconds
        self._aside_m += min(max(wanted_m - self._aside_m, -most_m), most_m)

    def can_leave(self, area: BaseGeometry) -> bool:
        """Round a circuit, only where that leads out."""
        return self.line is None or not area.covers(LineString(self.line.points))


@dataclass(slots=True)
class ParkedCar:
    """Stands still."""

    pose: Pose
    course: None = None

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Nothing moves."""

    def can_leave(self, area: BaseGeometry) -> bool:
        """Somebody would have to move it."""
        return not is_in([area], self.pose.point)


def round_trip(line: Path, speed_mps: float) -> Iterator[Leg]:
    """Round a closed line for ever."""
    return cycle([Leg(line, min(speed_mps, speed_in_curve_mps(line)), line_key(line))])


def line_key(line: Path) -> str:
    """A name for the one lane that a circuit is."""
    return f"circuit:{line.points[0]}"
