"""Are the files of the archive those that were written, and what in them was altered?"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import astuple
from datetime import date
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.database import reading_session
from app.errors import DayDamaged
from app.models import Sample, SampleArchive, SampleSeal, Vehicle
from app.seal_faults import FaultKind, SealFault, described
from app.seal_samples import Checked, sample_faults
from app.storage.archive import DAY_MS, KINDS, REJECTS, SAMPLES, SEALS, Kind, Written, read_day, sha256_of
from telemetry.sealing import COLUMNS

_SEALED = itemgetter(*(SAMPLES.table.columns.keys().index(name) for name in COLUMNS))
_BLOCK = SEALS.table.columns.keys()


def archive_faults(engine: Engine, directory: Path) -> Iterator[str]:
    """What is wrong with the archive, in words; nothing: every file is there, as it was written, and no other."""
    with reading_session(engine) as session:
        archives = session.scalars(select(SampleArchive).order_by(SampleArchive.day)).all()
        names = {row.id: row.vehicle_id for row in session.execute(select(Vehicle.id, Vehicle.vehicle_id))}
    for archive in archives:
        if faults := list(file_faults(directory, archive)):
            yield from faults
            written = Written(archive.samples, archive.blocks, archive.rejects)
            yield from content_faults(directory, archive.day, written, names)
        if archive.restored_at_ms is not None:
            yield from _restored_faults(engine, directory, archive)
    yield from _unknown_files(engine, directory, {name for archive in archives for name in archive.files})


def file_faults(directory: Path, archive: SampleArchive) -> Iterator[str]:
    """Files of a day that are not the ones that were written."""
    for name, told in archive.files.items():
        try:
            is_same = sha256_of(directory / name) == told["sha256"]
        except OSError:
            yield f"{name} is missing or cannot be read"
            continue
        if not is_same:
            yield f"{name} was altered"


def content_faults(directory: Path, day: int, written: Written, names: Mapping[int, str]) -> list[str]:
    """What of a day's samples is not what its blocks sealed, and files with fewer or more rows than were written."""
    damaged: list[str] = []
    found: list[str] = []
    counts: Counter[str] = Counter()

    def read(kind: Kind) -> Iterator[tuple[Any, ...]]:
        for row in read_day(directory, day, kind, damaged.append):
            counts[kind.name] += 1
            yield row

    try:
        period = (day * DAY_MS, (day + 1) * DAY_MS)
        faults = sample_faults(map(_block, read(SEALS)), map(_SEALED, read(SAMPLES)), Checked(), period)
        found.extend(f"{SAMPLES.file_name(day)}: {described(fault, names)}" for fault in faults)
        deque(read(REJECTS), maxlen=0)
    except DayDamaged as error:
        return [*damaged, *found, str(error)]
    counted = zip(KINDS, astuple(written), strict=True)
    found += [
        f"{kind.file_name(day)}: {counts[kind.name]} rows instead of {count}"
        for kind, count in counted
        if counts[kind.name] != count
    ]
    return [*damaged, *found]


def _block(row: tuple[Any, ...]) -> SimpleNamespace:
    return SimpleNamespace(**dict(zip(_BLOCK, row, strict=True)))


def _restored_faults(engine: Engine, directory: Path, archive: SampleArchive) -> Iterator[str]:
    """Blocks of a restored day stand behind the cut of their chain: they are compared with those in the archive."""
    try:
        blocks = map(_block, read_day(directory, archive.day, SEALS, _nothing))
        told = {(block.chain, block.number): block.hash for block in blocks}
    except DayDamaged:  # told already
        return
    wanted = select(SampleSeal.chain, SampleSeal.number, SampleSeal.hash).where(*SEALS.of_day(archive.day))
    with reading_session(engine) as session:
        for chain, number, digest in session.execute(wanted):
            if told.pop((chain, number), digest) != digest:
                yield described(SealFault(FaultKind.BLOCK_ALTERED, chain=chain, number=number), {})
    for chain, number in told:
        yield described(SealFault(FaultKind.BLOCK_MISSING, chain=chain, number=number, last=number), {})


def _unknown_files(engine: Engine, directory: Path, known: Collection[str]) -> Iterator[str]:
    with reading_session(engine) as session:
        for path in sorted(directory.glob("*/day=*/*")):
            name = path.relative_to(directory).as_posix()
            if name not in known and not _is_on_its_way(session, name):
                yield f"{name} belongs to no day that is in the archive"


def _is_on_its_way(session: Session, name: str) -> bool:
    """Whether it is written and not recorded yet, or somebody was killed in between: the day has not left then."""
    try:
        written = date.fromisoformat(name.split("/")[1].removeprefix("day="))
    except ValueError:
        return False
    day = (written - date(1970, 1, 1)).days
    if name not in {kind.file_name(day) for kind in KINDS}:
        return False
    return session.scalar(select(Sample.seq).where(*SAMPLES.of_day(day)).limit(1)) is not None


def _nothing(_part: str) -> None:
    """Parts that cannot be read are told where the files are checked."""
