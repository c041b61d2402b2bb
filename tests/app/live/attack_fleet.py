"""A made-up fleet on a made-up city, and what an attacker records of it from the public view."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from dataclasses import dataclass, field

from shapely import LineString

from app.live.gazetteer import Gazetteer
from app.live.pseudonyms import Pseudonyms
from app.live.public import PublicKeys, PublicPicture
from app.live.snapping import Centreline
from app.live.things import Names, Vehicle
from telemetry.bus import LivePosition
from telemetry.samples import VehicleKind
from tests.app.web.cast import Time

KEYS = PublicKeys(vehicle=b"v" * 32, alert=b"a" * 32, place=b"p" * 32)
DELAY_MS = 30_000
STEP_M = 50.0
ORIGIN_LON, ORIGIN_LAT = 113.88, 22.50
METRES_PER_DEGREE = 111_320.0
LON_SCALE = METRES_PER_DEGREE * math.cos(math.radians(22.52))
BLOCK_M = 800.0
BLOCKS = 6
#: The fixes of a good receiver.
NOISE_M = 0.6

Point = tuple[float, float]
Node = tuple[int, int]


def degrees(point: Point) -> Point:
    """Metres east and north of the city's corner to lon and lat."""
    return ORIGIN_LON + point[0] / LON_SCALE, ORIGIN_LAT + point[1] / METRES_PER_DEGREE


def metres(lonlat: Point) -> Point:
    return (lonlat[0] - ORIGIN_LON) * LON_SCALE, (lonlat[1] - ORIGIN_LAT) * METRES_PER_DEGREE


def streets() -> list[Centreline]:
    """A grid of roads, seven each way."""
    end = BLOCK_M * BLOCKS
    lines = [[(i * BLOCK_M, 0.0), (i * BLOCK_M, end)] for i in range(BLOCKS + 1)]
    lines += [[(0.0, i * BLOCK_M), (end, i * BLOCK_M)] for i in range(BLOCKS + 1)]
    return [Centreline(VehicleKind.ROAD, LineString([degrees(p) for p in line]), 10.0) for line in lines]


@dataclass
class Car:
    """Drives round the blocks at random; stands during [parks_ms, leaves_ms), if at all."""

    key: int
    chance: random.Random
    at: Node
    to: Node
    along_m: float = 0.0
    speed_mps: float = 9.0
    parks_ms: int = 0
    leaves_ms: int = 0

    def drive(self, now_ms: int, duration_s: float) -> None:
        if self.parks_ms <= now_ms < self.leaves_ms:
            return
        self.along_m += self.speed_mps * duration_s
        while self.along_m >= BLOCK_M:
            self.along_m -= BLOCK_M
            self._turn()

    def place(self) -> Point:
        share = self.along_m / BLOCK_M
        x, y = (BLOCK_M * (a + (b - a) * share) for a, b in zip(self.at, self.to, strict=True))
        return x + self.chance.gauss(0, NOISE_M), y + self.chance.gauss(0, NOISE_M)

    def _turn(self) -> None:
        came_from, self.at = self.at, self.to
        x, y = self.at
        ways = [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
        open_ways = [way for way in ways if way != came_from and all(0 <= c <= BLOCKS for c in way)]
        self.to = self.chance.choice(open_ways)
        # Traffic, not the car, decides how fast it goes; a tenth of it is the car's own habit.
        self.speed_mps = (9.0 + self.key % 5 * 0.1) * self.chance.uniform(0.7, 1.3)


def fleet(size: int, seed: int) -> list[Car]:
    chance = random.Random(seed)
    cars = []
    for key in range(1, size + 1):
        x, y = chance.randrange(BLOCKS), chance.randrange(BLOCKS)
        cars.append(Car(key, random.Random(f"{seed} {key}"), (x, y), (x + 1, y), chance.uniform(0, BLOCK_M)))
    return cars


@dataclass
class Trace:
    """What was seen under one name: (time, place) whenever it changed, and its rank in each message."""

    seen: list[tuple[int, Point]] = field(default_factory=list)
    ranks: list[float] = field(default_factory=list)


@dataclass
class Record:
    """What an attacker has of one day: traces by name."""

    traces: dict[str, Trace] = field(default_factory=lambda: defaultdict(Trace))

    def take(self, features: list[bytes], now_ms: int) -> None:
        for rank, feature in enumerate(features):
            shown = json.loads(feature)
            trace = self.traces[shown["id"]]
            trace.seen.append((now_ms, metres(tuple(shown["geometry"]["coordinates"]))))
            trace.ranks.append(rank / len(features))


class Watch:
    """Feeds a public view and listens to it, like a program that never closes the page."""

    def __init__(self, time: Time, *, rest_ms: int) -> None:
        self.time = time
        self.picture = PublicPicture(time, keys=KEYS, delay_ms=DELAY_MS, step_m=STEP_M, rest_ms=rest_ms)
        self.picture.know(streets(), Gazetteer({}))
        self._cursor = 0

    def observe(self, key: int, place: Point, heading_deg: float = 90.0) -> None:
        lon, lat = degrees(place)
        vehicle = Vehicle(key, f"V{key}", VehicleKind.ROAD, 1, Names("", ""))
        self.picture.follow_position(vehicle, _position(key, lon, lat, self.time(), heading_deg))

    def listen(self) -> list[bytes]:
        self.picture.sweep()
        changes = self.picture.board.changes(self._cursor)
        self._cursor = changes.cursor
        return changes.features

    def shown_by_key(self, keys: int) -> dict[int, Point]:
        """What is new, by the car behind it: the test may know."""
        truth = owners("2026-03-01", keys)
        found = [json.loads(feature) for feature in self.listen()]
        return {truth[shown["id"]]: metres(tuple(shown["geometry"]["coordinates"])) for shown in found}


def owners(day: str, size: int) -> dict[str, int]:
    """The truth: which car is behind each name."""
    names = Pseudonyms(KEYS.vehicle)
    return {names.name(str(key), day): key for key in range(size + 1)}


def _position(key: int, lon: float, lat: float, now_ms: int, heading_deg: float) -> LivePosition:
    return LivePosition(
        vehicle=key,
        vehicle_id=f"V{key}",
        kind=VehicleKind.ROAD,
        seq=now_ms,
        timestamp_ms=now_ms,
        received_ms=now_ms,
        lon=lon,
        lat=lat,
        altitude_m=4.0,
        altitude_datum="AMSL",
        heading_deg=heading_deg,
        speed_mps=8.0,
        horizontal_accuracy_m=0.6,
        mode="autonomous",
        safety_officer="onboard",
        passengers=0,
        battery_percent=80.0,
        verdict=0,
        undecided=0,
    )
