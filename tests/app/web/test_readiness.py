"""Alive, ready and measured."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.web.runtime import runtime_of
from telemetry.bus import Heartbeat, WorkerState
from telemetry.findings import Finding
from tests.app.web.cast import City


def _hear(city: City, **changes: Any) -> None:
    state = runtime_of(city.app)
    state.heartbeats.set_connected(True)
    beat = Heartbeat(worker="w1", at_ms=city.time(), state=WorkerState.RUNNING)
    state.heartbeats.beat(msgspec.structs.replace(beat, **changes))


def _readiness(city: City) -> tuple[int, dict[str, Any]]:
    answer = city.client().get("/readyz")
    return answer.status_code, answer.get_json()["checks"]


def test_ready_when_all_is_well(city: City) -> None:
    _hear(city)
    status, checks = _readiness(city)
    assert status == 200
    assert set(checks) == {"database", "broker", "worker", "lag", "neighbours"}


@pytest.mark.parametrize(
    ("changes", "check", "reason"),
    [
        ({"state": WorkerState.WAITING_FOR_DATABASE, "reason": "locked"}, "worker", "waiting_for_database locked"),
        ({"state": WorkerState.WAITING_FOR_BROKER}, "worker", "waiting_for_broker"),
        ({"state": WorkerState.GONE}, "worker", "gone"),
        ({"state": WorkerState.FAILING}, "worker", "failing"),
        ({"state": WorkerState.STOPPED}, "worker", "no_worker"),
        ({"lag_ms": 5_001}, "lag", "5001 ms behind"),
        ({"unheard": (4, 5)}, "neighbours", "w1: 2 partitions unheard"),
    ],
)
def test_not_ready_says_why(city: City, changes: dict[str, Any], check: str, reason: str) -> None:
    _hear(city, **changes)
    status, checks = _readiness(city)
    assert (status, checks[check]["ok"]) == (503, False)
    assert reason in checks[check]["reason"]


def test_not_ready_before_anything_was_heard(city: City) -> None:
    status, checks = _readiness(city)
    assert status == 503
    assert [name for name, check in checks.items() if not check["ok"]] == ["broker", "worker", "lag"]


def test_a_silent_worker_is_missed(city: City) -> None:
    _hear(city)
    city.time.pass_ms(5_001)
    status, checks = _readiness(city)
    assert (status, checks["worker"]["reason"]) == (503, "w1: silent for 5001 ms")


def test_a_worker_that_stopped_on_purpose_is_not_missed_beside_another(city: City) -> None:
    _hear(city, worker="w0", state=WorkerState.STOPPED, at_ms=0)
    _hear(city)
    assert _readiness(city)[0] == 200


def test_one_waiting_worker_of_two_is_enough_to_say_so(city: City) -> None:
    _hear(city)
    _hear(city, worker="w2", state=WorkerState.WAITING_FOR_DATABASE)
    assert _readiness(city)[0] == 503


def test_a_database_that_cannot_be_read_is_said_without_its_address(city: City) -> None:
    _hear(city)
    with city.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE registry_generation RENAME TO elsewhere")
    status, checks = _readiness(city)
    assert (status, checks["database"]["ok"]) == (503, False)
    assert str(city.settings.home) not in checks["database"]["reason"]
    assert city.client().get("/healthz").status_code == 200


def test_a_heartbeat_of_the_past_day_only_counts(city: City) -> None:
    _hear(city, worker="long-ago", state=WorkerState.GONE, at_ms=city.time() - 86_400_001)
    _hear(city)
    assert _readiness(city)[0] == 200


def test_metrics_say_what_workers_and_picture_hold(city: City) -> None:
    _hear(city, committed_total=123, rejected_total=4, duplicates_total=5, lag_ms=1_500, buffered=7)
    city.observe("NORTH-R1")
    city.store_alert("NORTH-R1", Finding.OUTSIDE_AREA)
    city.feed().step()
    text = city.client().get("/metrics").text
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["pilotage_worker_committed_total", "w1"] == 123
    assert values["pilotage_worker_rejected_total", "w1"] == 4
    assert values["pilotage_worker_duplicates_total", "w1"] == 5
    assert values["pilotage_worker_lag_seconds", "w1"] == 1.5
    assert values["pilotage_worker_buffered_messages", "w1"] == 7
    assert values["pilotage_live_vehicles",] == 1
    assert values["pilotage_open_alerts", "critical"] == 1
    assert values["pilotage_event_streams", "public"] == 0
    assert "NORTH" not in text
