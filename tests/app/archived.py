"""A database with days that are to leave for the archive, and what is to be seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine, func, select

from app.archive_check import archive_faults
from app.database import changing_session, reading_session, snapshot_connection
from app.models import RejectRow, Sample, SampleArchive, SampleSeal
from app.retention import Retention, retain
from app.seal_check import faults
from app.seal_faults import FaultKind
from app.seal_samples import Checked
from app.services.seal_anchors import anchor_now
from app.storage import open_store
from app.storage.archive import KINDS, Kind
from telemetry.ports import RejectReason
from tests.app.batches import flush_of, judged_batch

DAY_MS = 86_400_000
TODAY = 20_000
NOW_MS = TODAY * DAY_MS + 1_000
KEEP_DAYS = 402
#: Five days of samples: the first three are older than what is kept.
DAYS = (TODAY - 500, TODAY - 499, TODAY - 450, TODAY - 402, TODAY - 1)
DUE = DAYS[:3]
ROWS = 40


@dataclass(frozen=True)
class Kept:
    engine: Engine
    rules: Retention

    def retain(self, now_ms: int = NOW_MS) -> list[str]:
        return retain(self.engine, now_ms, self.rules)

    def days(self) -> list[int]:
        with reading_session(self.engine) as session:
            days = session.scalars(select(Sample.timestamp_ms / DAY_MS)).all()
            return sorted({int(day) for day in days})

    def faults(self) -> list[FaultKind]:
        with snapshot_connection(self.engine) as connection:
            return [fault.kind for fault in faults(connection, Checked())]

    def path(self, kind: Kind, day: int) -> Path:
        return self.rules.directory / kind.file_name(day)

    def files(self) -> set[str]:
        return {path.relative_to(self.rules.directory).as_posix() for path in self.rules.directory.glob("*/*/*")}

    def archive_faults(self) -> list[str]:
        return list(archive_faults(self.engine, self.rules.directory))

    def count(self, model: type[SampleSeal | SampleArchive | Sample | RejectRow]) -> int:
        with reading_session(self.engine) as session:
            return session.scalars(select(func.count()).select_from(model)).one()


def five_days(engine: Engine, directory: Path) -> Kept:
    """Two workers' samples of five days, anchored once at the end."""
    store = open_store(engine)
    for number, day in enumerate(DAYS):
        batch = judged_batch(ROWS, first_seq=1 + number * 10, start_ms=day * DAY_MS + 3_600_000)
        store.commit(replace(flush_of(batch), worker=f"w{number % 2}"))
    with changing_session(engine) as session:
        session.add_all([reject(DAYS[0]), reject(DAYS[4])])
        anchor_now(session, NOW_MS)
    return Kept(engine, Retention(KEEP_DAYS, directory))


def reject(day: int) -> RejectRow:
    return RejectRow(
        digest=day.to_bytes(32, "big"),
        topic="v1/0/nobody/telemetry",
        reason=RejectReason.MALFORMED_JSON,
        detail="",
        payload=b"\x00\xff no JSON",
        arrivals=2,
        first_received_ms=day * DAY_MS,
        last_received_ms=day * DAY_MS + 5,
    )


def names_of(days: Sequence[int]) -> set[str]:
    return {kind.file_name(day) for kind in KINDS for day in days}
