"""Rows per second into SQLite, WAL and synchronous=FULL, all columns, commits included.

Compares the store with `executemany` of the same rows, each alone and beside a busy Python thread.
Run: python -m benchmarks.storage
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from app.database import changing, migrate, open_engine
from app.storage import open_store
from app.storage.columns import COLUMNS
from telemetry.ports import Flush
from telemetry.samples import JudgedBatch, SampleBatch

ROUNDS = 3
#: Rows per flush, flushes alone, flushes beside a busy thread.
SIZES = ((500, 60, 6), (5_000, 12, 2), (50_000, 3, 1))
_INSERT = f"INSERT INTO samples ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT DO NOTHING"  # noqa: S608
_REALS = ("lon", "lat", "altitude_m", "heading_deg", "speed_mps", "horizontal_accuracy_m", "battery_percent")

Commit = Callable[[JudgedBatch], None]


def batches(size: int, count: int, first_seq: int) -> list[JudgedBatch]:
    """`count` flushes of 500 vehicles that go on where the others stopped."""
    return [_batch(size, first_seq + number * size) for number in range(count)]


def _batch(size: int, first_seq: int) -> JudgedBatch:
    row = np.arange(size)
    random = np.random.default_rng(first_seq)
    columns: dict[str, object] = {field.name: np.full(size, 3) for field in fields(SampleBatch)}
    columns |= {name: random.random(size) * 100 for name in _REALS}
    columns |= {f"vertical_{name}": np.full(size, np.nan) for name in ("accuracy_m", "speed_mps")}
    columns["seq"] = first_seq + row // 500
    columns["vehicle"] = row % 500 + 1
    columns["timestamp_ms"] = 1_732_190_000_000 + (first_seq + row // 500) * 1000 + row % 500
    columns["acceleration_mps2"] = np.full(size, 0.25)
    columns["officer_id"] = [f"SO-{number % 50:04}" for number in range(size)]
    columns["faults"] = [None] * size
    samples = SampleBatch(**columns)  # type: ignore[arg-type] # built by name
    zeros = np.zeros(size, dtype=np.int64)
    return JudgedBatch(samples, zeros, zeros, zeros.astype(np.bool_), zeros - 1, zeros - 1, 0)


@contextmanager
def store_commit(path: Path) -> Iterator[Commit]:
    """The store as the worker uses it."""
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    store = open_store(engine)
    yield lambda batch: store.commit(Flush("bench", 0, batch, (), (), ()))
    engine.dispose()


@contextmanager
def executemany_commit(path: Path) -> Iterator[Commit]:
    """The same rows through the driver's executemany, in the same table."""
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    with changing(engine).connect() as connection:
        raw = connection.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            raise TypeError(f"the standard driver was expected, not {type(raw)}")

        def commit(batch: JudgedBatch) -> None:
            columns = [
                values if isinstance(values, list) else values.tolist()
                for values in (_column(batch, name) for name in COLUMNS[:-1])
            ]
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(_INSERT, zip(*columns, [0] * len(batch.samples), strict=True))
            raw.execute("COMMIT")

        yield commit
    engine.dispose()


def _column(batch: JudgedBatch, name: str) -> Any:
    return getattr(batch.samples if hasattr(batch.samples, name) else batch, name)


@contextmanager
def busy_thread() -> Iterator[None]:
    """A thread that never gives up the interpreter lock by itself."""
    stopped = threading.Event()

    def spin() -> None:
        while not stopped.is_set():
            sum(range(1000))

    thread = threading.Thread(target=spin)
    thread.start()
    yield
    stopped.set()
    thread.join()


def rows_per_s(commit: Commit, flushes: list[JudgedBatch]) -> float:
    """Rows committed per second of wall clock."""
    started = time.perf_counter()
    for flush in flushes:
        commit(flush)
    return sum(len(flush.samples) for flush in flushes) / (time.perf_counter() - started)


def main() -> None:
    """Print the table."""
    print(f"{'rows per flush':>14} {'beside':>12} {'executemany':>12} {'store':>12} {'ratio':>7}")
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        with store_commit(home / "store") as ours, executemany_commit(home / "driver") as theirs:
            next_seq = 1
            for size, alone, beside in SIZES:
                for count, is_beside in ((alone, False), (beside, True)):
                    speeds: dict[str, list[float]] = {"ours": [], "theirs": []}
                    for _ in range(ROUNDS):  # interleaved: both meet the same noise
                        flushes = batches(size, count, next_seq)
                        next_seq += size * count
                        if is_beside:
                            with busy_thread():
                                speeds["theirs"].append(rows_per_s(theirs, flushes))
                                speeds["ours"].append(rows_per_s(ours, flushes))
                        else:
                            speeds["theirs"].append(rows_per_s(theirs, flushes))
                            speeds["ours"].append(rows_per_s(ours, flushes))
                    their, our = median(speeds["theirs"]), median(speeds["ours"])
                    name = "busy thread" if is_beside else "nothing"
                    print(f"{size:>14,} {name:>12} {their:>12,.0f} {our:>12,.0f} {our / their:>7.1f}")


if __name__ == "__main__":
    main()
