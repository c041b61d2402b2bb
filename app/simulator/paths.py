"""Lines that are driven and flown: polylines in the plane, with offsets, cuts and curves.

Headings are radians clockwise from north; "right" is to the right of the direction of travel.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from app.simulator.plane import Point

_CURVE_STEPS = 12
_SAME_M = 1e-6
_PARALLEL = 0.2  # sine of the angle below which two lines are taken as one direction


@dataclass(frozen=True, slots=True)
class Path:
    """A polyline of at least two points with the distance travelled at each."""

    points: tuple[Point, ...]
    travelled_m: tuple[float, ...]

    @classmethod
    def through(cls, points: Sequence[Point]) -> Path:
        """A path through the points; repeated ones are dropped."""
        distinct = [points[0], *(after for before, after in pairwise(points) if math.dist(before, after) > _SAME_M)]
        steps = (math.dist(before, after) for before, after in pairwise(distinct))
        return cls(tuple(distinct), tuple(accumulate(steps, initial=0.0)))

    @property
    def length_m(self) -> float:
        """Distance from the first point to the last."""
        return self.travelled_m[-1]

    def at(self, distance_m: float) -> tuple[Point, float]:
        """Position and heading at a distance from the start, held at both ends."""
        first = min(max(bisect_right(self.travelled_m, distance_m) - 1, 0), len(self.points) - 2)
        (x0, y0), (x1, y1) = self.points[first], self.points[first + 1]
        length_m = self.travelled_m[first + 1] - self.travelled_m[first]
        share = min(max((distance_m - self.travelled_m[first]) / length_m, 0.0), 1.0)
        return (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share), math.atan2(x1 - x0, y1 - y0)

    def cut(self, start_m: float, end_m: float) -> Path:
        """The part between two distances from the start."""
        within = [p for p, m in zip(self.points, self.travelled_m, strict=True) if start_m < m < end_m]
        return Path.through([self.at(start_m)[0], *within, self.at(end_m)[0]])

    def reversed(self) -> Path:
        """The same line, travelled the other way."""
        return Path.through(self.points[::-1])

    def shifted_right(self, offset_m: float) -> Path:
        """The line `offset_m` to the right; meant for smooth lines and small offsets."""
        headings = [math.atan2(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(self.points)]
        before, after = [headings[0], *headings], [*headings, headings[-1]]
        shifted = []
        for point, h0, h1 in zip(self.points, before, after, strict=True):
            heading = math.atan2(math.sin(h0) + math.sin(h1), math.cos(h0) + math.cos(h1))
            shifted.append(to_the_right(point, heading, offset_m))
        return Path.through(shifted)


def to_the_right(point: Point, heading_rad: float, distance_m: float) -> Point:
    """The point that far to the right of somebody who looks along the heading."""
    return point[0] + math.cos(heading_rad) * distance_m, point[1] - math.sin(heading_rad) * distance_m


def ahead(point: Point, heading_rad: float, distance_m: float) -> Point:
    """The point that far ahead."""
    return point[0] + math.sin(heading_rad) * distance_m, point[1] + math.cos(heading_rad) * distance_m


def turn(leaving: Path, entering: Path) -> Path:
    """A smooth curve from the end of one path to the start of the next."""
    start, heading = leaving.at(leaving.length_m)
    end, end_heading = entering.at(0.0)
    sine = math.sin(end_heading - heading)
    if abs(sine) > _PARALLEL and (corner := _corner(start, heading, end, end_heading)):
        return Path.through([_quadratic(start, corner, end, k / _CURVE_STEPS) for k in range(_CURVE_STEPS + 1)])
    reach_m = math.dist(start, end) * (2 / 3 if math.cos(end_heading - heading) < 0 else 1 / 3)
    first, second = ahead(start, heading, reach_m), ahead(end, end_heading, -reach_m)
    return Path.through([_cubic(start, first, second, end, k / _CURVE_STEPS) for k in range(_CURVE_STEPS + 1)])


def tightest_radius_m(path: Path) -> float:
    """The smallest radius of the circles through three neighbouring points; inf for a straight line."""
    triples = zip(path.points, path.points[1:], path.points[2:], strict=False)
    return min((_radius_m(a, b, c) for a, b, c in triples), default=math.inf)


def _corner(start: Point, heading: float, end: Point, end_heading: float) -> Point | None:
    """Where the line ahead of `start` meets the line behind `end`; None when it is not between them."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    sine = math.sin(end_heading - heading)
    onward_m = (dx * -math.cos(end_heading) + dy * math.sin(end_heading)) / -sine
    back_m = (dx * math.cos(heading) - dy * math.sin(heading)) / sine
    return ahead(start, heading, onward_m) if onward_m > 0 and back_m > 0 else None


def _quadratic(a: Point, b: Point, c: Point, t: float) -> Point:
    u = 1 - t
    return u * u * a[0] + 2 * u * t * b[0] + t * t * c[0], u * u * a[1] + 2 * u * t * b[1] + t * t * c[1]


def _cubic(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    u = 1 - t
    weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
    points = (a, b, c, d)
    return (
        sum(w * p[0] for w, p in zip(weights, points, strict=True)),
        sum(w * p[1] for w, p in zip(weights, points, strict=True)),
    )


def _radius_m(a: Point, b: Point, c: Point) -> float:
    twice_area = abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
    if twice_area < 1e-9:  # noqa: PLR2004 -- square metres: three points on one line
        return math.inf
    return math.dist(a, b) * math.dist(b, c) * math.dist(a, c) / (2 * twice_area)
