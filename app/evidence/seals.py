"""The seals of a bundle's samples: their blocks, and the shortest way from each to an anchor in the audit log."""

from __future__ import annotations

import base64
import bisect
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from app.audit import HASHED
from app.errors import InvalidChange
from app.evidence.scope import MOST_BYTES, Scope
from app.models import AuditEntry, SampleSeal
from app.services.seal_anchors import ANCHORED, SUBJECT
from telemetry.sealing import SPAN_MS, BlockContent, SampleKey, content_hash, entries_of

_SEALS = SampleSeal.__table__
_FETCHED_AT_ONCE = 200


class NotAnchoredYet(Exception):
    """A block lies after the newest anchor of its chain."""


@dataclass(slots=True)
class Proof:
    """`blocks` as they stand in the bundle, chain by chain; `anchors`: entries of the audit log."""

    blocks: list[dict[str, Any]] = field(default_factory=list)
    anchors: list[dict[str, Any]] = field(default_factory=list)


def proof_of(connection: Connection, scope: Scope, keys: Collection[SampleKey], *, is_last_try: bool) -> Proof:
    """The seals of these samples. Raises NotAnchoredYet, and InvalidChange when they are too many.

    `is_last_try`: what cannot be anchored has lost its head, and stands in the bundle as it is: verification
    tells of it.
    """
    needed: dict[str, list[int]] = {}
    for chain, number in _blocks_with(connection, scope, set(keys)):
        needed.setdefault(chain, []).append(number)
    anchors = anchors_of(connection, needed)
    proof, used, size = Proof(), set[int](), 0
    for chain, numbers in sorted(needed.items()):
        heads = anchors.get(chain, [])
        for first, last, entry in stretches(sorted(numbers), heads, is_last_try=is_last_try):
            used.update(entry)
            for row in _stretch(connection, chain, first, last):
                block = _told(row, is_whole=row.number in numbers)
                size += len(block.get("keys", "")) + len(block.get("digests", "")) + 300
                if size > MOST_BYTES:
                    raise InvalidChange("too many seals for one bundle", code="bundle_too_large", field="before_s")
                proof.blocks.append(block)
    proof.anchors = list(_entries(connection, used))
    return proof


def told_entry(row: Any) -> dict[str, Any]:
    """A row of the audit log with everything that its hash covers."""
    told = {name: getattr(row, name) for name in HASHED}
    return told | {"previous_hash": row.previous_hash.hex(), "hash": row.hash.hex()}


def _blocks_with(connection: Connection, scope: Scope, keys: set[SampleKey]) -> Iterator[tuple[str, int]]:
    """Chain and number of each block that holds one of the samples."""
    wanted = select(_SEALS).where(_SEALS.c.first_ms > scope.since_ms - SPAN_MS, _SEALS.c.first_ms < scope.until_ms)
    for row in connection.execute(wanted.execution_options(yield_per=_FETCHED_AT_ONCE)):
        content = BlockContent(row.first_ms, row.sample_count, row.keys, row.digests)
        try:
            entries = entries_of(content)
        except ValueError:  # altered: its samples will be found unsealed
            continue
        if any(key in keys for key, _ in entries):
            yield row.chain, row.number


def anchors_of(connection: Connection, chains: Collection[str]) -> dict[str, list[tuple[int, int]]]:
    """(number of the anchored block, number of the entry) of each of these chains, in order."""
    table = AuditEntry.__table__
    wanted = (
        select(table.c.number, table.c.after)
        .where(table.c.subject_type == SUBJECT.type, table.c.subject_id == SUBJECT.id, table.c.action == ANCHORED)
        .order_by(table.c.number)
        .execution_options(yield_per=_FETCHED_AT_ONCE)
    )
    found: dict[str, list[tuple[int, int]]] = {chain: [] for chain in chains}
    for entry, after in connection.execute(wanted):
        for chain, (number, _digest) in after["heads"].items():
            if chain in found and (not found[chain] or found[chain][-1][0] < number):
                found[chain].append((number, entry))
    return found


def stretches(
    numbers: Sequence[int], heads: Sequence[tuple[int, int]], *, is_last_try: bool
) -> Iterator[tuple[int, int, Sequence[int]]]:
    """(first block, last block, entry that names the last) of each part of a chain that leads to an anchor."""
    start = 0
    while start < len(numbers):
        place = bisect.bisect_left(heads, (numbers[start], 0))
        if place < len(heads):
            last, entry = heads[place]
            yield numbers[start], last, [entry]
            start = bisect.bisect_right(numbers, last)
        elif is_last_try:
            yield numbers[start], numbers[-1], []
            return
        else:
            raise NotAnchoredYet


def _stretch(connection: Connection, chain: str, first: int, last: int) -> Iterator[Row[*tuple[Any, ...]]]:
    wanted = select(_SEALS).where(_SEALS.c.chain == chain, _SEALS.c.number.between(first, last))
    ordered = wanted.order_by(_SEALS.c.number).execution_options(yield_per=_FETCHED_AT_ONCE)
    with connection.execute(ordered) as rows:
        yield from rows


def _told(row: Row[*tuple[Any, ...]], *, is_whole: bool) -> dict[str, Any]:
    """A block with its content, or with the hash of its content."""
    told = {
        "chain": row.chain,
        "number": row.number,
        "format": row.format,
        "sealed_at_ms": row.sealed_at_ms,
        "count": row.sample_count,
        "previous_hash": row.previous_hash.hex(),
        "hash": row.hash.hex(),
    }
    if is_whole:
        return told | {"keys": _encoded(row.keys), "digests": _encoded(row.digests)}
    content = BlockContent(row.first_ms, row.sample_count, row.keys, row.digests)
    return told | {"content_hash": _encoded(content_hash(content))}


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _entries(connection: Connection, numbers: Collection[int]) -> Iterator[dict[str, Any]]:
    table = AuditEntry.__table__
    rows = connection.execute(select(table).where(table.c.number.in_(numbers)).order_by(table.c.number))
    return map(told_entry, rows)
