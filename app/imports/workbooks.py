"""XLSX: an archive of XML, so it is measured before it is opened. Formulas are kept as such and never run."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from defusedxml.common import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from app.imports.sheets import MAX_COLUMNS, MAX_ROWS, Cell, Formula, SheetRow, UnreadableFile

_MAX_PARTS = 500
_MAX_UNPACKED_BYTES = 24 * 1024 * 1024
#: XML of spreadsheets packs well, but not better than this.
_MAX_RATIO = 120
_FORMULA = "f"
_WORKBOOK = "xl/workbook.xml"

assert openpyxl.DEFUSEDXML, "openpyxl must read uploads with defusedxml"


def read_workbook(content: bytes) -> list[SheetRow]:
    """The rows of the first sheet. Raises UnreadableFile, also for an archive that is a bomb."""
    _refuse_bombs(content)
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        try:
            return list(_rows(book.worksheets[0]))
        finally:
            book.close()
    except DefusedXmlException as error:
        raise UnreadableFile("the file defines XML entities", code="file_bomb") from error
    except (
        InvalidFileException,
        ParseError,
        zipfile.BadZipFile,
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
        OSError,
        EOFError,
    ) as error:
        # What openpyxl raises at a damaged file is whatever the damage leads to.
        raise UnreadableFile("the workbook is damaged", code="file_broken") from error


def _refuse_bombs(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile as error:
        raise UnreadableFile("the workbook is damaged", code="file_broken") from error
    # zipfile never unpacks more of a part than its entry states: the statements can be relied on.
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if len(parts) > _MAX_PARTS or unpacked > _MAX_UNPACKED_BYTES or unpacked > _MAX_RATIO * max(packed, 1):
        raise UnreadableFile("the file unpacks to too much", code="file_bomb")
    if all(part.filename != _WORKBOOK for part in parts):
        raise UnreadableFile("an archive, but no workbook", code="file_no_spreadsheet")


def _rows(sheet: Any) -> Iterator[SheetRow]:
    sheet.reset_dimensions()  # they are only claimed
    rows = sheet.iter_rows(max_row=MAX_ROWS + 2, max_col=MAX_COLUMNS + 1)
    for line, row in enumerate(rows, 1):
        yield SheetRow(line, tuple(_cell(cell) for cell in row))


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == _FORMULA:
        return Formula(str(getattr(value, "text", value)))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
