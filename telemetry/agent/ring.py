"""A ring buffer of samples on disk: what a vehicle has observed and the platform has not yet stored.

One file (SQLite, write-ahead log) may hold the samples of many vehicles, so that hundreds of agents
in one process share their fsyncs. An append that returned survives the death of the process at
once, and a power cut from the next `sync` on, which the owner calls about once a second.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from telemetry.errors import RingUnavailable, UnacceptableSample

#: Samples kept for one vehicle: a day at 1 Hz with room to spare.
DEFAULT_CAPACITY = 100_000

#: Largest JSON text of one sample, so that one always fits in a message the platform takes.
MAX_SAMPLE_BYTES = 64 * 1024

#: Numbers skipped after a power cut, when those assigned since the last `sync` are not known any
#: more but may have been sent: more than any agent assigns between two of them.
_SEQS_LOST_AT_MOST = 10_000

#: Largest seq that the platform takes: every JSON reader holds it exactly.
_LARGEST_SEQ = 2**53

#: Stands for the boot id of a ring that was closed in order.
_CLOSED = ""

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS vehicles (
        vehicle_id TEXT PRIMARY KEY, next_seq INTEGER NOT NULL, evicted INTEGER NOT NULL, boot TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS samples (
        vehicle_id TEXT NOT NULL, seq INTEGER NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (vehicle_id, seq)
    ) WITHOUT ROWID""",
)


@dataclass(frozen=True, slots=True)
class Settled:
    """What the platform has stored or rejected: every seq up to `watermark`, and closed intervals."""

    watermark: int
    received: Sequence[tuple[int, int]] = ()

    @property
    def highest(self) -> int:
        """The highest seq that is settled; 0 when none is."""
        return max([self.watermark, *(last for _, last in self.received)])

    def spans(self) -> Iterator[tuple[int, int]]:
        """The closed intervals of settled seqs, the one below the watermark first."""
        yield (0, self.watermark)
        yield from self.received


class RingFile:
    """The file and its lock. Only one process may have it open; any thread may use it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._unsynced = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise RingUnavailable(f"cannot open the ring buffer {path}: {error}") from error
        try:
            self._prepare()
        except (sqlite3.Error, RingUnavailable) as error:
            self._database.close()
            raise RingUnavailable(f"cannot open the ring buffer {path}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        # An exclusively locked file keeps a second agent out: two would assign the same numbers.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
            self._database.execute(f"PRAGMA {pragma}")
        with self.transaction() as database:
            for statement in _SCHEMA:
                database.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction of this process; rolled back when the body raises."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                raise RingUnavailable(f"the ring buffer cannot be written: {error}") from error
            finally:
                if self._database.in_transaction:  # SQLite has rolled some failures back already
                    self._database.rollback()
            self._unsynced = True

    def query(self, statement: str, *parameters: object) -> list[tuple[int, bytes]]:
        """All rows of a reading statement that yields (seq or number, payload)."""
        with self._lock:
            try:
                return self._database.execute(statement, parameters).fetchall()
            except sqlite3.Error as error:
                raise RingUnavailable(f"the ring buffer cannot be read: {error}") from error

    def sync(self) -> None:
        """Make everything appended so far survive a power cut (one checkpoint; nothing when idle)."""
        with self._lock:
            if not self._unsynced:
                return
            try:
                self._database.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                raise RingUnavailable(f"the ring buffer cannot be synced: {error}") from error
            self._unsynced = False

    def close(self) -> None:
        """Note that nothing is lost, and close; the samples stay."""
        with self._lock:
            try:
                with self.transaction() as database:
                    database.execute("UPDATE vehicles SET boot = ?", (_CLOSED,))
            finally:
                self._database.close()


class Ring:
    """One vehicle's samples, by seq. `seq` only grows, over restarts too.

    A new ring numbers from `first_seq`; the agent passes the time in milliseconds, so that a vehicle
    whose disk was replaced does not use old numbers again. The oldest samples give way when more
    than `capacity` wait; they are counted in `evicted`, which stays in the file.
    """

    def __init__(
        self, file: RingFile, vehicle_id: str, *, first_seq: int = 1, capacity: int = DEFAULT_CAPACITY
    ) -> None:
        if first_seq < 1 or capacity < 1:
            raise ValueError("first_seq and capacity must be at least 1")
        self.vehicle_id = vehicle_id
        self._file = file
        self._capacity = capacity
        self._next_seq, self.evicted = self._opened(first_seq)
        self._held = len(self.seqs())

    def __len__(self) -> int:
        return self._held

    @property
    def next_seq(self) -> int:
        """The number that the next sample without one will get."""
        return self._next_seq

    def append(self, sample: Mapping[str, object]) -> int:
        """Keep one sample, numbered by its own `seq` or the next one, and return the number.

        Raises UnacceptableSample when the number does not grow or the sample cannot be written as
        JSON, RingUnavailable when the disk fails: then nothing was kept.
        """
        return self.append_all([sample])[0]

    def append_all(self, samples: Sequence[Mapping[str, object]]) -> list[int]:
        """Keep several samples in one transaction: all or, when one is unacceptable, none."""
        with self._file.transaction() as database:
            rows = self._numbered(samples)
            database.executemany("INSERT INTO samples VALUES (?, ?, ?)", rows)
            evicted = self._evict(database, max(0, self._held + len(rows) - self._capacity))
            seqs = [seq for _, seq, _ in rows]
            self._next_seq = max([self._next_seq, *(seq + 1 for seq in seqs)])
            self._remember(database, evicted)
        self._held += len(rows) - evicted
        self.evicted += evicted
        return seqs

    def seqs(self) -> list[int]:
        """The numbers of all samples that wait, ascending."""
        rows = self._file.query("SELECT seq, payload FROM samples WHERE vehicle_id = ? ORDER BY seq", self.vehicle_id)
        return [seq for seq, _ in rows]

    def read(self, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
        """The samples with these numbers that still wait, ascending, as (seq, JSON)."""
        statement = """SELECT seq, payload FROM samples WHERE vehicle_id = ?
                       AND seq IN (SELECT value FROM json_each(?)) ORDER BY seq"""
        return self._file.query(statement, self.vehicle_id, json.dumps(list(seqs)))

    def settle(self, settled: Settled) -> int:
        """Drop what the platform has; returns how many were dropped.

        Numbers that the platform has seen are never assigned again, even by a ring that lost its file.
        """
        with self._file.transaction() as database:
            dropped = sum(self._delete(database, first, last) for first, last in settled.spans())
            self._next_seq = max(self._next_seq, settled.highest + 1)
            self._remember(database, 0)
        self._held -= dropped
        return dropped

    def _numbered(self, samples: Sequence[Mapping[str, object]]) -> list[tuple[str, int, bytes]]:
        """Rows of the table, numbered on from `next_seq`."""
        rows: list[tuple[str, int, bytes]] = []
        following = self._next_seq
        for sample in samples:
            seq = sample.get("seq", following)
            if not isinstance(seq, int) or isinstance(seq, bool) or not following <= seq <= _LARGEST_SEQ:
                raise UnacceptableSample(f"seq must be a whole number from {following} to {_LARGEST_SEQ}, not {seq!r}")
            rows.append((self.vehicle_id, seq, _encoded({**sample, "seq": seq})))
            following = seq + 1
        return rows

    def _evict(self, database: sqlite3.Connection, count: int) -> int:
        """Drop the oldest `count` samples."""
        if not count:
            return 0
        statement = """DELETE FROM samples WHERE vehicle_id = ? AND seq IN
                       (SELECT seq FROM samples WHERE vehicle_id = ? ORDER BY seq LIMIT ?)"""
        return database.execute(statement, (self.vehicle_id, self.vehicle_id, count)).rowcount

    def _delete(self, database: sqlite3.Connection, first: int, last: int) -> int:
        statement = "DELETE FROM samples WHERE vehicle_id = ? AND seq BETWEEN ? AND ?"
        return database.execute(statement, (self.vehicle_id, first, last)).rowcount

    def _remember(self, database: sqlite3.Connection, evicted: int) -> None:
        statement = "UPDATE vehicles SET next_seq = ?, evicted = evicted + ? WHERE vehicle_id = ?"
        database.execute(statement, (self._next_seq, evicted, self.vehicle_id))

    def _opened(self, first_seq: int) -> tuple[int, int]:
        """(next_seq, evicted) of this vehicle in the file, which now notes that it is in use.

        Before anything is sent the note must be synced: only it tells a power cut from a clean end.
        """
        boot = _boot_id()
        with self._file.transaction() as database:
            row = database.execute(
                "SELECT next_seq, evicted, boot FROM vehicles WHERE vehicle_id = ?", (self.vehicle_id,)
            ).fetchone()
            next_seq, evicted, known_boot = row or (first_seq, 0, _CLOSED)
            if known_boot not in {_CLOSED, boot}:
                next_seq += _SEQS_LOST_AT_MOST
            database.execute(
                "INSERT OR REPLACE INTO vehicles VALUES (?, ?, ?, ?)", (self.vehicle_id, next_seq, evicted, boot)
            )
        return next_seq, evicted


def _encoded(sample: Mapping[str, object]) -> bytes:
    """One sample as JSON text; NaN and infinities have none and are refused, not turned into null."""
    try:
        payload = json.dumps(sample, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise UnacceptableSample(f"the sample cannot be written as JSON: {error}") from error
    if len(payload) > MAX_SAMPLE_BYTES:
        raise UnacceptableSample(f"the sample takes {len(payload)} bytes, more than {MAX_SAMPLE_BYTES}")
    return payload


def _boot_id() -> str:
    """Changes with each start of the machine; where the system tells none, with each process."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return uuid.uuid4().hex
