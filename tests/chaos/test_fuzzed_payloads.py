"""Hostile payloads among good messages, through mosquitto and the real worker.

PILOTAGE_CHAOS_PAYLOADS (default 20,000; 100,000 in a full run) is how many. Every one must be a record
with its reason, every good sample must be stored, and the worker must not have noticed.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from telemetry.clock import system_clock
from telemetry.messages import telemetry_topic
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER, mosquitto
from tests.chaos.fleet import ROAD, grant
from tests.chaos.payloads import Fuzzer, Hostile
from tests.chaos.plain import Publisher, good_sample
from tests.city import build_city, worker_process
from tests.telemetry.agent.fake_platform import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

PAYLOADS = int(os.environ.get("PILOTAGE_CHAOS_PAYLOADS", "20000"))
SEED = int(os.environ.get("PILOTAGE_CHAOS_SEED", "1"))
ONE_GOOD_IN = 10


def test_every_hostile_payload_is_a_record_and_no_good_sample_is_lost(tmp_path: Path) -> None:
    city = build_city(tmp_path, [ROAD], [grant(["good", "victim"])])
    began_ms = system_clock() - PAYLOADS * 100
    fuzzer = Fuzzer("victim", SEED, began_ms)
    expected: dict[bytes, Hostile] = {}
    good: list[tuple[int, int]] = []
    with (
        mosquitto(tmp_path, users={SERVICE_USER: SERVICE_PASSWORD}) as broker,
        worker_process(city, broker.port) as worker,
    ):
        wait_until(lambda: "tested: running" in worker.log(), 60.0)
        publisher = Publisher(broker.port)
        for number in range(1, PAYLOADS + 1):
            hostile = fuzzer.next()
            expected[hostile.digest] = hostile
            publisher.publish(hostile.topic, hostile.payload)
            if number % ONE_GOOD_IN == 0:
                good.append((number // ONE_GOOD_IN, began_ms + number * 100))
                publisher.publish(telemetry_topic("good"), good_sample(*good[-1]))
        publisher.close()
        wait_until(lambda: city.rows("SELECT count(*) FROM rejects")[0][0] == len(expected), 300.0)
        wait_until(lambda: city.rows("SELECT count(*) FROM samples")[0][0] == len(good), 60.0)
        assert worker.is_alive
    assert "Traceback" not in worker.log(), worker.log()[-5000:]
    query = "SELECT seq, timestamp_ms FROM samples WHERE vehicle = :key ORDER BY seq"
    assert city.rows(query, key=city.keys["good"]) == good
    reasons: dict[str, Counter[str]] = {}
    for digest, reason, kept in city.rows("SELECT digest, reason, length(payload) FROM rejects"):
        hostile = expected[bytes(digest)]  # type: ignore[arg-type] # a column of bytes
        reasons.setdefault(hostile.kind, Counter())[str(reason)] += 1
        assert reason in hostile.reasons, f"{hostile.kind} was rejected as {reason}: {hostile.payload[:300]!r}"
        assert kept == min(len(hostile.rejected_bytes), 2048)
    assert len(reasons) == len({hostile.kind for hostile in expected.values()})
