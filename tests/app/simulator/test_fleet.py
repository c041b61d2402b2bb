"""The fleet: deterministic, at its rates, with the breaches of the script and no others."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from app.showcase.plan import shipped_register
from app.showcase.seed import VehicleCredential
from app.simulator.breaches import CYCLE_MS, SCRIPTS, UNSCRIPTED, Appear
from app.simulator.credentials import read_credentials, write_credentials
from app.simulator.fleet import CATCH_UP_MS, Fleet
from app.simulator.muster import PLANE
from app.simulator.synthetic import SyntheticFleet
from telemetry.findings import Finding
from telemetry.messages import telemetry_topic

MONDAY_NOON_MS = 1_795_406_400_000  # in Shenzhen
SILENT = {script.vehicle_id for script in SCRIPTS if isinstance(script.act, Appear)}


def stream(
    fleet: Fleet | SyntheticFleet, start_ms: int, until_ms: int, step_ms: int
) -> list[tuple[str, dict[str, object]]]:
    return [sample for at_ms in range(start_ms, until_ms + 1, step_ms) for sample in fleet.step(at_ms)]


def test_every_finding_has_a_script_or_a_reason() -> None:
    scripted = {script.finding for script in SCRIPTS}
    assert scripted.isdisjoint(UNSCRIPTED)
    assert scripted | set(UNSCRIPTED) == set(Finding)
    assert all(UNSCRIPTED.values())


def test_scripts_name_known_vehicles_one_breach_each() -> None:
    actors = [script.vehicle_id for script in SCRIPTS]
    assert len(actors) == len(set(actors))
    assert set(actors) <= {vehicle.vehicle_id for vehicle in shipped_register().vehicles}


def test_breaches_are_spread_over_the_minute() -> None:
    at_once = [sum(script.elapsed_s(second * 1000) is not None for script in SCRIPTS) for second in range(60)]
    assert min(at_once) >= 1
    assert max(at_once) <= 8
    assert all(0 <= script.starts_s < 60 and 8 <= script.lasts_s <= 25 for script in SCRIPTS)


def test_a_breach_goes_on_across_the_full_minute() -> None:
    late = next(script for script in SCRIPTS if script.starts_s + script.lasts_s > 60)
    assert late.elapsed_s(10 * CYCLE_MS + 1000) == 61 - late.starts_s
    assert late.elapsed_s(10 * CYCLE_MS + 30_000) is None


def test_how_often_the_fleet_is_asked_makes_no_difference() -> None:
    until_ms = MONDAY_NOON_MS + 20_000
    often = stream(Fleet(MONDAY_NOON_MS), MONDAY_NOON_MS, until_ms, 125)
    seldom = stream(Fleet(MONDAY_NOON_MS), MONDAY_NOON_MS, until_ms, 5_000)
    assert often == seldom
    assert often != stream(Fleet(MONDAY_NOON_MS, seed=2), MONDAY_NOON_MS, until_ms, 5_000)


def test_cars_report_once_a_second_and_aircraft_twice() -> None:
    samples = stream(Fleet(MONDAY_NOON_MS), MONDAY_NOON_MS, MONDAY_NOON_MS + 30_000, 1_000)
    counts = Counter(vehicle_id for vehicle_id, _ in samples)
    for vehicle in shipped_register().vehicles:
        if vehicle.vehicle_id not in SILENT:
            assert abs(counts[vehicle.vehicle_id] - {"road": 30, "air": 60}[vehicle.kind]) <= 1


def test_vehicles_without_a_valid_permit_appear_for_their_breach_only() -> None:
    samples = stream(Fleet(MONDAY_NOON_MS), MONDAY_NOON_MS, MONDAY_NOON_MS + 120_000, 1_000)
    counts = Counter(vehicle_id for vehicle_id, _ in samples)
    assert {counts[vehicle_id] for vehicle_id in ("HJ-019", "HJ-020")} == {24}
    assert counts["YL-017"] == pytest.approx(120, abs=1)  # by day, within its hours
    assert counts["YL-018"] < 30  # by night only


def test_a_process_that_slept_does_not_catch_up() -> None:
    fleet = Fleet(MONDAY_NOON_MS)
    fleet.step(MONDAY_NOON_MS + 1_000)
    woken_ms = MONDAY_NOON_MS + 10 * CATCH_UP_MS
    samples = fleet.step(woken_ms)
    assert len(samples) < 60
    assert all(abs(woken_ms - 250 - int(str(sample["timestamp"]))) <= 30_250 for _, sample in samples)


def test_speeds_and_places_agree() -> None:
    """Each vehicle is where its speed can have brought it, the scripted scatter excepted."""
    last: dict[str, tuple[int, tuple[float, float], float]] = {}
    scattered = {script.vehicle_id for script in SCRIPTS if script.finding is Finding.IMPLAUSIBLE_JUMP}
    clock = {script.vehicle_id for script in SCRIPTS if script.finding is Finding.CLOCK_SKEW}
    for vehicle_id, sample in stream(Fleet(MONDAY_NOON_MS), MONDAY_NOON_MS, MONDAY_NOON_MS + 180_000, 1_000):
        location = sample["location"]
        assert isinstance(location, dict)
        at_ms, place = int(str(sample["timestamp"])), PLANE.point(location["lng"], location["lat"])
        if vehicle_id in last and vehicle_id not in scattered | clock:
            before_ms, before, speed_mps = last[vehicle_id]
            elapsed_s = (at_ms - before_ms) / 1000
            assert elapsed_s > 0
            reach_m = max(speed_mps, location["speed"]) * elapsed_s + 2 * elapsed_s + 3
            assert math.dist(before, place) < reach_m, vehicle_id
        last[vehicle_id] = at_ms, place, location["speed"]
    assert set(last) == {vehicle.vehicle_id for vehicle in shipped_register().vehicles}


def test_headings_and_numbers_fit_the_payload() -> None:
    for _, sample in stream(Fleet(MONDAY_NOON_MS), MONDAY_NOON_MS, MONDAY_NOON_MS + 60_000, 1_000):
        location = sample["location"]
        assert isinstance(location, dict)
        assert 0 <= location["heading"] < 360
        assert 0 <= int(str(sample["battery_percent"])) <= 100
        assert location.get("horizontal_accuracy", 1) > 0


def test_a_synthetic_fleet_keeps_its_rate() -> None:
    vehicle_ids = [f"LOAD-{number}" for number in range(200)]
    counts: Counter[str] = Counter()
    times = defaultdict(set)
    for vehicle_id, sample in stream(SyntheticFleet(vehicle_ids, 0, rate_hz=5.0), 0, 9_999, 9):
        counts[vehicle_id] += 1
        times[vehicle_id].add(sample["timestamp"])
    assert set(counts.values()) == {50}
    assert all(len(moments) == 50 for moments in times.values())


def test_credentials_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "fleet.json"
    credentials = tuple(VehicleCredential(f"V-{n}", f"secret-{n}", telemetry_topic(f"V-{n}")) for n in range(3))
    for kept in (credentials, credentials[:2]):
        write_credentials(file, kept)
        assert read_credentials(file) == kept
        assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.json"]
