"""Are these samples those that these blocks sealed? Wherever both lie: in the database, or in the archive.

Blocks and samples are read side by side in the order of time, each once. Values are taken as they lie
there: what was altered may be of any type. Memory is bounded by the blocks whose samples lie in the same minute.
"""

from __future__ import annotations

import heapq
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.seal_faults import FaultKind, SealFault
from telemetry.sealing import BlockContent, SampleKey, block_hash, digest_of, entries_of

#: So many altered samples are kept, to see whether a later one was exchanged with one of them.
_COMPARED = 64

#: [since_ms, until_ms): only what lies in it is compared.
Period = tuple[int, int]
#: A row of the table `sample_seals` by the names of its columns.
SealRow = Any


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


def sample_faults(
    blocks: Iterator[SealRow], rows: Iterator[Sequence[Any]], checked: Checked, period: Period
) -> Iterator[SealFault]:
    """Both ways through time at once: what is sealed and what is stored. Counts samples in `checked`.

    `blocks` are in the order of `first_ms`, `rows` are telemetry.sealing.COLUMNS in the order of their keys.
    """
    altered: deque[tuple[Sequence[Any], _Sealed]] = deque(maxlen=_COMPARED)
    sealed = _Ordered(blocks, period)
    for row in rows:
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

    def __init__(self, blocks: Iterator[SealRow], period: Period) -> None:
        self._blocks = blocks
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

    def _open_block(self, row: SealRow) -> None:
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


def _is_later(first_ms: Any, time_ms: int) -> bool:
    return isinstance(first_ms, int) and first_ms > time_ms


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
