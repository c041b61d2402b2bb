"""What an uploaded file is, told from its content: never from its name or from what the browser says."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence

import msgspec

from app.errors import InvalidChange
from app.services.file_structure import JPEG, PDF, PNG, is_sound

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GEOJSON = "application/geo+json"
CSV = "text/csv"
TEXT = "text/plain"

#: The ending of a file of each type, the first of several.
ENDINGS: dict[str, tuple[str, ...]] = {
    PDF: (".pdf",),
    PNG: (".png",),
    JPEG: (".jpg", ".jpeg"),
    DOCX: (".docx",),
    XLSX: (".xlsx",),
    GEOJSON: (".geojson", ".json"),
    CSV: (".csv",),
    TEXT: (".txt",),
}

_MAGIC = ((b"%PDF-", PDF), (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG))
_ZIP = b"PK\x03\x04"
_MOST_ENTRIES = 2_000
_MOST_UNPACKED_BYTES = 200 * 1024 * 1024
#: Office files shrink to a tenth or so; a bomb to a thousandth.
_MOST_RATIO = 100
_OFFICE = {"word/document.xml": DOCX, "xl/workbook.xml": XLSX}
_ENCRYPTED = 0x1
_GEOMETRIES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
_GEOJSON_TYPES = frozenset({"Feature", "FeatureCollection", *_GEOMETRIES})
_CSV_LINES = 20
#: Bytes that no text has.
_BINARY = bytes(set(range(0x20)) - set(b"\t\n\r\f")) + b"\x7f"


class _Typed(msgspec.Struct):
    type: str


def media_type_of(content: bytes) -> str:
    """The media type. Raises InvalidChange for anything that is not taken, and for compression bombs."""
    for magic, media_type in _MAGIC:
        if content.startswith(magic):
            if not is_sound(content, media_type):
                raise _refused()
            return media_type
    if content.startswith(_ZIP):
        return _office_type(content)
    return _text_type(_text(content))


def _office_type(content: bytes) -> str:
    """Read from the archive's directory; nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
        raise _refused() from error
    _refuse_bomb(entries, len(content))
    names = {entry.filename for entry in entries}
    found = [media_type for name, media_type in _OFFICE.items() if name in names]
    has_macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    if len(found) != 1 or "[Content_Types].xml" not in names or has_macros:
        raise _refused()
    return found[0]


def _refuse_bomb(entries: Sequence[zipfile.ZipInfo], packed_bytes: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    # Entries that share their packed bytes would together be larger than the file.
    overlapping = sum(entry.compress_size for entry in entries) > packed_bytes
    largest = max((entry.file_size / max(1, entry.compress_size) for entry in entries), default=0)
    if (
        len(entries) > _MOST_ENTRIES
        or unpacked > _MOST_UNPACKED_BYTES
        or largest > _MOST_RATIO * 10
        or unpacked > _MOST_RATIO * packed_bytes
        or overlapping
    ):
        raise InvalidChange("the archive is a compression bomb", code="compression_bomb", field="file")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise _refused()


def _text(content: bytes) -> str:
    """The text in UTF-8 or GB 18030, the encodings of files in China."""
    if len(content.translate(None, _BINARY)) < len(content):
        raise _refused()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused()


def _text_type(text: str) -> str:
    beginning = text.lstrip()[:1]
    if beginning == "<":
        raise _refused()  # HTML, SVG and other XML: a browser might run them
    if beginning == "{":
        return _json_type(text)
    return CSV if _is_csv(text) else TEXT


def _json_type(text: str) -> str:
    try:
        is_geojson = msgspec.json.decode(text, type=_Typed).type in _GEOJSON_TYPES
    except (msgspec.DecodeError, RecursionError):
        is_geojson = False
    return GEOJSON if is_geojson else TEXT


def _is_csv(text: str) -> bool:
    """Whether the first lines have the same number of cells, more than one."""
    lines = [line for line in text[:100_000].splitlines() if line.strip()][:_CSV_LINES]
    try:
        widths = {len(row) for row in csv.reader(lines)}
    except csv.Error:
        return False
    return len(lines) > 1 and len(widths) == 1 and widths != {1}


def _refused() -> InvalidChange:
    return InvalidChange("files of this type are not taken", code="file_type_refused", field="file")
