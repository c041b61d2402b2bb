"""Database locked, gone or full, broker gone: the worker waits, says so, acknowledges nothing, and goes on.

PILOTAGE_CHAOS_OUTAGE_S (default 4; 30 in a full run) is how long each outage lasts.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from telemetry.agent.group import AgentGroup
from telemetry.bus import WorkerState
from telemetry.clock import system_clock
from telemetry.messages import telemetry_topic
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER, Mosquitto, mosquitto, platform_acl
from tests.chaos.fleet import ROAD, Fleet, assert_alerts_are, assert_all_stored_once, grant, names, users
from tests.chaos.plain import Publisher, good_sample
from tests.city import City, WorkerProcess, build_city, worker_in_thread, worker_process
from tests.databases import running_postgresql
from tests.telemetry.agent.fake_platform import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

OUTAGE_S = float(os.environ.get("PILOTAGE_CHAOS_OUTAGE_S", "4"))
MESSAGES = 1000


@contextmanager
def platform(tmp_path: Path, url: str | None = None) -> Iterator[tuple[City, Mosquitto, WorkerProcess]]:
    """A city with one car, its broker, and a worker that is running; afterwards it must still be the same one."""
    city = build_city(tmp_path, [ROAD], [grant(["car"])], url)
    with (
        mosquitto(tmp_path, users={SERVICE_USER: SERVICE_PASSWORD}) as broker,
        worker_process(city, broker.port) as worker,
    ):
        wait_until(lambda: "Worker tested: running" in worker.log(), 60.0)
        yield city, broker, worker
        assert worker.is_alive, worker.log()
    assert "Traceback" not in worker.log(), worker.log()[-5000:]


def publish(port: int, first: int, count: int) -> None:
    """Plain messages, which the broker has acknowledged when this returns."""
    began_ms = system_clock() - 3_600_000
    publisher = Publisher(port)
    for seq in range(first, first + count):
        publisher.publish(telemetry_topic("car"), good_sample(seq, began_ms + seq * 100))
    publisher.close()


def stored(city: City) -> list[int]:
    return [int(str(seq)) for (seq,) in city.rows("SELECT seq FROM samples ORDER BY seq")]


@pytest.mark.parametrize("killed", [False, True], ids=["waited_out", "killed_meanwhile"])
def test_a_locked_database_is_waited_out_and_nothing_is_acknowledged(tmp_path: Path, *, killed: bool) -> None:
    with platform(tmp_path) as (city, broker, worker):
        publish(broker.port, 1, 10)
        wait_until(lambda: stored(city) == list(range(1, 11)))
        locker = sqlite3.connect(city.database, isolation_level=None)
        locker.execute("BEGIN EXCLUSIVE")
        publish(broker.port, 11, MESSAGES)
        wait_until(lambda: "waiting_for_database (" in worker.log())
        assert "database is locked" in worker.log()
        if killed:
            # Had anything been acknowledged, it would be gone now: there is no agent to send it again.
            worker.kill()
            worker.start()
        time.sleep(OUTAGE_S)
        assert stored(city) == list(range(1, 11))
        locker.close()
        wait_until(lambda: stored(city) == list(range(1, 11 + MESSAGES)), 60.0)
        wait_until(lambda: worker.log().rstrip().endswith("Worker tested: running"))


def test_a_database_server_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    with (
        running_postgresql() as server,
        platform(tmp_path, server.url(server.create_database())) as (city, broker, worker),
    ):
        publish(broker.port, 1, 10)
        wait_until(lambda: stored(city) == list(range(1, 11)))
        city.engine.dispose()
        server.stop("immediate")
        publish(broker.port, 11, MESSAGES)
        wait_until(lambda: "waiting_for_database (" in worker.log())
        time.sleep(OUTAGE_S)
        server.start()
        wait_until(lambda: stored(city) == list(range(1, 11 + MESSAGES)), 60.0)
        wait_until(lambda: worker.log().rstrip().endswith("Worker tested: running"))
        city.engine.dispose()


def test_a_full_disk_is_waited_out(tmp_path: Path) -> None:
    city = build_city(tmp_path, [ROAD], [grant(["car"])])
    room = {"pages": 0}

    def bound(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {room['pages'] or 1_000_000}").close()

    event.listen(city.engine, "checkout", bound)
    with (
        mosquitto(tmp_path, users={SERVICE_USER: SERVICE_PASSWORD}) as broker,
        worker_in_thread(city, broker.service()) as worker,
    ):
        wait_until(lambda: worker.heartbeat().state is WorkerState.RUNNING)
        publish(broker.port, 1, 10)
        wait_until(lambda: stored(city) == list(range(1, 11)))
        room["pages"] = int(str(city.rows("PRAGMA page_count")[0][0])) + 1
        publish(broker.port, 11, MESSAGES)
        wait_until(lambda: worker.heartbeat().state is WorkerState.WAITING_FOR_DATABASE)
        assert "full" in worker.heartbeat().reason
        before = stored(city)
        time.sleep(OUTAGE_S)
        assert worker.heartbeat().state is WorkerState.WAITING_FOR_DATABASE
        assert stored(city) == before
        assert len(before) < 10 + MESSAGES
        room["pages"] = 0
        wait_until(lambda: stored(city) == list(range(1, 11 + MESSAGES)), 60.0)
        wait_until(lambda: worker.heartbeat().state is WorkerState.RUNNING)


def test_a_broker_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    vehicles = names(20)
    city = build_city(tmp_path, [ROAD], [grant(vehicles)])
    with (
        mosquitto(tmp_path, users=users(vehicles), acl=platform_acl()) as broker,
        worker_process(city, broker.port) as worker,
        AgentGroup(f"mqtt://127.0.0.1:{broker.port}", tmp_path / "ring", longest_backoff_s=2.0) as group,
    ):
        fleet = Fleet(group, vehicles, seed=1, ticks_per_s=5.0)
        fleet.start()
        wait_until(lambda: "Worker tested: running" in worker.log(), 60.0)
        broker.stop()
        wait_until(lambda: "Worker tested: waiting_for_broker (" in worker.log())
        time.sleep(OUTAGE_S)
        broker.start()
        time.sleep(2.0)
        fleet.stop()
        assert group.wait_settled(60.0) == 0
        wait_until(lambda: worker.log().rstrip().endswith("Worker tested: running"))
        assert worker.is_alive
    assert_all_stored_once(city, fleet.drivers)
    assert_alerts_are(city, fleet.drivers)
    assert city.replay_differences() == []
