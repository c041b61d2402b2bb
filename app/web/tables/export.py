"""A whole table as a file: CSV or XLSX of every row that the filters leave.

Spreadsheets run a cell that begins like a formula. Such a text, unless it is a plain number, gets an
apostrophe before it in CSV; in XLSX it is marked as a text, as a person does with an apostrophe, and stays
what it is.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import IO

from flask import Response
from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from app.calendar import wall_time
from app.errors import InvalidChange
from app.web.tables.definition import TIMES, CellValue, Column, Kind, Table, cell_text
from app.web.tables.rows import Ask, Row
from app.web.times import SHANGHAI_OFFSET

#: Full-width signs too: spreadsheets of East Asia take them for the narrow ones.
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_SHEET_ROWS = 1_048_575  # the format's bound, less the header
_IN_MEMORY_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16
_WIDEST_CHARACTERS = 60


class ExportFormat(StrEnum):
    """Files that a table can become."""

    CSV = "csv"
    XLSX = "xlsx"


_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def export(table: Table[Row], ask: Ask, form: ExportFormat) -> Response:
    """Every row that the ask selects, as a download.

    Written to a temporary file first, so that a fault is an error and not half a file. Raises
    InvalidChange when the rows do not fit into a sheet.
    """
    if form is ExportFormat.XLSX and table.source.count(ask) > _SHEET_ROWS:
        raise InvalidChange("The table has more rows than a spreadsheet can hold: narrow it, or take CSV.")
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 -- closed by its answer
    try:
        (_write_csv if form is ExportFormat.CSV else _write_xlsx)(table, ask, file)
    except BaseException:
        file.close()
        raise
    size_bytes = file.tell()
    file.seek(0)
    answer = Response(_chunks(file), mimetype=None, content_type=_TYPES[form])
    answer.content_length = size_bytes
    answer.headers["Content-Disposition"] = f'attachment; filename="{table.name}.{form}"'
    answer.call_on_close(file.close)  # also when nobody reads it to the end
    return answer


def harmless(text: str) -> str:
    """The text as a spreadsheet may have it in CSV: never a formula."""
    return f"'{text}" if _is_like_a_formula(text) else text


def _is_like_a_formula(text: str) -> bool:
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None


def _write_csv(table: Table[Row], ask: Ask, file: IO[bytes]) -> None:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)  # Excel knows UTF-8 by its BOM
    writer = csv.writer(text)
    writer.writerow(harmless(_title(column)) for column in table.columns)
    for row in table.source.rows(ask):
        writer.writerow(_csv_cell(column, row) for column in table.columns)
    text.detach()


def _csv_cell(column: Column[Row], row: Row) -> str | int | float:
    value = column.value(row)
    if column.kind is Kind.NUMBER and isinstance(value, int | float):
        return round(value, column.decimals) if column.decimals else value
    return harmless(cell_text(column, row))


def _write_xlsx(table: Table[Row], ask: Ask, file: IO[bytes]) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", table.caption)[:31] or table.name)
    sheet.freeze_panes = "A2"
    for number, column in enumerate(table.columns, 1):
        width = max(12, 2 * len(_title(column)) + 2)
        sheet.column_dimensions[get_column_letter(number)].width = min(width, _WIDEST_CHARACTERS)
    sheet.append([_text_cell(sheet, _title(column), bold=True) for column in table.columns])
    for row in table.source.rows(ask):
        sheet.append([_sheet_cell(sheet, column, row) for column in table.columns])
    book.save(file)


def _sheet_cell(sheet: WriteOnlyWorksheet, column: Column[Row], row: Row) -> Cell | CellValue | datetime:
    value = column.value(row)
    if value is None:
        return None
    if column.kind is Kind.NUMBER and isinstance(value, int | float):
        return _number_cell(sheet, value, column.decimals)
    if column.kind in TIMES and isinstance(value, int):
        return wall_time(value).replace(tzinfo=None)  # sheets know no zones: the title says which
    if isinstance(value, date):
        return value
    return _text_cell(sheet, cell_text(column, row))


def _number_cell(sheet: WriteOnlyWorksheet, number: float, decimals: int) -> Cell:
    cell = WriteOnlyCell(sheet, value=number)
    if decimals:
        cell.number_format = f"0.{'0' * decimals}"  # shown as on the page; the cell holds all of it
    return cell


def _text_cell(sheet: WriteOnlyWorksheet, text: str, *, bold: bool = False) -> Cell:
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", text))
    cell.data_type = "s"  # a string whatever it looks like,
    cell.quotePrefix = _is_like_a_formula(text)  # also when somebody edits it
    if bold:
        cell.font = Font(bold=True)
    return cell


def _title(column: Column[Row]) -> str:
    return f"{column.heading} ({SHANGHAI_OFFSET})" if column.kind in TIMES else column.heading


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
