"""Days of samples that were kept long enough leave the database for the archive.

Every step is finished or was never begun: files are written, read back, compared and named; then a row and the
audit log say that the day is in them; then its samples are deleted; then the chains of seals are cut behind
what is gone. Whoever is killed in between is continued by the next one. A day that was asked for again
(app.archive_restore) leaves in the same way, but for the writing.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import Engine, delete, func, select, text

from app.archive_check import content_faults
from app.calendar import utc_date
from app.database import changing_session, reading_session, snapshot_connection
from app.errors import AppError, Conflict, DayDamaged
from app.models import RejectRow, Sample, SampleArchive, SampleSeal
from app.services.retention import (
    cut_blocks,
    cut_chains,
    held_days,
    leaving,
    next_day_due,
    record_archive,
    record_emptied,
    record_leaving,
)
from app.storage.archive import (
    DAY_MS,
    REJECTS,
    SAMPLES,
    described_files,
    move_into_place,
    sole_user,
    write_day,
)
from app.storage.postgresql import partition_name

logger = logging.getLogger(__name__)

EVERY_S: Final = 86_400.0
#: Deleted in one transaction: on SQLite the worker waits meanwhile.
_SLICE_MS = 60_000
_BLOCKS_AT_ONCE = 500
_SCRATCH: Final = ".writing-"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long samples stay in the database, and the directory that they leave for."""

    keep_days: int
    directory: Path


def retain(engine: Engine, now_ms: int, rules: Retention) -> list[str]:
    """Archive every day that is due; the days that were written.

    Days that are evidence of an open incident stay. Raises DayDamaged after everything else was done, and
    Conflict when somebody else is at it.
    """
    with sole_user(rules.directory):
        return _retain(engine, now_ms, rules)


def _retain(engine: Engine, now_ms: int, rules: Retention) -> list[str]:
    written, damaged = [], []
    for left in rules.directory.glob(f"{_SCRATCH}*"):  # of somebody who was killed
        shutil.rmtree(left)
    _finish(engine, now_ms)
    day = -1
    while (next_day := _due(engine, now_ms - rules.keep_days * DAY_MS, day)) is not None:
        day = next_day
        try:
            _archive(engine, day, now_ms, rules.directory)
            written.append(utc_date(day))
        except DayDamaged as error:
            damaged.append(f"{utc_date(day)}: {error}")
        except Conflict as error:  # an incident has just come
            logger.info("%s is not archived now: %s", utc_date(day), error)
        _finish(engine, now_ms)
    if damaged:
        raise DayDamaged("; ".join(damaged))
    return written


def _due(engine: Engine, before_ms: int, after_day: int) -> int | None:
    with reading_session(engine) as session:
        held = held_days(session)
        while (day := next_day_due(session, before_ms, after_day)) is not None:
            if day not in held:
                return day
            after_day = day
    return None


def _archive(engine: Engine, day: int, now_ms: int, directory: Path) -> None:
    """Write, check and name the files of a day, and record them."""
    with TemporaryDirectory(dir=directory, prefix=_SCRATCH) as scratch:
        with snapshot_connection(engine) as connection:
            written = write_day(connection, day, Path(scratch))
        if faults := content_faults(Path(scratch), day, written, {}):
            raise DayDamaged(f"{len(faults)} faults, the first: {faults[0]}")
        files = described_files(Path(scratch), day)
        for name in files:
            move_into_place(Path(scratch), directory, name)
    try:
        with changing_session(engine) as session:
            record_archive(session, day, files=files, written=written, now_ms=now_ms)
    except AppError:
        _forget(engine, day, [directory / name for name in files])
        raise


def _forget(engine: Engine, day: int, paths: Sequence[Path]) -> None:
    """Remove files that nobody recorded."""
    with reading_session(engine) as session:
        if session.scalar(select(SampleArchive.id).where(SampleArchive.day == day)) is None:
            for path in paths:
                path.unlink(missing_ok=True)


def _finish(engine: Engine, now_ms: int) -> None:
    """Whatever was recorded: delete what is in the archive, and cut the chains."""
    with reading_session(engine) as session:
        archives = leaving(session, now_ms)
    for archive in archives:
        _empty(engine, archive, now_ms)
    with changing_session(engine) as session:
        cut_chains(session, now_ms)
    _delete_cut_blocks(engine)


def _empty(engine: Engine, archive: SampleArchive, now_ms: int) -> None:
    if archive.restored_until_ms is not None:
        with changing_session(engine) as session:
            record_leaving(session, session.get_one(SampleArchive, archive.id), now_ms)
    if engine.dialect.name == "sqlite":
        _delete_slices(engine, archive.day)
    with changing_session(engine) as session:
        if engine.dialect.name == "postgresql":
            session.execute(text(f"DROP TABLE IF EXISTS {partition_name(archive.day)}"))
            # Whatever lies in no partition of its own.
            session.execute(delete(Sample).where(*SAMPLES.of_day(archive.day)))
        session.execute(delete(RejectRow).where(*REJECTS.of_day(archive.day)))
        record_emptied(session, session.get_one(SampleArchive, archive.id), now_ms)


def _delete_slices(engine: Engine, day: int) -> None:
    while True:
        with reading_session(engine) as session:
            since_ms = session.scalar(select(func.min(Sample.timestamp_ms)).where(*SAMPLES.of_day(day)))
        if since_ms is None:
            return
        with changing_session(engine) as session:
            is_in_slice = (*SAMPLES.of_day(day), Sample.timestamp_ms < since_ms + _SLICE_MS)
            session.execute(delete(Sample).where(*is_in_slice))


def _delete_cut_blocks(engine: Engine) -> None:
    with reading_session(engine) as session:
        cuts = cut_blocks(session)
    for chain, last in cuts:
        first = 0
        while first <= last:
            with reading_session(engine) as session:
                wanted = select(SampleSeal.number).where(SampleSeal.chain == chain, SampleSeal.number <= last)
                numbers = session.scalars(wanted.order_by(SampleSeal.number).limit(_BLOCKS_AT_ONCE)).all()
            if not numbers:
                break
            first = numbers[-1] + 1
            is_cut = (SampleSeal.chain == chain, SampleSeal.number <= numbers[-1])
            with changing_session(engine) as session:
                session.execute(delete(SampleSeal).where(*is_cut))
