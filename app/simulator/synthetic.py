"""A synthetic fleet for load tests: any number of vehicles that shuttle along the shipped test roads."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.showcase.plan import shipped_zones
from app.simulator.actor import Sample
from app.simulator.muster import PLANE
from app.simulator.paths import Path
from geofences.zones import ZoneKind
from telemetry.directives import Directive

_SPEED_MPS = 10.0
_APART_M = 37.0


class SyntheticFleet:
    """Each vehicle at `rate_hz`, evenly spread over the period, always at the same speed and without noise."""

    def __init__(self, vehicle_ids: Sequence[str], start_ms: int, *, rate_hz: float) -> None:
        roads = [
            Path.through([PLANE.point(*vertex) for vertex in feature["geometry"]["coordinates"]])
            for feature in shipped_zones().values()
            if feature["properties"]["kind"] == ZoneKind.TEST_ROAD
        ]
        self._period_ms = 1000 / rate_hz
        self._trips = [(vehicle, _there_and_back(roads[k % len(roads)])) for k, vehicle in enumerate(vehicle_ids)]
        self._due_ms = [start_ms + self._period_ms * k / len(vehicle_ids) for k in range(len(vehicle_ids))]

    def hears(self, _vehicle_id: str) -> bool:
        """A load has no programs that could obey: what is demanded is delivered, and never answered."""
        return False

    def demanded(self, _vehicle_id: str, _directive: Directive) -> None:
        """Not heard."""

    def ended(self, _vehicle_id: str, _directive_id: str) -> None:
        """Not heard."""

    def step(self, now_ms: int) -> list[tuple[str, Sample]]:
        """All samples due up to `now_ms`, without `seq`."""
        samples = []
        for place, (vehicle_id, trip) in enumerate(self._trips):
            while self._due_ms[place] <= now_ms:
                at_ms = int(self._due_ms[place])
                self._due_ms[place] += self._period_ms
                samples.append((vehicle_id, _sample(trip, at_ms, place * _APART_M)))
        return samples


def _there_and_back(road: Path) -> Path:
    return Path.through([*road.points, *road.points[::-1]])


def _sample(trip: Path, at_ms: int, shift_m: float) -> Sample:
    point, heading_rad = trip.at((at_ms / 1000 * _SPEED_MPS + shift_m) % trip.length_m)
    lon, lat = PLANE.lonlat(point)
    location = {"lat": round(lat, 7), "lng": round(lon, 7), "speed": _SPEED_MPS, "horizontal_accuracy": 1.0}
    return {
        "timestamp": at_ms,
        "location": {**location, "heading": round(math.degrees(heading_rad) % 360, 1)},
        "mode": "autonomous",
        "safety_officer": "onboard",
        "passengers": 0,
    }
