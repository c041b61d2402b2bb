"""Worker and broker are killed at random moments while a fleet publishes: nothing is lost, nothing doubled.

PILOTAGE_CHAOS_KILLS (default 5; 20 in a full run) is how often the worker is killed.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from telemetry.agent.group import AgentGroup
from tests.brokers import mosquitto, platform_acl
from tests.chaos.fleet import ROAD, Fleet, assert_alerts_are, assert_all_stored_once, grant, names, users
from tests.city import build_city, worker_process

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

KILLS = int(os.environ.get("PILOTAGE_CHAOS_KILLS", "5"))
SEED = int(os.environ.get("PILOTAGE_CHAOS_SEED", "1"))
VEHICLES = 200


def test_a_worker_killed_at_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    vehicles = names(VEHICLES)
    city = build_city(tmp_path, [ROAD], [grant(vehicles)])
    with (
        mosquitto(tmp_path, users=users(vehicles), acl=platform_acl()) as broker,
        worker_process(city, broker.port) as worker,
        AgentGroup(f"mqtt://127.0.0.1:{broker.port}", tmp_path / "ring") as group,
    ):
        fleet = Fleet(group, vehicles, seed=SEED, ticks_per_s=3.0)
        fleet.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.5, 5.0))
            worker.kill()
            worker.start()
        time.sleep(2.0)
        fleet.stop()
        assert group.wait_settled(120.0) == 0
    assert fleet.ticks > KILLS
    assert_all_stored_once(city, fleet.drivers)
    assert_alerts_are(city, fleet.drivers)
    assert city.replay_differences() == []


def test_a_killed_broker_without_persistence_loses_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    vehicles = names(VEHICLES)
    city = build_city(tmp_path, [ROAD], [grant(vehicles)])
    with (
        mosquitto(tmp_path, users=users(vehicles), acl=platform_acl()) as broker,
        worker_process(city, broker.port) as worker,
        AgentGroup(f"mqtt://127.0.0.1:{broker.port}", tmp_path / "ring", longest_backoff_s=2.0) as group,
    ):
        fleet = Fleet(group, vehicles, seed=SEED, ticks_per_s=3.0)
        fleet.start()
        for _ in range(2):
            time.sleep(chance.uniform(3.0, 6.0))
            broker.kill()
            time.sleep(chance.uniform(0.0, 2.0))
            broker.start()
        time.sleep(5.0)
        fleet.stop()
        assert group.wait_settled(120.0) == 0
        assert worker.is_alive
    assert_all_stored_once(city, fleet.drivers)
    assert_alerts_are(city, fleet.drivers)
    assert city.replay_differences() == []
