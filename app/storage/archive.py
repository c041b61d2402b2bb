"""The archive: a directory of GeoParquet files, each a day of samples, of their seals or of rejects.

    samples/day=2025-09-18/part-0.parquet    and seals/... and rejects/...

The layout is that of partitioned data sets ("hive style"), so that other programs read all days as one table.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, select

from app.calendar import utc_date
from app.errors import Conflict, DayDamaged
from app.models import RejectRow, Sample, SampleSeal

DAY_MS: Final = 86_400_000
_HASHED_AT_ONCE = 1 << 20

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """What lies in files of its own: the rows of a table whose `time` is in the day."""

    name: str
    table: Table
    time: ColumnElement[int]
    order: tuple[ColumnElement[Any], ...]
    rows_at_once: int

    def of_day(self, day: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        """The rows of a day, counted from 1970-01-01 UTC."""
        return self.time >= day * DAY_MS, self.time < (day + 1) * DAY_MS

    def file_name(self, day: int) -> str:
        """Of the day's file, in the directory of the archive."""
        return f"{self.name}/day={utc_date(day)}/part-0.parquet"


def _kind(name: str, model: type[Any], time: str, order: tuple[str, ...], rows_at_once: int) -> Kind:
    table: Table = model.__table__
    return Kind(name, table, table.c[time], tuple(table.c[column] for column in order), rows_at_once)


SAMPLES: Final = _kind("samples", Sample, "timestamp_ms", ("timestamp_ms", "vehicle", "seq"), 20_000)
#: A block may have 20 kB; in the order in which a check opens them.
SEALS: Final = _kind("seals", SampleSeal, "first_ms", ("first_ms", "id"), 1_000)
#: By when they arrived for the last time: what still arrives stays.
REJECTS: Final = _kind("rejects", RejectRow, "last_received_ms", ("id",), 2_000)
KINDS: Final = (SAMPLES, SEALS, REJECTS)


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows the files of a day hold."""

    samples: int
    blocks: int
    rejects: int


def write_day(connection: Connection, day: int, directory: Path) -> Written:
    """Write everything of a day into new files, safely on disk when this returns; memory is bounded.

    `connection` must see one state of the database. Raises DayDamaged for a value that no row can have.
    """
    from app.storage.parquet import write_rows  # noqa: PLC0415 -- it takes a second: not at every program's start

    counts = []
    for kind in KINDS:
        path = directory / kind.file_name(day)
        path.parent.mkdir(parents=True)
        wanted = select(kind.table).where(*kind.of_day(day)).order_by(*kind.order)
        counts.append(write_rows(connection, kind.table, wanted, path, kind.rows_at_once))
        _sync(path)
    return Written(*counts)


def read_day(directory: Path, day: int, kind: Kind, unread: Callable[[str], object]) -> Iterator[Row]:
    """The rows of a day's file as they were written; `unread` is told, in words, of each part that is damaged.

    Raises DayDamaged when nothing of it can be read.
    """
    from app.storage.parquet import read_rows  # noqa: PLC0415 -- as above

    name = kind.file_name(day)
    try:
        yield from read_rows(directory / name, kind.table, lambda part: unread(f"{name}: {part}"))
    except DayDamaged as error:
        raise DayDamaged(f"{name}: {error}") from error


def described_files(directory: Path, day: int) -> dict[str, dict[str, Any]]:
    """`{name: {"sha256": hexadecimal, "bytes": size}}` of the day's files. Raises OSError when one cannot be read."""
    names = [kind.file_name(day) for kind in KINDS]
    return {name: {"sha256": sha256_of(directory / name), "bytes": (directory / name).stat().st_size} for name in names}


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal. Raises OSError when it cannot be read."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_HASHED_AT_ONCE):
            found.update(part)
    return found.hexdigest()


def move_into_place(source: Path, directory: Path, name: str) -> None:
    """Give a written file its place in the archive, safely on disk when this returns."""
    place = directory / name
    place.parent.mkdir(parents=True, exist_ok=True)
    (source / name).replace(place)
    for made in (place.parent, place.parent.parent, directory):
        _sync(made)


@contextmanager
def sole_user(directory: Path) -> Iterator[None]:
    """Nobody else moves days meanwhile; the operating system takes the lock back from whoever is killed.

    Raises Conflict when somebody is at it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("another process is moving days into or out of the archive") from None
        yield


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
