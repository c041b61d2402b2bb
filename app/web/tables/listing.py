"""One page of a table, ready for its template: cells, links that sort and turn pages, filters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from app.web.tables.definition import CellValue, Column, Kind, Table, cell_text
from app.web.tables.rows import Ask, Row

#: Pages beside the current one that are offered as numbers.
#: Texts up to this length without a space stay on one line; those beyond the other get a wide column.
_WORD_CHARACTERS, _LONG_CHARACTERS = 16, 80
_NEIGHBOURS = 2


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's head. `order` is the value of aria-sort: empty where the reader cannot sort."""

    title: str
    kind: Kind
    order: str
    sort_url: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows; `value` is what the text was made of."""

    text: str
    value: CellValue
    kind: Kind
    title: str
    link: str
    note: str

    @property
    def is_long(self) -> bool:
        """Whether it needs a wide column: a list of names, a sentence."""
        return len(self.text) > _LONG_CHARACTERS

    @property
    def is_word(self) -> bool:
        """Whether it is read as one word, such as a number of a permit, and so is never broken at its hyphens."""
        return _is_word(self.text)

    @property
    def has_word_note(self) -> bool:
        """Whether the note is such a word, for example a plate."""
        return _is_word(self.note)


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter with what is chosen."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: str


@dataclass(frozen=True, slots=True)
class PageLink:
    """A page to turn to; number 0 stands for pages left out."""

    number: int
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a table. `kept` are the parameters that the filter form repeats, as (name, value).

    `sorts` is the choice of an order for screens that are too narrow for headings.
    """

    name: str
    caption: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    total: int
    first: int
    last: int
    search_name: str
    search: str
    is_searchable: bool
    choices: Sequence[Choice]
    sorts: Choice
    kept: Sequence[tuple[str, str]]
    is_filtered: bool
    clear_url: str
    pages: Sequence[PageLink]
    previous_url: str
    next_url: str
    exports: Sequence[tuple[str, str]]
    empty_text: str


def listing(table: Table[Row], query: MultiDict[str, str], path: str) -> Listing:
    """The page that the query asks for; `path` is where the links lead."""
    ask, source, links = table.ask(query), table.source, _Links(path, query, table.prefix)
    total = source.count(ask)
    count = max(1, math.ceil(total / table.page_size))
    number = min(max(query.get(f"{table.prefix}page", 1, type=int), 1), count)
    offset = (number - 1) * table.page_size
    rows = [_cells(table.shown, row) for row in source.rows(ask, offset=offset, limit=table.page_size)]
    names = {f"{table.prefix}q", *(table.prefix + filter_.key for filter_ in table.filters)}
    return Listing(
        name=table.name,
        caption=table.caption,
        headings=[_heading(table, column, ask, links) for column in table.shown],
        rows=rows,
        total=total,
        first=offset + 1 if rows else 0,
        last=offset + len(rows),
        search_name=f"{table.prefix}q",
        search=ask.text,
        is_searchable=table.searchable,
        choices=[
            Choice(table.prefix + each.key, each.label, each.options, ask.filters.get(each.key, ""))
            for each in table.filters
        ],
        sorts=_sorts(table, ask),
        kept=links.kept(without={*names, f"{table.prefix}sort"}),
        is_filtered=bool(ask.text or ask.filters),
        clear_url=links.url(**dict.fromkeys(names, "")),
        pages=[PageLink(page, links.page(page) if page else "", page == number) for page in _offered(number, count)],
        previous_url=links.page(number - 1) if number > 1 else "",
        next_url=links.page(number + 1) if number < count else "",
        exports=[(form.upper(), links.url(**{f"{table.prefix}export": form})) for form in ("csv", "xlsx")],
        empty_text=table.empty_text,
    )


@dataclass(frozen=True, slots=True)
class _Links:
    """Addresses of the same page that change some parameters and keep the others."""

    path: str
    query: MultiDict[str, str]
    prefix: str

    def kept(self, *, without: Iterable[str] = ()) -> list[tuple[str, str]]:
        """The parameters of the query but for these, the page and the export."""
        dropped = {*without, f"{self.prefix}page", f"{self.prefix}export"}
        return [(name, value) for name, value in self.query.items(multi=True) if name not in dropped and value]

    def url(self, **changes: str) -> str:
        """The page with these parameters; an empty one is left out."""
        changed = [(name, value) for name, value in changes.items() if value]
        query = urlencode(self.kept(without=changes) + changed)
        return f"{self.path}?{query}" if query else self.path

    def page(self, number: int) -> str:
        """Another page of the table."""
        return self.url(**{f"{self.prefix}page": str(number) if number > 1 else ""})


def _heading(table: Table[Row], column: Column[Row], ask: Ask, links: _Links) -> Heading:
    if not table.sorts_by(column):
        return Heading(column.heading, column.kind, "", "")
    is_chosen = column.key == ask.sort
    order = ("descending" if ask.descending else "ascending") if is_chosen else "none"
    wanted = f"-{column.key}" if is_chosen and not ask.descending else column.key
    return Heading(column.heading, column.kind, order, links.url(**{f"{table.prefix}sort": wanted}))


def _sorts(table: Table[Row], ask: Ask) -> Choice:
    options = [
        (sign + column.key, f"{column.title} {arrow}")
        for column in table.shown
        if table.sorts_by(column)
        for sign, arrow in (("", "↑"), ("-", "↓"))
    ]
    return Choice(f"{table.prefix}sort", "", options, ("-" if ask.descending else "") + ask.sort)


def _cells(columns: Sequence[Column[Row]], row: Row) -> list[Cell]:
    return [
        Cell(
            text=cell_text(column, row),
            value=column.value(row),
            kind=column.kind,
            title=column.heading,
            link=(column.link(row) or "") if column.link is not None else "",
            note=column.note(row) if column.note is not None else "",
        )
        for column in columns
    ]


def _is_word(text: str) -> bool:
    return len(text) <= _WORD_CHARACTERS and not any(map(str.isspace, text))


def _offered(number: int, count: int) -> list[int]:
    """Page numbers to offer: the first, the last, those around the current; 0 for a gap."""
    wanted = {1, count, *range(number - _NEIGHBOURS, number + _NEIGHBOURS + 1)}
    offered: list[int] = []
    for page in sorted(page for page in wanted if 1 <= page <= count):
        if offered and page - offered[-1] > 1:
            offered.append(0)
        offered.append(page)
    return offered
