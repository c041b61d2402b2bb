"""Six flushes of two workers, sealed; and what somebody with all rights on the database does to them."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, Engine, text

from app.database import changing, snapshot_connection
from app.seal_check import faults
from app.seal_faults import FaultKind, SealFault
from app.seal_samples import Checked
from app.storage import open_store
from telemetry.samples import JudgedBatch
from telemetry.sealing import SampleKey
from tests.app.batches import START_MS, flush_of, judged_batch

HOUR_MS = 3_600_000
FLUSHES = 6
ROWS = 40
ALTERED_AT = "2024-11-21T11:53:21.125Z"


def batch_at(number: int, **changes: int) -> JudgedBatch:
    """The samples of one flush after the others: seven vehicles, one sample a second each."""
    return judged_batch(ROWS, first_seq=1 + number * 10, start_ms=START_MS + number * 10_000, **changes)


def six_flushes(engine: Engine) -> Engine:
    """Store them, of the two workers in turn."""
    store = open_store(engine)
    for number in range(FLUSHES):
        store.commit(replace(flush_of(batch_at(number)), worker=f"w{number % 2}", flushed_at_ms=START_MS + number))
    return engine


def found(engine: Engine, since_ms: int | None = None, until_ms: int | None = None) -> list[SealFault]:
    with snapshot_connection(engine) as connection:
        return list(faults(connection, Checked(), since_ms=since_ms, until_ms=until_ms))


def told(engine: Engine) -> set[tuple[FaultKind, SampleKey | None, str, int]]:
    """Kind, sample, chain and number; chain and number only of what is wrong with blocks."""
    return {
        (fault.kind, fault.sample, *(("", 0) if fault.sample else (fault.chain, fault.number)))
        for fault in found(engine)
    }


def key_of(number: int, row: int) -> SampleKey:
    samples = batch_at(number).samples
    return int(samples.timestamp_ms[row]), int(samples.vehicle[row]), int(samples.seq[row])


def where(key: SampleKey) -> str:
    return "timestamp_ms = {} AND vehicle = {} AND seq = {}".format(*key)


def unlock(connection: Connection) -> None:
    """What somebody with all rights on the database does first."""
    if connection.dialect.name == "sqlite":
        for change in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER sample_seals_no_{change}"))
    else:
        for trigger in ("append_only", "cut_only"):
            connection.execute(text(f"DROP TRIGGER sample_seals_{trigger} ON sample_seals"))


def tamper(engine: Engine, *statements: str) -> None:
    with changing(engine).begin() as connection:
        unlock(connection)
        for statement in statements:
            connection.execute(text(statement))
