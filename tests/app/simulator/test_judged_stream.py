"""The real pipeline, on a seeded SQLite database, finds in the simulated stream what the script says."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from app.database import changing_session, migrate, open_engine, reading_session
from app.demo import DEMO_DEFAULTS
from app.models import Sample
from app.processes import airspace_settings
from app.registry import DatabaseRegistry
from app.settings import Settings
from app.showcase.plan import shipped_register
from app.showcase.seed import seed
from app.simulator.breaches import CYCLE_MS, SCRIPTS, UNSCRIPTED, Opens, Script
from app.simulator.fleet import Fleet
from app.storage import open_store
from geofences.datum import VerticalReference
from telemetry.findings import Finding
from telemetry.messages import Message
from telemetry.pipeline import Pipeline, PipelineSettings
from telemetry.ports import AlertChange

MONDAY_NOON_MS = 1_795_406_400_000  # in Shenzhen
MONDAY_NIGHT_MS = MONDAY_NOON_MS + 14 * 3_600_000
#: An officer is counted with a vehicle for that long after it was last named with it.
OFFICER_SEEN_MS = 10_000
#: The stream goes on after the last minute, so that breaches of that minute come to their end.
TAIL_MS = 30_000

NIGHT_VEHICLE, DAY_VEHICLE, SCHOOL_VEHICLE = "YL-018", "YL-017", "YL-019"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in one sample."""

    vehicle_id: str
    timestamp_ms: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a stretch of the stream: when alerts opened, and every verdict stored."""

    start_ms: int
    minutes: int
    rejected: int
    alerts: dict[tuple[str, Finding], list[int]]
    verdicts: list[Verdict]


def judge(directory: Path, start_ms: int, minutes: int) -> Outcome:
    engine = open_engine(f"sqlite:///{directory / 'judged.sqlite3'}")
    try:
        migrate(engine)
        with changing_session(engine) as session:
            topics = {credential.vehicle_id: credential.topic for credential in seed(session, start_ms).credentials}
        registry = DatabaseRegistry(engine, VerticalReference(None, None))
        names = {vehicle.key: vehicle.vehicle_id for vehicle in registry.snapshot().vehicles}
        rejected, opened = 0, list[AlertChange]()
        clock = [start_ms]
        demo = Settings.from_environment(DEMO_DEFAULTS | {"PILOTAGE_SECRET_KEY": "0123456789abcdef" * 4})
        settings = PipelineSettings(airspace=airspace_settings(demo))
        pipeline = Pipeline(registry, open_store(engine), lambda: clock[0], settings)
        for now_ms, messages in stream(topics, start_ms, start_ms + minutes * CYCLE_MS + TAIL_MS):
            clock[0] = now_ms
            result = pipeline.process(messages)
            rejected += result.rejected
            opened += [change for change in result.alerts if change.is_new]
        alerts: dict[tuple[str, Finding], list[int]] = defaultdict(list)
        for change in opened:
            alerts[names[change.vehicle], change.finding].append(change.opened_at_ms)
        return Outcome(start_ms, minutes, rejected, alerts, list(stored_verdicts(engine, names)))
    finally:
        engine.dispose()


def stream(topics: dict[str, str], start_ms: int, until_ms: int) -> Iterator[tuple[int, list[Message]]]:
    """The fleet's messages, second by second, one sample each."""
    fleet, seqs = Fleet(start_ms), Counter[str]()
    for now_ms in range(start_ms + 1_000, until_ms + 1, 1_000):
        messages = []
        for vehicle_id, sample in fleet.step(now_ms):
            seqs[vehicle_id] += 1
            payload = json.dumps({"seq": seqs[vehicle_id], **sample}).encode()
            messages.append(Message(topics[vehicle_id], payload, now_ms))
        yield now_ms, messages


def stored_verdicts(engine: Engine, names: dict[int, str]) -> Iterator[Verdict]:
    with reading_session(engine) as session:
        rows = session.execute(select(Sample.vehicle, Sample.timestamp_ms, Sample.verdict).where(Sample.verdict != 0))
        for vehicle, timestamp_ms, verdict in rows:
            yield from (Verdict(names[vehicle], timestamp_ms, finding) for finding in Finding if verdict & finding)


@pytest.fixture(scope="module")
def noon(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return judge(tmp_path_factory.mktemp("noon"), MONDAY_NOON_MS, 3)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return judge(tmp_path_factory.mktemp("night"), MONDAY_NIGHT_MS, 2)


@pytest.fixture(params=["noon", "night"])
def outcome(request: pytest.FixtureRequest) -> Outcome:
    judged: Outcome = request.getfixturevalue(request.param)
    return judged


def is_breach_now(script: Script, outcome: Outcome) -> bool:
    """Some breaches are none at the other time of day."""
    by_night = outcome.start_ms == MONDAY_NIGHT_MS
    return {NIGHT_VEHICLE: not by_night, DAY_VEHICLE: by_night, SCHOOL_VEHICLE: not by_night}.get(
        script.vehicle_id, True
    )


def expected_alerts(script: Script, outcome: Outcome) -> int:
    return {Opens.EACH_MINUTE: outcome.minutes, Opens.ONCE: 1}[script.opens]


def test_nothing_is_rejected(outcome: Outcome) -> None:
    assert outcome.rejected == 0


def test_the_alerts_are_those_of_the_script_and_no_others(outcome: Outcome) -> None:
    expected = Counter[tuple[str, Finding]]()
    for script in SCRIPTS:
        if is_breach_now(script, outcome):
            for vehicle_id in script.alerted or (script.vehicle_id,):
                expected[vehicle_id, script.finding] += expected_alerts(script, outcome)
    counted = Counter(
        {key: sum(began_in_time(key, at_ms, outcome) for at_ms in times) for key, times in outcome.alerts.items()}
    )
    assert +counted == +expected


def began_in_time(key: tuple[str, Finding], opened_ms: int, outcome: Outcome) -> bool:
    """Whether the breach behind an alert began in the minutes that count; it must still go on."""
    elapsed_s = script_of(*key).elapsed_s(opened_ms)
    assert elapsed_s is not None, (key, opened_ms)
    return opened_ms - elapsed_s * 1000 < outcome.start_ms + outcome.minutes * CYCLE_MS


def script_of(vehicle_id: str, finding: Finding) -> Script:
    (script,) = [
        script
        for script in SCRIPTS
        if script.finding is finding and vehicle_id in (script.alerted or (script.vehicle_id,))
    ]
    return script


def test_every_finding_with_a_script_shows_at_noon(noon: Outcome) -> None:
    assert {verdict.finding for verdict in noon.verdicts} == set(Finding) - set(UNSCRIPTED)


def test_nobody_is_found_doing_anything_outside_the_script(outcome: Outcome) -> None:
    for verdict in outcome.verdicts:
        script = script_of(verdict.vehicle_id, verdict.finding)
        since_ms = [verdict.timestamp_ms - tail_ms for tail_ms in _tails_ms(script)]
        assert any(script.elapsed_s(at_ms) is not None for at_ms in since_ms), verdict


def _tails_ms(script: Script) -> range:
    """How long after its script a finding may still be seen: while one brakes, or an officer is remembered."""
    longest_ms = {
        Finding.OVERSPEED: 4_000,
        Finding.REMOTE_RATIO_EXCEEDED: OFFICER_SEEN_MS,
    }.get(script.finding, 0)
    return range(0, longest_ms + 1, 1_000)


def test_most_of_the_fleet_drives_and_flies_without_any_finding(outcome: Outcome) -> None:
    found = {verdict.vehicle_id for verdict in outcome.verdicts}
    assert len(shipped_register().vehicles) - len(found) >= 26
