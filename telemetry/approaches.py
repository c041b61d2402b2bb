"""Aircraft on a vertiport approach over an active test road.

A test road is active while it is in force and a vehicle of the platform was on it lately: a road below
an approach is always there, what endangers it is the traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.index import ZoneIndex
from geofences.zones import ZoneKind
from telemetry.rulebook import ZoneRules
from telemetry.samples import Flags, Integers, Reals, SampleBatch
from telemetry.separation import FRESH_MS, Flights

#: An aircraft that sinks faster than this descends.
SINKING_MPS = 0.5

#: Around the roads in question vehicles are remembered this far out, in degrees: some 100 m.
_MARGIN_DEG = 0.001


@dataclass(frozen=True, slots=True)
class ApproachRules:
    """An aircraft within `reach_m` of a vertiport approaches it if it is below `height_m` above ground, or sinks.

    A road is active for `active_s` after a vehicle was seen on it. All three are of our own making [U].
    """

    reach_m: float = 300.0
    height_m: float = 50.0
    active_s: float = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """Where vehicles of one flush were near the roads in question: columns (m,), WGS-84 degrees."""

    timestamp_ms: Integers
    lon: Reals
    lat: Reals


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Some zones of an index, by row."""

    index: ZoneIndex
    rows: Integers
    tree: shapely.STRtree

    @classmethod
    def of(cls, index: ZoneIndex, rows: Integers) -> _Places:
        return cls(index, rows, shapely.STRtree(index.shapes[rows]))

    def near(
        self, points: NDArray[np.object_], distance_m: Reals | float, timestamp_ms: Integers
    ) -> tuple[Integers, Integers]:
        """Pairs of a point and a zone's row, in force at the point's time and within the distance of it."""
        point, place = self.tree.query(points, predicate="dwithin", distance=distance_m)
        zone = self.rows[place]
        in_force = self.index.columns.in_force(zone, timestamp_ms[point])
        return point[in_force], zone[in_force]


@dataclass(frozen=True, slots=True, eq=False)
class _Contested:
    """Vertiports and test roads within reach of each other; `box` is around these roads, in degrees."""

    zones: ZoneRules
    every_port: _Places
    ports: _Places
    roads: _Places
    box: tuple[float, float, float, float]

    @classmethod
    def of(cls, zones: ZoneRules, reach_m: float) -> _Contested:
        index = zones.index
        ports, roads = (np.flatnonzero(index.of_kind((kind,))) for kind in (ZoneKind.VERTIPORT, ZoneKind.TEST_ROAD))
        every_port = _Places.of(index, ports)
        road, port = every_port.tree.query(index.shapes[roads], predicate="dwithin", distance=reach_m)
        ports, roads = ports[np.unique(port)], roads[np.unique(road)]
        bounds = shapely.bounds([index.revisions[row].geometry for row in roads.tolist()]).reshape(-1, 4)
        west, south = (bounds[:, side].min(initial=np.inf) - _MARGIN_DEG for side in (0, 1))
        east, north = (bounds[:, side].max(initial=-np.inf) + _MARGIN_DEG for side in (2, 3))
        return cls(zones, every_port, _Places.of(index, ports), _Places.of(index, roads), (west, south, east, north))

    def __bool__(self) -> bool:
        return len(self.roads.rows) > 0


class Approaches:
    """Remembers where vehicles were seen lately, where it matters: nothing where no vertiport is near a road."""

    def __init__(self, rules: ApproachRules) -> None:
        self._rules = rules
        self._contested: _Contested | None = None
        self._sightings: list[Sighting] = []

    def sighted(self, zones: ZoneRules, batch: SampleBatch, rows: Integers) -> Sighting | None:
        """What is to be kept of vehicles on the road; `rows` are their live samples."""
        if self._contested is None or self._contested.zones is not zones:
            self._contested = _Contested.of(zones, self._rules.reach_m)
        if not self._contested or not len(rows):
            return None
        west, south, east, north = self._contested.box
        lon, lat = batch.lon[rows], batch.lat[rows]
        near = rows[(lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)]
        return Sighting(batch.timestamp_ms[near], batch.lon[near], batch.lat[near]) if len(near) else None

    def at_vertiports(self, flights: Flights) -> Flags:
        """Which of the flights are over a vertiport, or may be. `sighted` was asked of the same flush before."""
        flags = np.zeros(len(flights), dtype=np.bool_)
        if self._contested is not None and len(self._contested.every_port.rows):
            points = np.asarray(shapely.points(*self._contested.zones.index.project(flights.lon, flights.lat)))
            there, _ = self._contested.every_port.near(points, flights.radius_m, flights.timestamp_ms)
            flags[there] = True
        return flags

    def conflicts(self, flights: Flights, height_m: Reals, sighting: Sighting | None) -> Flags:
        """Which of the flights approach a vertiport over an active road; `height_m` is above ground, NaN unknown.

        `sighting` is that of the same flush.
        """
        conflicts = np.zeros(len(flights), dtype=np.bool_)
        contested = self._contested
        if not contested:
            return conflicts
        rows = np.flatnonzero(~(height_m > self._rules.height_m) | (flights.climb_mps < -SINKING_MPS))
        x_m, y_m = contested.zones.index.project(flights.lon[rows], flights.lat[rows])
        points = np.asarray(shapely.points(x_m, y_m))
        near, _ = contested.ports.near(points, self._rules.reach_m, flights.timestamp_ms[rows])
        near = np.unique(near)
        rows = rows[near]
        above, road = contested.roads.near(points[near], flights.radius_m[rows], flights.timestamp_ms[rows])
        sightings = self._sightings if sighting is None else [*self._sightings, sighting]
        for each in np.unique(road).tolist():
            who = rows[above[road == each]]
            conflicts[who] |= self._is_active(contested.zones.index, each, flights.timestamp_ms[who], sightings)
        return conflicts

    def keep(self, sighting: Sighting | None) -> None:
        """The flush of this sighting is stored."""
        if sighting is None:
            return
        since_ms = sighting.timestamp_ms.max() - self._rules.active_s * 1000 - FRESH_MS
        self._sightings = [each for each in self._sightings if each.timestamp_ms.max() >= since_ms]
        self._sightings.append(sighting)

    def _is_active(self, index: ZoneIndex, road: int, at_ms: Integers, sightings: Sequence[Sighting]) -> Flags:
        """Whether somebody was on the road within `active_s` before each of these times, or right after it."""
        if not sightings:
            return np.zeros(len(at_ms), dtype=np.bool_)
        seen_ms, lon, lat = (np.concatenate([getattr(each, name) for each in sightings]) for name in Sighting.__slots__)
        on_it = shapely.intersects_xy(index.shapes[road], *index.project(lon, lat))
        times_ms = np.sort(seen_ms[on_it])
        first = np.searchsorted(times_ms, at_ms - self._rules.active_s * 1000)
        past = np.searchsorted(times_ms, at_ms + FRESH_MS, side="right")
        found: Flags = past > first
        return found
