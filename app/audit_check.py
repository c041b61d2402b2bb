"""Is the audit log as it was written? Every entry is read once more, whatever has been made of it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Text, cast, select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from app.audit import HASHED, content_hash
from app.errors import InvalidChange
from app.models import AuditEntry, AuditHead

_FETCHED_AT_ONCE = 500
_NO_HASH = bytes(32)
_JSON_COLUMNS = ("before", "after")


@dataclass(frozen=True, slots=True)
class Anchor:
    """Number and hash of an entry, kept outside of the platform: what was before it cannot be made anew unseen."""

    number: int
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """`12:4fe0...`. Raises InvalidChange."""
        number, _colon, digest = text.strip().partition(":")
        try:
            found = cls(int(number), bytes.fromhex(digest))
        except ValueError as error:
            raise InvalidChange("an anchor is NUMBER:HASH, as the audit page shows it") from error
        if found.number < 0 or len(found.hash) != len(_NO_HASH):
            raise InvalidChange("an anchor is NUMBER:HASH, as the audit page shows it")
        return found

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"


def newest_anchor(session: Session) -> Anchor | None:
    """What the log's head says now; None: it is gone."""
    head = session.scalars(select(AuditHead)).one_or_none()
    return None if head is None else Anchor(head.number, bytes(head.hash))


def faults(session: Session, expected: Anchor | None = None) -> Iterator[str]:
    """Everything that is wrong with the log, in order, each naming the entry; nothing: it is whole.

    `session` must see one state of the database. Without an anchor a log that was cut off, or made
    anew from some entry on, and its head with it, looks whole: `expected` shows it.
    """
    previous, number = _NO_HASH, 0
    is_anchor_met = expected is None or (expected.number == 0 and expected.hash == _NO_HASH)
    for row in _rows(session):
        if row["number"] != number + 1:
            yield _gap(number, row["number"])
        elif row["previous_hash"] != previous:
            yield f"entry {row['number']} does not follow the entry before it"
        if not _is_genuine(row):
            yield f"entry {row['number']} was altered"
        previous, number = row["hash"], row["number"]
        if expected is not None and number == expected.number and previous == expected.hash:
            is_anchor_met = True
    head = newest_anchor(session)
    if head is None:
        yield "the head of the log is missing"
    elif (head.number, head.hash) != (number, previous):
        yield f"the log ends with entry {number}, but its head names entry {head.number}"
    if not is_anchor_met and expected is not None:
        yield f"entry {expected.number} is not the one that was written down: the log was cut off or made anew"


def _rows(session: Session) -> Iterator[Mapping[str, Any]]:
    """The entries as they are stored: what was altered may be of another type, or no JSON any more."""
    table = AuditEntry.__table__
    columns = [
        (cast(column, Text) if column.key in _JSON_COLUMNS else type_coerce(column, NullType())).label(column.key)
        for column in table.columns
    ]
    wanted = select(*columns).order_by(table.c.number).execution_options(yield_per=_FETCHED_AT_ONCE)
    yield from (dict(row) for row in session.execute(wanted).mappings())


def _gap(last: int, found: Any) -> str:
    if not isinstance(found, int) or found <= last:
        return f"entry {found} does not belong to the log"
    if found == last + 2:
        return f"entry {last + 1} is missing"
    return f"entries {last + 1} to {found - 1} are missing"


def _is_genuine(row: Mapping[str, Any]) -> bool:
    """Whether its hash is that of its content. What cannot even be read is not what was written."""
    try:
        content = {name: row[name] for name in HASHED}
        content |= {name: None if row[name] is None else json.loads(row[name]) for name in _JSON_COLUMNS}
        computed = content_hash(content | {"previous_hash": row["previous_hash"].hex()})
        return hmac.compare_digest(computed, row["hash"])
    except (AttributeError, TypeError, ValueError):
        return False
