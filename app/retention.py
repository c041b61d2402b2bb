"""Days of samples that were kept long enough leave the database for the archive.

Every step is finished or was never begun: a file is written, checked and named; then a row and the audit
log say that the day is in it; then its samples are deleted; then the chains of seals are cut behind what
is gone. Whoever is killed in between is continued by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import ColumnElement, Engine, delete, func, select, text
from sqlalchemy.exc import DatabaseError

from app.database import changing_session, reading_session, snapshot_connection
from app.errors import AppError, Conflict
from app.models import Sample, SampleArchive, SampleSeal
from app.seal_check import Checked, sample_faults
from app.seal_faults import described
from app.services.retention import (
    cut_blocks,
    cut_chains,
    held_days,
    next_day_due,
    not_emptied,
    record_archive,
    record_emptied,
)
from app.storage.archive import DAY_MS, move_into_place, opened_archive, sha256_of, write_archive
from app.storage.postgresql import partition_name

logger = logging.getLogger(__name__)

EVERY_S: Final = 86_400.0
#: Deleted in one transaction: on SQLite the worker waits meanwhile.
_SLICE_MS = 60_000
_BLOCKS_AT_ONCE = 500


class DayDamaged(AppError):
    """A day's samples are not what was sealed: it stays in the database, where `pilotage verify` names them."""

    code = "day_damaged"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long samples stay in the database, and the directory that they leave for."""

    keep_days: int
    directory: Path


def retain(engine: Engine, now_ms: int, rules: Retention) -> list[str]:
    """Archive every day that is due; the names of the files that were written.

    Days that are evidence of an open incident stay. Raises DayDamaged after everything else was done.
    """
    written, damaged = [], []
    _finish(engine, now_ms)
    day = -1
    while (next_day := _due(engine, now_ms - rules.keep_days * DAY_MS, day)) is not None:
        day = next_day
        try:
            written.append(_archive(engine, day, now_ms, rules.directory))
        except DayDamaged as error:
            damaged.append(str(error))
        except Conflict as error:  # somebody else archives it, or an incident has just come
            logger.info("%s is not archived now: %s", _date(day), error)
        _finish(engine, now_ms)
    if damaged:
        raise DayDamaged("; ".join(damaged))
    return written


def archive_faults(engine: Engine, directory: Path) -> Iterator[str]:
    """What is wrong with the files of the archive; nothing: they are as they were written, and whole."""
    with reading_session(engine) as session:
        archives = session.scalars(select(SampleArchive).order_by(SampleArchive.day)).all()
    for archive in archives:
        path = directory / archive.file_name
        try:
            is_same = sha256_of(path) == archive.sha256
        except OSError:
            yield f"{archive.file_name} is missing or cannot be read"
            continue
        if not is_same:
            yield f"{archive.file_name} was altered"
            yield from (f"{archive.file_name}: {fault}" for fault in file_faults(path))


def file_faults(path: Path) -> list[str]:
    """Samples of an archive file that are not what its blocks sealed; the file need not be known to anybody."""
    try:
        with opened_archive(path) as connection:
            return [described(fault, {}) for fault in sample_faults(connection, Checked())]
    except DatabaseError:
        return ["it is damaged: it cannot be opened"]


def _due(engine: Engine, before_ms: int, after_day: int) -> int | None:
    with reading_session(engine) as session:
        held = held_days(session)
        while (day := next_day_due(session, before_ms, after_day)) is not None:
            if day not in held:
                return day
            after_day = day
    return None


def _archive(engine: Engine, day: int, now_ms: int, directory: Path) -> str:
    """Write, check and name the file of a day, and record it."""
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=directory, prefix=".writing-") as scratch:
        path = Path(scratch) / "day.gpkg"
        with snapshot_connection(engine) as connection:
            written = write_archive(connection, day, path)
        if faults := file_faults(path):
            raise DayDamaged(f"{_date(day)}: {len(faults)} faults, the first: {faults[0]}")
        digest, size_bytes = sha256_of(path), path.stat().st_size
        # Another process may write the same day: each has its own name until one of them is recorded.
        name = f"samples-{_date(day)}-{digest.hex()[:12]}.gpkg"
        move_into_place(path, directory / name)
    try:
        with changing_session(engine) as session:
            record_archive(
                session, day, file_name=name, sha256=digest, size_bytes=size_bytes, written=written, now_ms=now_ms
            )
    except AppError:
        _forget(engine, directory / name)
        raise
    return name


def _forget(engine: Engine, path: Path) -> None:
    """Remove a file that nobody recorded."""
    with reading_session(engine) as session:
        if session.scalar(select(SampleArchive.id).where(SampleArchive.file_name == path.name)) is None:
            path.unlink(missing_ok=True)


def _finish(engine: Engine, now_ms: int) -> None:
    """Whatever was recorded: delete what is in the archive, and cut the chains."""
    with reading_session(engine) as session:
        archives = not_emptied(session)
    for archive in archives:
        if engine.dialect.name == "sqlite":
            _delete_slices(engine, archive.day)
        with changing_session(engine) as session:
            if engine.dialect.name == "postgresql":
                session.execute(text(f"DROP TABLE IF EXISTS {partition_name(archive.day)}"))
                session.execute(delete(Sample).where(*_of_day(archive.day)))  # whatever lies in no partition of its own
            record_emptied(session, session.get_one(SampleArchive, archive.id), now_ms)
    with changing_session(engine) as session:
        cut_chains(session, now_ms)
    _delete_cut_blocks(engine)


def _delete_slices(engine: Engine, day: int) -> None:
    for since_ms in range(day * DAY_MS, (day + 1) * DAY_MS, _SLICE_MS):
        is_in_slice = (Sample.timestamp_ms >= since_ms, Sample.timestamp_ms < since_ms + _SLICE_MS)
        with reading_session(engine) as session:
            count = session.scalar(select(func.count()).where(*is_in_slice))
        if count:
            with changing_session(engine) as session:
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


def _of_day(day: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Sample.timestamp_ms >= day * DAY_MS, Sample.timestamp_ms < (day + 1) * DAY_MS


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat()
