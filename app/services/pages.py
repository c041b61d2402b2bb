"""Pages of lists, read by keyset: a page begins after the last row of the one before.

So what comes and goes meanwhile moves nothing: no row is shown twice, and none is passed over.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, literal, or_, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.errors import InvalidChange

_T = TypeVar("_T")
_Other = TypeVar("_Other")
_Key: TypeAlias = str | int

#: How many rows are read at once where only looking at each tells whether it is wanted.
_READ_AT_ONCE = 500
_LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """Items in their order, and the cursor of the next page (None: this was the last)."""

    items: list[_T]
    next_cursor: str | None

    def map(self, read: Callable[[_T], _Other]) -> Page[_Other]:
        """The same page of what `read` makes of each item."""
        return Page([read(item) for item in self.items], self.next_cursor)


def read_page(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    *keys: InstrumentedAttribute[Any],
    limit: int,
    cursor: str | None,
    newest_first: bool = False,
) -> Page[tuple[Any, ...]]:
    """At most `limit` rows of a statement in the order of `keys`, which are unique together.

    Raises InvalidChange for a cursor that no page gave.
    """
    order = [key.desc() if newest_first else key.asc() for key in keys]
    asked = statement.add_columns(*keys).order_by(*order).limit(limit + 1)
    if cursor is not None:
        last = _read(cursor, [key.type.python_type for key in keys])
        asked = asked.where(_lies_after(keys, last, newest_first=newest_first))
    rows = list(session.execute(asked).unique())
    next_cursor = _written(rows[limit - 1][-len(keys) :]) if len(rows) > limit else None
    return Page([tuple(row[: -len(keys)]) for row in rows[:limit]], next_cursor)


def page_among(
    read: Callable[[int, str | None], Page[_T]],
    is_wanted: Callable[[_T], bool] | None,
    keys: Callable[[_T], Sequence[_Key]],
    *,
    limit: int,
    cursor: str | None,
) -> Page[_T]:
    """A page of the items that are wanted (None: all), where no query can tell which these are.

    `read` gives all items page by page, at most so many after a cursor, in the order of `keys`.
    """
    if is_wanted is None:
        return read(limit, cursor)
    found: list[_T] = []
    while len(found) <= limit:
        page = read(_READ_AT_ONCE, cursor)
        found += filter(is_wanted, page.items)
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    return _cut(found, keys, limit)


def page_in(
    items: Iterable[_T],
    key: Callable[[_T], int],
    *,
    limit: int,
    cursor: str | None,
    newest_first: bool = False,
) -> Page[_T]:
    """A page of a list that is there as a whole, for instance one object's history, in the order of `key`."""
    ordered = sorted(items, key=key, reverse=newest_first)
    if cursor is not None:
        (last,) = _read(cursor, [int])
        ordered = [item for item in ordered if (key(item) < int(last) if newest_first else key(item) > int(last))]
    return _cut(ordered, lambda item: (key(item),), limit)


def holds(text: str, *columns: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Whether the text stands in one of the columns, in upper or lower case."""
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


def _cut(items: list[_T], keys: Callable[[_T], Sequence[_Key]], limit: int) -> Page[_T]:
    return Page(items[:limit], _written(keys(items[limit - 1])) if len(items) > limit else None)


def _lies_after(
    keys: Sequence[InstrumentedAttribute[Any]], last: Sequence[_Key], *, newest_first: bool
) -> ColumnElement[bool]:
    here = tuple_(*keys)
    there = tuple_(*(literal(value, key.type) for key, value in zip(keys, last, strict=True)))
    return here < there if newest_first else here > there


def _written(keys: Sequence[_Key]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(list(keys))).rstrip(b"=").decode()


def _read(cursor: str, types: Sequence[type]) -> list[_Key]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=list[str | int])
    except ValueError as error:  # no base64, no JSON, no text
        raise _foreign() from error
    if [type(value) for value in found] != list(types) or not all(map(_can_be_stored, found)):
        raise _foreign()
    return found


def _can_be_stored(value: _Key) -> bool:
    """Whether a database takes it as a value: PostgreSQL knows no NUL, neither has larger numbers."""
    return "\0" not in value if isinstance(value, str) else -_LARGEST_KEY <= value <= _LARGEST_KEY


def _foreign() -> InvalidChange:
    return InvalidChange("no page of this list gave this cursor", field="cursor")
