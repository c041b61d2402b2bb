"""The road graph: lanes between the shared vertices of centrelines, signals, and random drives over it."""

from __future__ import annotations

import math
import random
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from shapely import LineString

from app.simulator.course import Leg, speed_in_curve_mps
from app.simulator.paths import Path, turn
from app.simulator.plane import Plane, Point

_JUNCTION_M = 16.0  # lanes end that far before the middle of a junction, or of the road's end
_LANE_SHARE, _WIDEST_LANE_OFFSET_M = 0.3, 5.0
_ROAD_SPEEDS_MPS = ((16.0, 14.0), (14.0, 12.5), (12.0, 11.0), (0.0, 8.5))  # from half width, speed
_CYCLE_MS, _GREEN_MS, _HALF_CYCLE_MS = 48_000, 20_000, 24_000
_STRAIGHT_ON, _OTHERWISE = 5.0, 1.5
_STRAIGHT_COSINE = 0.8
_CROSSROADS = 3  # lanes that leave a place with signals

Node = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Street:
    """A centreline in EPSG:4326 (lon, lat) vertices; streets meet where they share a vertex exactly."""

    zone_id: str
    line: tuple[Node, ...]
    half_width_m: float


@dataclass(frozen=True, slots=True)
class SlowPlace:
    """Lanes that come within `reach_m` of the line are driven at no more than `speed_mps`."""

    line: Path
    reach_m: float
    speed_mps: float

    def touches(self, path: Path) -> bool:
        """Whether the path comes that near."""
        return LineString(self.line.points).distance(LineString(path.points)) <= self.reach_m


@dataclass(frozen=True, slots=True)
class Lane:
    """One direction of a street between two nodes."""

    key: str
    path: Path
    start: Node
    end: Node
    zone_id: str
    speed_mps: float


@dataclass(slots=True)
class Wheel:
    """Where a drive leads: anywhere, or away from a point of the plane, for as long as that is set."""

    away_from: Point | None = None


@dataclass(frozen=True, slots=True)
class Streets:
    """Lanes by the node that they leave."""

    leaving: Mapping[Node, tuple[Lane, ...]]

    @property
    def lanes(self) -> list[Lane]:
        """All lanes, always in the same order."""
        return [lane for lanes in self.leaving.values() for lane in lanes]

    def drive(
        self, first: Lane, randomness: random.Random, cap_mps: float, wheel: Wheel | None = None
    ) -> Iterator[Leg]:
        """An endless drive: lanes, joined by curves, turning back only where the road ends."""
        lane = first
        steered = wheel or Wheel()
        while True:
            yield Leg(lane.path, min(lane.speed_mps, cap_mps), lane.key)
            following = self._choose(lane, randomness, steered)
            curve = turn(lane.path, following.path)
            speed_mps = min(speed_in_curve_mps(curve), lane.speed_mps, following.speed_mps, cap_mps)
            signals = len(self.leaving[lane.end]) >= _CROSSROADS
            yield Leg(curve, speed_mps, None, partial(_is_green, lane) if signals else None)
            lane = following

    def _choose(self, lane: Lane, randomness: random.Random, wheel: Wheel) -> Lane:
        onward = [other for other in self.leaving[lane.end] if other.end != lane.start]
        if not onward:
            return next(other for other in self.leaving[lane.end] if other.end == lane.start)
        if (place := wheel.away_from) is not None:
            return max(onward, key=lambda other: math.dist(other.path.points[-1], place))
        weights = [_STRAIGHT_ON if _goes_straight(lane, other) else _OTHERWISE for other in onward]
        return randomness.choices(onward, weights)[0]


def lay_out(streets: Sequence[Street], plane: Plane, slow: Sequence[SlowPlace] = ()) -> Streets:
    """The graph of these streets; lanes keep to the right of the centreline."""
    uses: dict[Node, int] = defaultdict(int)
    for street in streets:
        for vertex in street.line:
            uses[vertex] += 1
        for end in (street.line[0], street.line[-1]):
            uses[end] += 2
    leaving: dict[Node, list[Lane]] = defaultdict(list)
    for street in streets:
        nodes = [index for index, vertex in enumerate(street.line) if uses[vertex] > 1]
        for first, last in pairwise(nodes):
            piece = street.line[first : last + 1]
            for part in (piece, piece[::-1]):
                lane = _lane(street, part, plane, slow)
                leaving[lane.start].append(lane)
    return Streets({node: tuple(lanes) for node, lanes in leaving.items()})


def road_speed_mps(half_width_m: float) -> float:
    """How fast one drives on a road of this width where nothing else limits."""
    return next(speed for width, speed in _ROAD_SPEEDS_MPS if half_width_m >= width)


def _lane(street: Street, part: Sequence[Node], plane: Plane, slow: Sequence[SlowPlace]) -> Lane:
    offset_m = min(_LANE_SHARE * street.half_width_m, _WIDEST_LANE_OFFSET_M)
    middle = Path.through([plane.point(*vertex) for vertex in part])
    path = middle.cut(_JUNCTION_M, middle.length_m - _JUNCTION_M).shifted_right(offset_m)
    limits_mps = [place.speed_mps for place in slow if place.touches(path)]
    speed_mps = min([road_speed_mps(street.half_width_m), *limits_mps])
    key = f"{street.zone_id}:{part[0]}>{part[-1]}"
    return Lane(key, path, part[0], part[-1], street.zone_id, speed_mps)


def _goes_straight(lane: Lane, other: Lane) -> bool:
    _, leaving = lane.path.at(lane.path.length_m)
    _, entering = other.path.at(0.0)
    return math.cos(entering - leaving) > _STRAIGHT_COSINE


def _is_green(lane: Lane, at_ms: int) -> bool:
    """Two phases, by the compass: the avenues along the bay, then the roads across."""
    _, heading = lane.path.at(lane.path.length_m)
    along = abs(math.cos(heading)) > abs(math.sin(heading))
    shift_ms = zlib.crc32(repr(lane.end).encode()) % _CYCLE_MS
    return (at_ms + shift_ms + (0 if along else _HALF_CYCLE_MS)) % _CYCLE_MS < _GREEN_MS
