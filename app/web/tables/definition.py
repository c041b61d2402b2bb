"""What a table is: columns, filters, and rows in memory or in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Generic

from flask_babel import format_decimal
from werkzeug.datastructures import MultiDict

from app.web.states import state_label
from app.web.tables.rows import Ask, DatabaseRows, Row, RowSource
from app.web.times import day, shanghai_seconds

CellValue = str | int | float | date | None

_LONGEST_SEARCH = 200


class Kind(StrEnum):
    """How a cell is shown. WHEN is a time in milliseconds, BADGE a state that app.web.states knows.

    CLOCK is a WHEN of a day that the page tells anyhow: it shows hours, minutes and seconds.
    """

    TEXT = "text"
    NUMBER = "number"
    WHEN = "when"
    CLOCK = "clock"
    DAY = "day"
    BADGE = "badge"
    CODE = "code"


#: Times in milliseconds: in a file they are whole.
TIMES = frozenset({Kind.WHEN, Kind.CLOCK})


@dataclass(frozen=True)  # no slots: Python 3.11 cannot make a frozen generic that has them
class Column(Generic[Row]):
    """One column. `link` leads from the cell to a page, `note` is a second line in small type.

    Numbers take `decimals` and a `unit`, which is shown in the header. Notes are not exported: what
    belongs into the file but not onto the page is a column of its own, `exported_only`.
    """

    key: str
    title: str
    value: Callable[[Row], CellValue]
    kind: Kind = Kind.TEXT
    link: Callable[[Row], str | None] | None = None
    note: Callable[[Row], str] | None = None
    sort: bool = True
    unit: str = ""
    decimals: int = 0
    exported_only: bool = False

    @property
    def heading(self) -> str:
        """The title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)  # no slots: Python 3.11 cannot make a frozen generic that has them
class Filter(Generic[Row]):
    """A choice above the table. Without `matches` it compares the column of the same key."""

    key: str
    label: str
    options: Sequence[tuple[str, str]]
    matches: Callable[[Row, str], bool] | None = None


@dataclass(frozen=True)  # no slots: Python 3.11 cannot make a frozen generic that has them
class Table(Generic[Row]):
    """A table over a sequence or over DatabaseRows. `name` is the name of exported files.

    `order` is the sort without a wish of the reader (`key`, or `-key` for descending). Two tables on
    one page need different `prefix`es.
    """

    name: str
    caption: str
    columns: Sequence[Column[Row]]
    rows: Sequence[Row] | DatabaseRows[Row]
    filters: Sequence[Filter[Row]] = ()
    order: str = ""
    page_size: int = 25
    prefix: str = ""
    searchable: bool = True
    empty_text: str = ""

    @property
    def source(self) -> RowSource[Row]:
        """What finds the rows."""
        if isinstance(self.rows, DatabaseRows):
            return self.rows
        return MemoryRows(self.rows, self.columns, self.filters)

    @property
    def shown(self) -> Sequence[Column[Row]]:
        """The columns of the page."""
        return [column for column in self.columns if not column.exported_only]

    def sorts_by(self, column: Column[Row]) -> bool:
        """Whether the reader may sort by it."""
        return column.sort and (not isinstance(self.rows, DatabaseRows) or column.key in self.rows.sort)

    def ask(self, query: MultiDict[str, str]) -> Ask:
        """What the query wants; names and values that the table does not know are left out."""
        wanted = query.get(f"{self.prefix}sort", self.order)
        key, descending = wanted.removeprefix("-"), wanted.startswith("-")
        if not any(column.key == key and self.sorts_by(column) for column in self.shown):
            key, descending = self.order.removeprefix("-"), self.order.startswith("-")
        chosen = {filter_.key: query.get(self.prefix + filter_.key, "") for filter_ in self.filters}
        known = {filter_.key: {value for value, _ in filter_.options} for filter_ in self.filters}
        return Ask(
            sort=key,
            descending=descending,
            text=query.get(f"{self.prefix}q", "").strip()[:_LONGEST_SEARCH] if self.searchable else "",
            filters={key: value for key, value in chosen.items() if value and value in known[key]},
        )


@dataclass(frozen=True)  # no slots: Python 3.11 cannot make a frozen generic that has them
class MemoryRows(Generic[Row]):
    """Rows of a sequence, sorted and filtered by what the columns show."""

    all: Sequence[Row]
    columns: Sequence[Column[Row]]
    filters: Sequence[Filter[Row]]

    def count(self, ask: Ask) -> int:
        """How many match."""
        return sum(1 for row in self.all if self._matches(row, ask))

    def rows(self, ask: Ask, *, offset: int = 0, limit: int | None = None) -> Iterable[Row]:
        """The matching ones in order; cells without a value come last either way."""
        found = [row for row in self.all if self._matches(row, ask)]
        by = next((column for column in self.columns if column.key == ask.sort), None)
        if by is not None:
            value = by.value
            full = [row for row in found if value(row) is not None]
            full.sort(key=lambda row: _sort_key(value(row)), reverse=ask.descending)
            found = full + [row for row in found if value(row) is None]
        return found[offset : None if limit is None else offset + limit]

    def _matches(self, row: Row, ask: Ask) -> bool:
        if ask.text and not any(_contains(column, row, ask.text.casefold()) for column in self.columns):
            return False
        return all(self._passes(row, filter_, ask.filters.get(filter_.key)) for filter_ in self.filters)

    def _passes(self, row: Row, filter_: Filter[Row], wanted: str | None) -> bool:
        if wanted is None:
            return True
        if filter_.matches is not None:
            return filter_.matches(row, wanted)
        column = next(column for column in self.columns if column.key == filter_.key)
        return str(column.value(row)) == wanted


def cell_text(column: Column[Row], row: Row) -> str:
    """What the cell says, in the request's language."""
    value = column.value(row)
    if value is None:
        return ""
    if column.kind is Kind.BADGE:
        return state_label(str(value))
    if column.kind is Kind.NUMBER and isinstance(value, int | float):
        return str(format_decimal(round(value, column.decimals), format=_number_format(column.decimals)))
    if column.kind in TIMES and isinstance(value, int):
        return shanghai_seconds(value)
    if column.kind is Kind.DAY and not isinstance(value, float):
        return day(value)
    return str(value)


def _number_format(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def _contains(column: Column[Row], row: Row, text: str) -> bool:
    note = column.note(row) if column.note is not None else ""
    return text in cell_text(column, row).casefold() or text in note.casefold()


def _sort_key(value: CellValue) -> Any:
    # GB 18030 keeps the everyday characters in the order of their pinyin, as readers of Chinese expect.
    return value.casefold().encode("gb18030", "replace") if isinstance(value, str) else value
