"""Durable ingest by one worker process, drained from a backlog, against a stock subscriber in the same run.

The worker decodes, judges against 250 zones, stores in SQLite (WAL, synchronous=FULL) and then
acknowledges; the stock paho subscriber only acknowledges. Rates are of the messages' arrival at the
worker: the inbox is bounded, so they arrive as fast as they are committed.

Run with `python -m benchmarks.ingest`.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.backlog import publish_backlog
from benchmarks.ingest_floor import MESSAGES, PAYLOAD, TOPICS, drain_nothing, run, stock_automatic, stock_manual
from benchmarks.stage import BenchStage, payload, sample, staged
from telemetry.clock import system_clock
from tests.brokers import mosquitto

VEHICLES = 1_000
ZONES = 250
SINGLES = 100_000
ARRAYS = 10_000
ARRAY_SAMPLES = 100
ROUNDS = 3
STEP_MS = 100  # 10 Hz
SINGLES_MS = SINGLES // VEHICLES * STEP_MS
ROUND_MS = SINGLES_MS + ARRAYS * ARRAY_SAMPLES // VEHICLES * STEP_MS
_LIMIT_S = 120.0


def main() -> None:
    """Measure and print the table."""
    rates: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="pilotage-bench-") as directory,
        mosquitto(Path(directory)) as floor_broker,
        staged(vehicles=VEHICLES, zones=ZONES) as stage,
    ):
        floor = floor_broker.address()
        run(drain_nothing, floor)
        drain(stage)
        began_ms = system_clock() - 3_600_000  # recorded an hour ago: each round goes on where the last one ended
        for number in range(ROUNDS):
            for name, subscriber in (
                ("stock paho, automatic ack", stock_automatic),
                ("stock paho, manual ack", stock_manual),
            ):
                publish_backlog(floor, ((TOPICS[n % len(TOPICS)], PAYLOAD) for n in range(MESSAGES)))
                rates.setdefault(name, []).append(run(subscriber, floor))
            publish_backlog(stage.broker.service(), singles(stage, number, began_ms + number * ROUND_MS))
            rates.setdefault("worker, single samples", []).append(drain(stage, SINGLES))
            publish_backlog(stage.broker.service(), arrays(stage, number, began_ms + number * ROUND_MS + SINGLES_MS))
            rates.setdefault("worker, arrays of 100 samples", []).append(drain(stage, ARRAYS * ARRAY_SAMPLES))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(
        f"samples/s, one worker, QoS 1, mosquitto, SQLite FULL, {VEHICLES} vehicles, {ZONES} zones; median of {ROUNDS}"
    )
    print(f"{'':<40}{'samples/s':>12}{'x stock':>9}{'lowest':>12}{'highest':>12}")
    stock = medians["stock paho, automatic ack"]
    for name, rate in medians.items():
        print(f"{name:<40}{rate:>12,.0f}{rate / stock:>9.2f}{min(rates[name]):>12,.0f}{max(rates[name]):>12,.0f}")


def drain(stage: BenchStage, samples: int = 0) -> float:
    """Let a worker store so many samples from its session's backlog; samples a second, its start not counted."""
    before = stage.one("SELECT count(*) FROM samples")
    started_ms = system_clock()
    with stage.running("ingest"):
        if not samples:
            stage.wait_for_worker()  # its session at the broker has begun
            return 0.0
        stage.wait_for("SELECT count(*) FROM samples", before + samples, limit_s=_LIMIT_S, poll_s=1.0)
    span = "SELECT max(received_ms) - min(received_ms) FROM samples WHERE received_ms >= ?"
    return samples / (stage.one(span, started_ms) / 1000)


def singles(stage: BenchStage, number: int, from_ms: int) -> Iterator[tuple[str, bytes]]:
    """One sample a message, the vehicles in turn."""
    for step in range(SINGLES // VEHICLES):
        seq = 2 * number * 1_000_000 + step + 1
        for vehicle in stage.vehicles:
            yield vehicle.topic, payload(vehicle, seq, from_ms + step * STEP_MS)


def arrays(stage: BenchStage, number: int, from_ms: int) -> Iterator[tuple[str, bytes]]:
    """A hundred samples a message, the vehicles in turn."""
    for step in range(0, ARRAYS // VEHICLES * ARRAY_SAMPLES, ARRAY_SAMPLES):
        first = (2 * number + 1) * 1_000_000 + step + 1
        for vehicle in stage.vehicles:
            yield (
                vehicle.topic,
                msgspec.json.encode(
                    [sample(vehicle, first + k, from_ms + (step + k) * STEP_MS) for k in range(ARRAY_SAMPLES)]
                ),
            )


if __name__ == "__main__":
    main()
