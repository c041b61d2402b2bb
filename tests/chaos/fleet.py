"""A fleet whose every excursion is known beforehand, so that what the platform found can be compared exactly.

Time is simulated: each tick of the fleet is one second of the samples' own time, however fast it runs.
"""

from __future__ import annotations

import math
import random
import threading
from dataclasses import dataclass, field

import shapely

from geofences.zones import ZoneKind
from telemetry.agent.group import AgentGroup
from telemetry.clock import system_clock
from telemetry.findings import RULES, Finding
from telemetry.messages import telemetry_topic
from telemetry.samples import VehicleKind
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER
from tests.city import City, DrawnZone, Grant

PASSWORD = "a vehicle's password"
LAT = 22.52
WEST, EAST = 113.88, 113.93
METRES_PER_DEGREE = 111_320.0
SPEED_MPS = 8.0
AWAY_M = 40.0
AWAY_TICKS = 8
BACK_TICKS = 8  # enough for an alert to close before the next excursion
TICK_MS = 1000

ROAD = DrawnZone("road", ZoneKind.TEST_ROAD, shapely.LineString([(WEST, LAT), (EAST, LAT)]), half_width_m=15.0)


def names(count: int) -> list[str]:
    return [f"car-{number:03}" for number in range(count)]


def grant(vehicle_ids: list[str]) -> Grant:
    return Grant(VehicleKind.ROAD, vehicle_ids, [ROAD.zone_id])


def users(vehicle_ids: list[str]) -> dict[str, str]:
    return {SERVICE_USER: SERVICE_PASSWORD, **dict.fromkeys(vehicle_ids, PASSWORD)}


@dataclass
class Driver:
    """One vehicle: along the road, and away from it for AWAY_TICKS every now and then."""

    vehicle_id: str
    chance: random.Random
    leaves_at: int = 0
    seqs: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    away: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leaves_at = self.chance.randrange(2, 20)

    def sample(self, tick: int, timestamp_ms: int) -> dict[str, object]:
        """Where it is at this tick."""
        if tick >= self.leaves_at + AWAY_TICKS:
            self.leaves_at = tick + BACK_TICKS + self.chance.randrange(15)
        away = tick >= self.leaves_at
        self.timestamps.append(timestamp_ms)
        self.away.append(away)
        metres_per_degree = METRES_PER_DEGREE * math.cos(math.radians(LAT))
        east = (SPEED_MPS * tick) % ((EAST - WEST) * metres_per_degree * 0.9)
        location = {
            "lat": LAT + (AWAY_M if away else self.chance.uniform(-3.0, 3.0)) / METRES_PER_DEGREE,
            "lng": WEST + 0.001 + east / metres_per_degree,
            "horizontal_accuracy": 0.8,
        }
        return {"timestamp": timestamp_ms, "location": location, "mode": "autonomous"}

    def episodes(self) -> set[tuple[int, int | None]]:
        """(opened, closed) of every alert that these samples must lead to, by the documented rule."""
        rule = RULES[Finding.OUTSIDE_AREA]
        found: set[tuple[int, int | None]] = set()
        run: list[int] = []  # times that speak for a change of state
        opened: int | None = None
        for at_ms, away in zip(self.timestamps, self.away, strict=True):
            if away == (opened is None):
                run.append(at_ms)
            else:
                run = []
            needed, lasting = (
                (rule.confirm_count, rule.confirm_ms) if opened is None else (rule.clear_count, rule.clear_ms)
            )
            if len(run) >= needed and run[-1] - run[0] >= lasting:
                if opened is not None:
                    found.add((opened, at_ms))
                opened = at_ms if opened is None else None
                run = []
        return found | ({(opened, None)} if opened is not None else set())


class Fleet:
    """Drivers that publish through agents until told to stop."""

    def __init__(self, group: AgentGroup, vehicle_ids: list[str], *, seed: int, ticks_per_s: float) -> None:
        self._group = group
        self._pause_s = 1.0 / ticks_per_s
        self._stopping = threading.Event()
        self._began_ms = system_clock() - 3_600_000
        self.ticks = 0
        self.drivers = [Driver(vehicle_id, random.Random(f"{seed} {vehicle_id}")) for vehicle_id in vehicle_ids]
        for driver in self.drivers:
            group.add(driver.vehicle_id, PASSWORD, telemetry_topic(driver.vehicle_id))
        self._thread = threading.Thread(target=self._drive, name="fleet")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Publish no more; what was published stays known."""
        self._stopping.set()
        self._thread.join()

    def _drive(self) -> None:
        agents = self._group.agents
        while not self._stopping.wait(self._pause_s):
            timestamp_ms = self._began_ms + self.ticks * TICK_MS
            for driver in self.drivers:
                driver.seqs.append(agents[driver.vehicle_id].publish(driver.sample(self.ticks, timestamp_ms)))
            self.ticks += 1


def assert_all_stored_once(city: City, drivers: list[Driver]) -> None:
    """Every published (seq, time) is a row, and there is no other row; each is sealed once."""
    stored: dict[int, list[tuple[int, int]]] = {city.keys[driver.vehicle_id]: [] for driver in drivers}
    for vehicle, seq, timestamp_ms in city.rows("SELECT vehicle, seq, timestamp_ms FROM samples"):
        stored.setdefault(as_int(vehicle), []).append((as_int(seq), as_int(timestamp_ms)))
    for driver in drivers:
        published = list(zip(driver.seqs, driver.timestamps, strict=True))
        assert sorted(stored.pop(city.keys[driver.vehicle_id])) == published, driver.vehicle_id
    assert not stored, "samples of nobody"
    assert city.seal_faults() == []
    assert city.rows("SELECT count(*) FROM rejects") == [(0,)]


def assert_alerts_are(city: City, drivers: list[Driver]) -> None:
    """Exactly the alerts that the excursions must lead to, each once, and no other finding at all."""
    found: dict[int, list[tuple[int, int | None]]] = {key: [] for key in city.keys.values()}
    for alert in city.alerts():
        assert alert.finding is Finding.OUTSIDE_AREA
        found[alert.vehicle].append((alert.opened_at_ms, alert.closed_at_ms))
    expected = {city.keys[driver.vehicle_id]: driver.episodes() for driver in drivers}
    assert {key: set(episodes) for key, episodes in found.items()} == expected
    assert sum(map(len, found.values())) == sum(map(len, expected.values())), "an alert is doubled"
    assert any(expected.values())


def as_int(value: object) -> int:
    assert isinstance(value, int)
    return value
