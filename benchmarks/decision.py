"""From the commit of a decision to the first stored sample that is judged by it, with two workers under load.

10,000 vehicles, 2,500 zones and 1,000 permits are registered; 100 vehicles send ten samples a second
each. A permit is suspended, reinstated, suspended again, and so on; each time it is noted when
another connection to the database first sees a sample with the new verdict. The same is done with
workers that read the whole registry at each change, as the first version did: the baseline.

Run with `python -m benchmarks.decision`.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
from sqlalchemy import Engine

import app.processes
from app.database import changing_session, open_engine
from app.registry import DatabaseRegistry, open_registry
from app.services.permits import permit_by_number, revise_permit
from app.settings import Settings
from benchmarks.backlog import publish_steadily
from benchmarks.stage import BenchStage, BenchVehicle, payload, staged
from geofences.datum import VerticalReference
from telemetry.clock import system_clock
from telemetry.findings import Finding
from telemetry.mqtt import BrokerAddress
from telemetry.ports import PermitState, RegistrySnapshot
from telemetry.rulebook import Rulebook

VEHICLES, ZONES, VEHICLES_A_PERMIT = 10_000, 2_500, 10
SENDING = 100
RATE_HZ = 1_000
DECISIONS = 40
_SPACING_S = 0.7
_POLL_S = 0.002
_DEADLINE_S = 30.0
_HALVES = {"low": "0-31", "high": "32-63"}
_REREADING = "reread"

_T = TypeVar("_T")


def main() -> None:
    """Measure and print the tables."""
    with staged(vehicles=VEHICLES, zones=ZONES, vehicles_a_permit=VEHICLES_A_PERMIT) as stage:
        print(f"{VEHICLES:,} vehicles, {ZONES:,} zones, {VEHICLES // VEHICLES_A_PERMIT:,} permits; milliseconds")
        _print_compiling(stage)
        whole = _with_workers(stage, _REREADING)
        changes = _with_workers(stage)
    print(f"\nfrom commit to stored, {RATE_HZ:,} samples/s, 2 workers, {DECISIONS} decisions")
    print(f"{'':<44}{'median':>9}{'p95':>9}{'max':>9}")
    for name, waits in (("the whole registry read again (baseline)", whole), ("changes read", changes)):
        median, p95 = np.percentile(waits, (50, 95))
        print(f"{name:<44}{median:>9.0f}{p95:>9.0f}{max(waits):>9.0f}")


# --- one process, nothing else running -----------------------------------------------------------


def _print_compiling(stage: BenchStage) -> None:
    engine = open_engine(f"sqlite:///{stage.database}")
    vertical = VerticalReference(5.0, -3.0)
    known = DatabaseRegistry(engine, vertical)
    rulebook = Rulebook.of(known.snapshot())
    rows: dict[str, list[float]] = {}
    for number in range(10):
        _decide(engine, number % 5, suspend=number % 2 == 0)
        for name, registry in (("read whole", DatabaseRegistry(engine, vertical)), ("read changes", known)):
            snapshot = _timed(rows, name, registry.snapshot)
            rulebook = _timed(rows, f"{name}, compile", partial(Rulebook.of, snapshot, rulebook))
    print(f"{'a permit decided upon, in one process':<44}{'median':>9}{'max':>9}")
    for name, took_ms in rows.items():
        print(f"{name:<44}{np.median(took_ms):>9.1f}{max(took_ms):>9.1f}")
    engine.dispose()


def _timed(rows: dict[str, list[float]], name: str, work: Callable[[], _T]) -> _T:
    began_s = time.perf_counter()
    result = work()
    rows.setdefault(name, []).append((time.perf_counter() - began_s) * 1000)
    return result


# --- two workers ---------------------------------------------------------------------------------


class RereadingRegistry:
    """The registry without memory: every snapshot reads everything."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._open = lambda: open_registry(engine, settings)

    def generation(self) -> int:
        """See telemetry.ports.Registry."""
        return self._open().generation()

    def snapshot(self, generation: int | None = None) -> RegistrySnapshot:
        """See telemetry.ports.Registry."""
        return self._open().snapshot(generation)


def run_rereading_worker() -> None:
    """`pilotage ingest` with that registry."""
    app.processes.open_registry = RereadingRegistry  # type: ignore[assignment, attr-defined]  # a benchmark's own worker
    app.processes.run_ingest(Settings.from_environment())


def _with_workers(stage: BenchStage, *arguments: str) -> list[float]:
    """How long each decision took to act, in milliseconds."""
    engine = open_engine(f"sqlite:///{stage.database}")
    with _workers(stage, arguments), _traffic(stage), closing(_reader(stage)) as reader:
        stored = "SELECT count(*) FROM samples"
        stage.wait_for(stored, stage.one(stored) + 5 * RATE_HZ, limit_s=60)
        waits = []
        for number in range(DECISIONS):
            permit = number // 2 % (SENDING // VEHICLES_A_PERMIT)
            time.sleep(_SPACING_S)
            waits.append(_wait(reader, engine, stage, permit, suspend=number % 2 == 0))
    engine.dispose()
    return waits


def _wait(reader: sqlite3.Connection, engine: Engine, stage: BenchStage, permit: int, *, suspend: bool) -> float:
    """From the commit of one decision to the first sample of the permit's vehicles with the new verdict."""
    fleet = stage.vehicles[permit * VEHICLES_A_PERMIT : (permit + 1) * VEHICLES_A_PERMIT]
    first, last = fleet[0].vehicle_id, fleet[-1].vehicle_id  # numbered one after the other, with leading zeros
    seen = (
        "SELECT 1 FROM samples WHERE timestamp_ms >= ? AND (verdict & ? <> 0) = ?"
        " AND vehicle IN (SELECT id FROM vehicles WHERE vehicle_id BETWEEN ? AND ?) LIMIT 1"
    )
    since_ms = _decide(engine, permit, suspend=suspend)
    committed_s = time.perf_counter()
    while not reader.execute(seen, (since_ms, int(Finding.PERMIT_SUSPENDED), suspend, first, last)).fetchone():
        if time.perf_counter() - committed_s > _DEADLINE_S:
            raise TimeoutError("a decision did not act")
        time.sleep(_POLL_S)
    return (time.perf_counter() - committed_s) * 1000


def _decide(engine: Engine, permit: int, *, suspend: bool) -> int:
    """Suspend or reinstate; the instant from which it is in force."""
    now_ms = system_clock()
    with changing_session(engine) as session:
        decided = permit_by_number(session, f"BENCH-{permit * VEHICLES_A_PERMIT}")
        state = PermitState.SUSPENDED if suspend else PermitState.ISSUED
        revise_permit(session, decided, state=state, reason="benchmark", now_ms=now_ms)
    return now_ms


@contextmanager
def _workers(stage: BenchStage, arguments: Sequence[str]) -> Iterator[None]:
    """One worker for each half of the partitions."""
    command = ["-m", "benchmarks.decision", *arguments] if arguments else ["-m", "app.cli", "ingest"]
    processes = [
        subprocess.Popen(
            [sys.executable, *command],
            env=stage.environment | {"PILOTAGE_WORKER_NAME": name, "PILOTAGE_PARTITIONS": partitions},
        )
        for name, partitions in _HALVES.items()
    ]
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)


@contextmanager
def _traffic(stage: BenchStage) -> Iterator[None]:
    """The samples, from a process of their own, for as long as the block lasts."""
    publisher = get_context("spawn").Process(
        target=publish, args=(stage.broker.service(), list(stage.vehicles[:SENDING]))
    )
    publisher.start()
    try:
        yield
    finally:
        publisher.terminate()
        publisher.join()


def publish(broker: BrokerAddress, vehicles: Sequence[BenchVehicle]) -> None:
    """Each vehicle in turn, evenly spread, for an hour at most."""
    started_ms = system_clock()

    def due(number: int) -> tuple[str, bytes]:
        vehicle = vehicles[number % len(vehicles)]
        return vehicle.topic, payload(vehicle, number // len(vehicles) + 1 + started_ms, system_clock())

    publish_steadily(broker, due, rate_hz=RATE_HZ, total=3600 * RATE_HZ)


def _reader(stage: BenchStage) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{stage.database}?mode=ro", uri=True, timeout=10)


if __name__ == "__main__":
    if _REREADING in sys.argv:
        run_rereading_worker()
    else:
        main()
