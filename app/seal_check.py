"""Are the stored samples those that were sealed?

Chains are followed block by block; then samples are compared with blocks (app.seal_samples). Values are taken
as they lie in the database: what was altered may be of any type. The anchors in the audit log are held in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Row, Select, Text, cast, select, type_coerce
from sqlalchemy.types import NullType

from app.calendar import utc_date
from app.models import AuditEntry, Sample, SampleArchive, SampleSeal, SealCut, SealHead
from app.seal_faults import FaultKind, SealFault
from app.seal_samples import Checked, Period, sample_faults
from app.services.retention import ARCHIVED, CUT
from app.services.seal_anchors import ANCHORED
from app.storage.archive import DAY_MS
from telemetry.sealing import COLUMNS, NO_HASH, SPAN_MS, TEXTS

_FETCHED_AT_ONCE = 1_000
#: Times at which there is no sample: a period without a beginning or an end.
_BEGINNING_MS, _END_MS = -(2**63), 2**63 - 1

_SEALS, _HEADS, _SAMPLES, _ENTRIES = (model.__table__ for model in (SampleSeal, SealHead, Sample, AuditEntry))
_CUTS, _ARCHIVES = SealCut.__table__, SampleArchive.__table__
_FILES = cast(_ARCHIVES.c.files, Text).label("files")


def faults(
    connection: Connection, checked: Checked, *, since_ms: int | None = None, until_ms: int | None = None
) -> Iterator[SealFault]:
    """Everything that is wrong; nothing: all samples are as they were sealed. Counts in `checked`.

    `connection` must see one state of the database. Every chain is followed from end to end; with
    `since_ms` and `until_ms` the content of blocks and samples only of [since_ms, until_ms). Chains begin
    where the audit log says that they were cut; samples of days that it says are in the archive may be gone
    unless they were restored.
    """
    yield from _chain_faults(connection, checked)
    period = (_BEGINNING_MS if since_ms is None else since_ms, _END_MS if until_ms is None else until_ms)
    absent: set[int] = set()
    yield from _read_archives(connection, absent)
    for fault in sample_faults(_blocks(connection, period), _stored_rows(connection, period), checked, period):
        day = fault.sample[0] // DAY_MS if fault.sample else None
        if fault.kind is not FaultKind.SAMPLE_MISSING or day not in absent:
            yield fault


# --- chains ---------------------------------------------------------------------------------


def _chain_faults(connection: Connection, checked: Checked) -> Iterator[SealFault]:
    heads = {row.chain: (row.number, row.hash) for row in connection.execute(_as_stored(*_HEADS.c))}
    anchors: dict[tuple[str, int], bytes] = {}
    yield from _read_anchors(connection, anchors)
    cuts: dict[str, tuple[int, bytes]] = {}
    yield from _read_cuts(connection, cuts)
    yield from _anchors_before(cuts, anchors)
    chain, number, previous = "", 0, NO_HASH
    columns = (_SEALS.c.chain, _SEALS.c.number, _SEALS.c.previous_hash, _SEALS.c.hash)
    for row in _streamed(connection, _as_stored(*columns).order_by(_SEALS.c.chain, _SEALS.c.number)):
        if row.chain != chain:
            yield from _end_faults(heads, chain, number, previous)
            chain, (number, previous) = row.chain, cuts.get(row.chain, (0, NO_HASH))
            checked.chains += 1
        checked.blocks += 1
        if not isinstance(row.number, int):
            yield SealFault(FaultKind.BLOCK_ALTERED, chain=chain, number=number + 1)
            continue
        if row.number <= cuts.get(chain, (0, NO_HASH))[0]:  # behind the cut: about to be deleted
            continue
        if row.number != number + 1:
            yield SealFault(FaultKind.BLOCK_MISSING, chain=chain, number=number + 1, last=row.number - 1)
        elif row.previous_hash != previous:
            yield SealFault(FaultKind.BLOCK_UNCHAINED, chain=chain, number=row.number)
        number, previous = row.number, row.hash
        if anchors.pop((chain, number), previous) != previous:
            yield SealFault(FaultKind.ANCHOR_BROKEN, chain=chain, number=number)
    yield from _end_faults(heads, chain, number, previous)
    for gone, head in heads.items():
        if cuts.get(gone) != head:  # a chain that nobody continues may be in the archive as a whole
            yield SealFault(FaultKind.CHAIN_CUT, chain=gone, last=head[0])
    yield from (SealFault(FaultKind.ANCHOR_BROKEN, chain=chain, number=number) for chain, number in anchors)


def _end_faults(heads: dict[str, tuple[int, bytes]], chain: str, number: int, newest: bytes) -> Iterator[SealFault]:
    """Whether a chain ends where its head says; the head is taken out of `heads`."""
    if not number:
        return
    head = heads.pop(chain, None)
    if head is None:
        yield SealFault(FaultKind.HEAD_MISSING, chain=chain, number=number)
    elif head != (number, newest):
        yield SealFault(FaultKind.CHAIN_CUT, chain=chain, number=number, last=head[0])


def _read_cuts(connection: Connection, cuts: dict[str, tuple[int, bytes]]) -> Iterator[SealFault]:
    """Where chains were cut: as the audit log says it. A cut that it does not name is none."""
    told: dict[str, tuple[int, bytes]] = {}
    for after in _told(connection, CUT):
        try:
            told |= {chain: (int(number), bytes.fromhex(digest)) for chain, (number, digest) in after["cuts"].items()}
        except (TypeError, ValueError, KeyError, AttributeError):
            yield SealFault(FaultKind.ANCHOR_UNREADABLE)
    for row in connection.execute(_as_stored(*_CUTS.c)):
        if told.get(row.chain) == (row.number, row.hash):
            cuts[row.chain] = (row.number, row.hash)
        else:
            yield SealFault(FaultKind.CUT_UNKNOWN, chain=row.chain, number=row.number)


def _anchors_before(cuts: dict[str, tuple[int, bytes]], anchors: dict[tuple[str, int], bytes]) -> Iterator[SealFault]:
    """Anchors at a cut are compared with it; those before it name blocks that are in the archive."""
    for chain, number in [*anchors]:
        cut = cuts.get(chain, (0, NO_HASH))
        if number <= cut[0]:
            digest = anchors.pop((chain, number))
            if number == cut[0] and digest != cut[1]:
                yield SealFault(FaultKind.ANCHOR_BROKEN, chain=chain, number=number)


def _read_archives(connection: Connection, absent: set[int]) -> Iterator[SealFault]:
    """The days that are in the archive and not wholly in the database: those whose files the audit log names."""
    told = {(after.get("day"), _canonical(after.get("files"))) for after in _told(connection, ARCHIVED)}
    known = set()
    for row in connection.execute(_as_stored(_ARCHIVES.c.day, _ARCHIVES.c.restored_at_ms).add_columns(_FILES)):
        archive = (row.day, _canonical(row.files))
        known.add(row.day)
        if archive not in told:
            yield SealFault(FaultKind.ARCHIVE_UNKNOWN, chain=_named(row.day))
        elif row.restored_at_ms is None:
            absent.add(row.day)
    for day, _files in told:
        if day not in known:
            yield SealFault(FaultKind.ARCHIVE_MISSING, chain=_named(day))


def _canonical(files: object) -> str:
    """The same text for the same files, whether they come as JSON or as what it says."""
    try:
        return json.dumps(json.loads(files) if isinstance(files, str) else files, sort_keys=True)
    except ValueError:
        return str(files)


def _named(day: object) -> str:
    try:
        return utc_date(day) if isinstance(day, int) else str(day)
    except (OverflowError, ValueError, OSError):
        return str(day)


def _told(connection: Connection, action: str) -> Iterator[dict[str, Any]]:
    """`after` of each entry of the audit log with this action, in order; {} for what is none any more."""
    wanted = select(cast(_ENTRIES.c.after, Text)).where(_ENTRIES.c.action == action).order_by(_ENTRIES.c.number)
    for (after,) in connection.execute(wanted):
        try:
            found = json.loads(after)
        except (TypeError, ValueError):
            found = None
        yield found if isinstance(found, dict) else {}


def _read_anchors(connection: Connection, anchors: dict[tuple[str, int], bytes]) -> Iterator[SealFault]:
    """What the audit log says about blocks. An entry that cannot be read is a fault of the log."""
    for after in _told(connection, ANCHORED):
        try:
            for chain, (number, digest) in after["heads"].items():
                anchors[chain, int(number)] = bytes.fromhex(digest)
        except (TypeError, ValueError, KeyError, AttributeError):
            yield SealFault(FaultKind.ANCHOR_UNREADABLE)


# --- rows -----------------------------------------------------------------------------------


def _blocks(connection: Connection, period: Period) -> Iterator[Row[*tuple[Any, ...]]]:
    since_ms, until_ms = period
    wanted = _as_stored(*_SEALS.c).order_by(_SEALS.c.first_ms, _SEALS.c.id)
    if since_ms > _BEGINNING_MS:
        wanted = wanted.where(_SEALS.c.first_ms > since_ms - SPAN_MS)
    if until_ms < _END_MS:
        wanted = wanted.where(_SEALS.c.first_ms < until_ms)
    return _streamed(connection, wanted)


def _stored_rows(connection: Connection, period: Period) -> Iterator[Row[*tuple[Any, ...]]]:
    """Samples in the order of their keys. Texts as they lie in the file: what was altered may be none any more."""
    is_sqlite = connection.dialect.name == "sqlite"
    columns = [
        cast(_SAMPLES.c[name], LargeBinary).label(name) if is_sqlite and name in TEXTS else _SAMPLES.c[name]
        for name in COLUMNS
    ]
    wanted = _as_stored(*columns).order_by(_SAMPLES.c.timestamp_ms, _SAMPLES.c.vehicle, _SAMPLES.c.seq)
    since_ms, until_ms = period
    if since_ms > _BEGINNING_MS:
        wanted = wanted.where(_SAMPLES.c.timestamp_ms >= since_ms)
    if until_ms < _END_MS:
        wanted = wanted.where(_SAMPLES.c.timestamp_ms < until_ms)
    return _streamed(connection, wanted)


def _as_stored(*columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    return select(*(type_coerce(column, NullType()).label(column.key) for column in columns))


def _streamed(connection: Connection, query: Any) -> Iterator[Row[*tuple[Any, ...]]]:
    return iter(connection.execute(query.execution_options(yield_per=_FETCHED_AT_ONCE)))
