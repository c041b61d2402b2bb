"""A day of the archive back in the database for a time, where it is looked at, replayed and proven as any other.

Its blocks come first, then its samples, in portions that do not keep ingest waiting; whoever is killed in
between begins anew, and what is there already stays. The files stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from app.archive_check import file_faults
from app.database import changing, changing_session, reading_session, snapshot_connection
from app.errors import DayDamaged
from app.evidence.seals import anchors_of, stretches
from app.models import SampleArchive, SampleSeal
from app.services.retention import archive_of, record_restored, record_restoring
from app.storage.archive import KINDS, SEALS, read_day, sole_user
from app.storage.postgresql import add_partitions

#: Written in one transaction: on SQLite the worker waits meanwhile.
_AT_ONCE: Final = 2_000
_CHAIN, _NUMBER = (SEALS.table.columns.keys().index(name) for name in ("chain", "number"))

Row = tuple[Any, ...]
BlockKey = tuple[str, int]


def restore_day(engine: Engine, day: int, directory: Path, *, until_ms: int, now_ms: int) -> SampleArchive:
    """Bring a day back until then, or keep it longer when it is back already.

    Raises NotFound for a day that is not in the archive, DayDamaged for one that is not what was written, and
    Conflict while somebody else moves days, or the day is just leaving.
    """
    with sole_user(directory):
        with reading_session(engine) as session:
            archive = archive_of(session, day)
        if faults := list(file_faults(directory, archive)):
            raise DayDamaged("; ".join(faults))
        with changing_session(engine) as session:
            record_restoring(session, archive_of(session, day), until_ms, now_ms)
        if archive.restored_at_ms is None:
            _fill(engine, day, directory)
        with changing_session(engine) as session:
            archive = archive_of(session, day)
            record_restored(session, archive, now_ms)
    return archive


def _fill(engine: Engine, day: int, directory: Path) -> None:
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            add_partitions(connection, {day})
    for kind in sorted(KINDS, key=lambda kind: kind is not SEALS):  # a sample without its block is a fault
        _insert(engine, kind.table, read_day(directory, day, kind, _refuse))
    missing = _missing_links(engine, day)
    with reading_session(engine) as session:
        days = session.scalars(select(SampleArchive.day)).all()
    for other in sorted(days, key=lambda each: abs(each - day)):
        if not missing:
            break
        _insert(engine, SEALS.table, _taken(read_day(directory, other, SEALS, _refuse), missing))


def _missing_links(engine: Engine, day: int) -> set[BlockKey]:
    """Blocks of other days that stand between one of this day and the anchor that proves it, and are gone."""
    chains: dict[str, list[int]] = {}
    missing: set[BlockKey] = set()
    number, chain = SampleSeal.number, SampleSeal.chain
    with snapshot_connection(engine) as connection:
        for name, found in connection.execute(select(chain, number).where(*SEALS.of_day(day))):
            chains.setdefault(name, []).append(found)
        anchors = anchors_of(connection, chains)
        for name, numbers in chains.items():
            for first, last, _entry in stretches(sorted(numbers), anchors[name], is_last_try=True):
                there = select(number).where(chain == name, number.between(first, last))
                gone = set(range(first, last + 1)).difference(connection.scalars(there))
                missing |= {(name, each) for each in gone}
    return missing


def _taken(rows: Iterable[Row], missing: set[BlockKey]) -> Iterator[Row]:
    """Those that are missing; they are no more then."""
    for row in rows:
        key = (row[_CHAIN], row[_NUMBER])
        if key in missing:
            missing.discard(key)
            yield row


def _insert(engine: Engine, table: Table, rows: Iterator[Row]) -> None:
    """Rows of the table's columns; a number of their own is given to them anew, and those that are there stay."""
    make: Callable[[Table], Any] = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    statement = make(table).on_conflict_do_nothing()
    names = [name for name in table.columns.keys() if name != "id"]  # noqa: SIM118 -- iterating gives columns
    places = [table.columns.keys().index(name) for name in names]
    while portion := list(islice(rows, _AT_ONCE)):
        with changing(engine).begin() as connection:
            bound = [{name: row[place] for name, place in zip(names, places, strict=True)} for row in portion]
            connection.execute(statement, bound)


def _refuse(part: str) -> None:
    raise DayDamaged(part)
