"""CSV as people really send it: with or without a byte-order mark, in UTF-8, UTF-16 or a Chinese encoding."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Iterator

from app.imports.headings import heading
from app.imports.sheets import MAX_ROWS, SheetRow, UnreadableFile

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Without a mark: UTF-8 if it can be, else GB 18030, of which GBK and GB 2312 are parts.
_GUESSES = ("utf-8", "gb18030")
_DELIMITERS = (",", ";", "\t")


def read_delimited(content: bytes, headings: Collection[str]) -> list[SheetRow]:
    """The rows of a CSV file. Its delimiter is the one that yields most of the known headings."""
    text = decoded(content)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=lambda each: _known(first, each, headings))
    try:
        return list(_rows(text, delimiter))
    except csv.Error as error:
        raise UnreadableFile(f"the CSV is broken: {error}", code="file_broken") from error


def decoded(content: bytes) -> str:
    """The text of a file. Raises UnreadableFile when it is in no encoding that we read."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _readable(_decode(content[len(mark) :], (encoding,)))
    return _readable(_decode(content, _GUESSES))


def _decode(content: bytes, encodings: Collection[str]) -> str:
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile("neither UTF-8, UTF-16 nor GB 18030", code="file_encoding")


def _readable(text: str) -> str:
    if "\0" in text:
        raise UnreadableFile("the file is no text", code="file_no_spreadsheet")
    return text


def _known(line: str, delimiter: str, headings: Collection[str]) -> int:
    found = next(csv.reader([line], delimiter=delimiter), [])
    return sum(heading(name) in headings for name in found)


def _rows(text: str, delimiter: str) -> Iterator[SheetRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    for count, cells in enumerate(reader, 1):
        yield SheetRow(count, cells)
        if count > 10 * MAX_ROWS:
            raise UnreadableFile(f"more than {MAX_ROWS} rows", code="file_too_many_rows", limit=MAX_ROWS)
