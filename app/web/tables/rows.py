"""Where the rows of a table come from: a sequence in memory, or a statement that the database sorts and cuts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

Row = TypeVar("Row")
RowOut_co = TypeVar("RowOut_co", covariant=True)

#: Something that a statement can be ordered or searched by.
Sortable = ColumnElement[Any] | InstrumentedAttribute[Any]
_FETCHED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Ask:
    """What a reader wants to see of a table; every name in it is one that the table knows."""

    sort: str = ""
    descending: bool = False
    text: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)


class RowSource(Protocol[RowOut_co]):
    """Finds the rows that an ask selects, in its order."""

    def count(self, ask: Ask) -> int:
        """How many rows there are."""

    def rows(self, ask: Ask, *, offset: int = 0, limit: int | None = None) -> Iterable[RowOut_co]:
        """The rows from `offset`, at most `limit`."""


def first_entity(row: Any) -> Any:
    """The first thing that a statement selects: the entity of `select(Vehicle)`."""
    return row[0]


@dataclass(frozen=True)  # no slots: Python 3.11 cannot make a frozen generic that has them
class DatabaseRows(Generic[Row]):
    """Rows of a statement; for tables that may outgrow memory.

    `sort` names by column key what to order by (other columns cannot be sorted), `search` the texts
    that the search box looks into, `where` by filter key the condition of a chosen value. `tiebreak`,
    a unique column, keeps pages apart. `read` makes a row of what the statement selects.
    """

    session: Session
    statement: Select[Any]
    tiebreak: Sortable
    sort: Mapping[str, Sortable] = field(default_factory=dict)
    search: Sequence[Sortable] = ()
    where: Mapping[str, Callable[[str], ColumnElement[bool]]] = field(default_factory=dict)
    read: Callable[[Any], Row] = first_entity

    def count(self, ask: Ask) -> int:
        """How many rows the database has for it."""
        chosen = self._chosen(ask).order_by(None).subquery()
        return self.session.execute(select(func.count()).select_from(chosen)).scalar_one()

    def rows(self, ask: Ask, *, offset: int = 0, limit: int | None = None) -> Iterable[Row]:
        """The rows, fetched in portions."""
        statement = self._ordered(self._chosen(ask), ask).offset(offset).limit(limit)
        found = self.session.execute(statement.execution_options(yield_per=_FETCHED_AT_ONCE))
        return (self.read(row) for row in found)

    def _chosen(self, ask: Ask) -> Select[Any]:
        statement = self.statement
        if ask.text and self.search:
            statement = statement.where(or_(*(text.icontains(ask.text, autoescape=True) for text in self.search)))
        return statement.where(*(self.where[key](value) for key, value in ask.filters.items()))

    def _ordered(self, statement: Select[Any], ask: Ask) -> Select[Any]:
        by = self.sort.get(ask.sort)
        tiebreak = self.tiebreak.desc() if ask.descending else self.tiebreak.asc()
        if by is None:
            return statement.order_by(tiebreak)
        # First the order is taken away: given together with others, None would be ORDER BY NULL.
        wanted = (by.desc() if ask.descending else by.asc()).nulls_last()
        return statement.order_by(None).order_by(wanted, tiebreak)
