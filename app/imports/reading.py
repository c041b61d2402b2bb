"""Which kind of file an upload is, told by its first bytes and not by its name."""

from __future__ import annotations

from collections.abc import Collection

from app.imports.delimited import read_delimited
from app.imports.sheets import Sheet, UnreadableFile, sheet_of
from app.imports.workbooks import read_workbook

#: Larger files are refused before they are read.
MAX_FILE_BYTES = 2 * 1024 * 1024
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


def read_sheet(content: bytes, headings: Collection[str]) -> Sheet:
    """The table in a CSV or XLSX file. `headings` are the known ones. Raises UnreadableFile."""
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableFile("the file is too large", code="file_too_large", limit="2 MiB")
    if not content.strip():
        raise UnreadableFile("the file is empty", code="file_empty")
    if content.startswith(_OLD_EXCEL):
        raise UnreadableFile("an old .xls file: save it as .xlsx or CSV", code="file_old_excel")
    if content.startswith(_ZIP):
        return sheet_of(read_workbook(content))
    return sheet_of(read_delimited(content, headings))
