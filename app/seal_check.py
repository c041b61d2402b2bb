"""Are the stored samples those that were sealed?

Chains are followed block by block; then blocks and samples are read side by side in the order of time,
each once. Values are taken as they lie in the database: what was altered may be of any type.

Memory is bounded by the blocks whose samples lie in the same minute, and by the anchors in the audit log.
"""

from __future__ import annotations

import heapq
import json
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Row, Select, Text, cast, select, type_coerce
from sqlalchemy.types import NullType

from app.models import AuditEntry, Sample, SampleArchive, SampleSeal, SealCut, SealHead
from app.seal_faults import FaultKind, SealFault
from app.services.retention import ARCHIVED, CUT
from app.services.seal_anchors import ANCHORED
from app.storage.archive import DAY_MS
from telemetry.sealing import (
    COLUMNS,
    NO_HASH,
    SPAN_MS,
    TEXTS,
    BlockContent,
    SampleKey,
    block_hash,
    digest_of,
    entries_of,
)

_FETCHED_AT_ONCE = 1_000
#: So many altered samples are kept, to see whether a later one was exchanged with one of them.
_COMPARED = 64
#: Times at which there is no sample: a period without a beginning or an end.
_BEGINNING_MS, _END_MS = -(2**63), 2**63 - 1

_SEALS, _HEADS, _SAMPLES, _ENTRIES = (model.__table__ for model in (SampleSeal, SealHead, Sample, AuditEntry))
_CUTS, _ARCHIVES = SealCut.__table__, SampleArchive.__table__


@dataclass(slots=True)
class Checked:
    """How much was looked at."""

    samples: int = 0
    blocks: int = 0
    chains: int = 0


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A sample as a block knows it; `version` is the format of its digest."""

    key: SampleKey
    digest: bytes
    version: int
    chain: str
    number: int


def faults(
    connection: Connection, checked: Checked, *, since_ms: int | None = None, until_ms: int | None = None
) -> Iterator[SealFault]:
    """Everything that is wrong; nothing: all samples are as they were sealed. Counts in `checked`.

    `connection` must see one state of the database. Every chain is followed from end to end; with
    `since_ms` and `until_ms` the content of blocks and samples only of [since_ms, until_ms). Chains begin
    where the audit log says that they were cut; samples of days that it says are in the archive may be gone.
    """
    yield from _chain_faults(connection, checked)
    period = (_BEGINNING_MS if since_ms is None else since_ms, _END_MS if until_ms is None else until_ms)
    archived: set[int] = set()
    yield from _read_archives(connection, archived)
    for fault in _sample_faults(connection, checked, period):
        day = fault.sample[0] // DAY_MS if fault.sample else None
        if fault.kind is not FaultKind.SAMPLE_MISSING or day not in archived:
            yield fault


def sample_faults(connection: Connection, checked: Checked) -> Iterator[SealFault]:
    """What is wrong between samples and blocks alone, for instance in a file of the archive."""
    yield from _sample_faults(connection, checked, (_BEGINNING_MS, _END_MS))


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


def _read_archives(connection: Connection, days: set[int]) -> Iterator[SealFault]:
    """The days that are in the archive: those whose file the audit log names."""
    told = {(after.get("file_name"), after.get("sha256")) for after in _told(connection, ARCHIVED)}
    for row in connection.execute(_as_stored(*_ARCHIVES.c)):
        digest = row.sha256.hex() if isinstance(row.sha256, bytes) else None
        if (row.file_name, digest) in told:
            days.add(row.day)
        else:
            yield SealFault(FaultKind.ARCHIVE_UNKNOWN, chain=str(row.file_name))


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


# --- samples --------------------------------------------------------------------------------


def _sample_faults(connection: Connection, checked: Checked, period: tuple[int, int]) -> Iterator[SealFault]:
    """Both ways through time at once: what is sealed and what is stored."""
    altered: deque[tuple[Sequence[Any], _Sealed]] = deque(maxlen=_COMPARED)
    sealed = _Ordered(connection, period)
    for row in _stored_rows(connection, period):
        checked.samples += 1
        key: SampleKey = tuple(row[:3])
        if not all(isinstance(part, int) for part in key):
            yield SealFault(FaultKind.SAMPLE_UNKNOWN, key)
            continue
        yield from (_of_sample(FaultKind.SAMPLE_MISSING, each) for each in sealed.before(key))
        matching = sealed.of(key)
        if not matching:
            yield SealFault(FaultKind.SAMPLE_UNKNOWN, key)
            continue
        if len(matching) > 1:
            yield _of_sample(FaultKind.SAMPLE_SEALED_TWICE, matching[-1])
        if _digest(row, matching[0].version) != matching[0].digest:
            yield _of_sample(FaultKind.SAMPLE_ALTERED, matching[0])
            yield from _exchanged(row, matching[0], altered)
            altered.append((row, matching[0]))
        yield from sealed.faults()
    yield from (_of_sample(FaultKind.SAMPLE_MISSING, each) for each in sealed.before(None))
    yield from sealed.faults()


class _Ordered:
    """The sealed samples of all blocks in the order of their keys; blocks are opened as their time comes."""

    def __init__(self, connection: Connection, period: tuple[int, int]) -> None:
        self._blocks = _blocks(connection, period)
        self._next = next(self._blocks, None)
        self._period = period
        self._open: list[tuple[SampleKey, int, _Sealed, Iterator[_Sealed]]] = []
        self._opened = 0
        self._faults: list[SealFault] = []

    def before(self, key: SampleKey | None) -> Iterator[_Sealed]:
        """Take those below the key (None: all that are left)."""
        while (first := self._first()) is not None and (key is None or first.key < key):
            yield self._take()

    def of(self, key: SampleKey) -> list[_Sealed]:
        """Take those of this key: one, if all is well."""
        found = []
        while (first := self._first()) is not None and first.key == key:
            found.append(self._take())
        return found

    def faults(self) -> list[SealFault]:
        """What was found of blocks since the last call."""
        found, self._faults = self._faults, []
        return found

    def _first(self) -> _Sealed | None:
        while self._next is not None and (not self._open or not _is_later(self._next.first_ms, self._open[0][0][0])):
            self._open_block(self._next)
            self._next = next(self._blocks, None)
        return self._open[0][2] if self._open else None

    def _take(self) -> _Sealed:
        _key, number, taken, rest = self._open[0]
        following = next(rest, None)
        if following is None:
            heapq.heappop(self._open)
        else:
            heapq.heapreplace(self._open, (following.key, number, following, rest))
        return taken

    def _open_block(self, row: Row[*tuple[Any, ...]]) -> None:
        try:
            content = BlockContent(row.first_ms, row.sample_count, row.keys, row.digests)
            entries = sorted(entries_of(content))
            digest = block_hash(row.chain, row.number, row.sealed_at_ms, content, row.previous_hash, row.format)
            is_whole = entries[0][0][0] == row.first_ms and row.hash == digest
        except (AttributeError, LookupError, TypeError, ValueError, struct.error):  # nothing that was ever written
            entries, is_whole = [], False
        if not is_whole:
            self._faults.append(SealFault(FaultKind.BLOCK_ALTERED, chain=row.chain, number=row.number))
        since_ms, until_ms = self._period
        rest = (
            _Sealed(key, digest, row.format, row.chain, row.number)
            for key, digest in entries
            if since_ms <= key[0] < until_ms
        )
        first = next(rest, None)
        if first is not None:
            self._opened += 1
            heapq.heappush(self._open, (first.key, self._opened, first, rest))


def _blocks(connection: Connection, period: tuple[int, int]) -> Iterator[Row[*tuple[Any, ...]]]:
    since_ms, until_ms = period
    wanted = _as_stored(*_SEALS.c).order_by(_SEALS.c.first_ms, _SEALS.c.id)
    if since_ms > _BEGINNING_MS:
        wanted = wanted.where(_SEALS.c.first_ms > since_ms - SPAN_MS)
    if until_ms < _END_MS:
        wanted = wanted.where(_SEALS.c.first_ms < until_ms)
    return _streamed(connection, wanted)


def _stored_rows(connection: Connection, period: tuple[int, int]) -> Iterator[Row[*tuple[Any, ...]]]:
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


def _is_later(first_ms: Any, time_ms: int) -> bool:
    return isinstance(first_ms, int) and first_ms > time_ms


def _streamed(connection: Connection, query: Any) -> Iterator[Row[*tuple[Any, ...]]]:
    return iter(connection.execute(query.execution_options(yield_per=_FETCHED_AT_ONCE)))


def _exchanged(
    row: Sequence[Any], sealed: _Sealed, before: Sequence[tuple[Sequence[Any], _Sealed]]
) -> Iterator[SealFault]:
    """Whether an altered sample holds what was sealed of another altered one, and the other way round."""
    for other_row, other in before:
        is_there = _digest((*other.key, *row[3:]), other.version) == other.digest
        if is_there and _digest((*sealed.key, *other_row[3:]), sealed.version) == sealed.digest:
            yield SealFault(FaultKind.SAMPLES_EXCHANGED, other.key, sealed.key)


def _digest(row: Sequence[Any], version: int) -> bytes | None:
    """None for what cannot even be a sample."""
    try:
        return digest_of(row, version)
    except ValueError:
        return None


def _of_sample(kind: FaultKind, sealed: _Sealed) -> SealFault:
    return SealFault(kind, sealed.key, chain=sealed.chain, number=sealed.number)
