"""An uploaded spreadsheet as rows of text, whatever file it came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.errors import InvalidChange

MAX_ROWS = 5_000
MAX_COLUMNS = 100
MAX_CELL_CHARACTERS = 10_000


class UnreadableFile(InvalidChange):
    """A file that is no spreadsheet, or not one that we open; its `code` says why."""

    def __init__(self, message: str, *, code: str, **params: object) -> None:
        super().__init__(message, code=code, field="file", **params)


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell that would compute something. It is shown as what is wrong, and never evaluated."""

    text: str


Cell = str | Formula


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row; `line` is its number as spreadsheets count, from 1."""

    line: int
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The first row that is not empty, and the others."""

    header: Sequence[str]
    rows: Sequence[SheetRow]


def sheet_of(rows: Iterable[SheetRow]) -> Sheet:
    """The sheet of these rows, without the empty ones. Raises UnreadableFile when there are none, or too many."""
    full: list[SheetRow] = []
    for row in rows:
        cells = tuple(cell.strip() if isinstance(cell, str) else cell for cell in row.cells)
        if any(cells):
            full.append(SheetRow(row.line, cells))
        if len(full) > MAX_ROWS + 1:
            raise UnreadableFile(f"more than {MAX_ROWS} rows", code="file_too_many_rows", limit=MAX_ROWS)
    if not full:
        raise UnreadableFile("the file has no rows", code="file_empty")
    _refuse_oversized(full)
    header = [cell if isinstance(cell, str) else cell.text for cell in full[0].cells]
    while header and not header[-1]:
        header.pop()
    return Sheet(header, full[1:])


def _refuse_oversized(rows: Iterable[SheetRow]) -> None:
    for row in rows:
        if len(row.cells) > MAX_COLUMNS and any(row.cells[MAX_COLUMNS:]):
            raise UnreadableFile(f"more than {MAX_COLUMNS} columns", code="file_too_many_columns", limit=MAX_COLUMNS)
        if any(isinstance(cell, str) and len(cell) > MAX_CELL_CHARACTERS for cell in row.cells):
            raise UnreadableFile(f"a cell of line {row.line} is too long", code="file_cell_too_long", line=row.line)
