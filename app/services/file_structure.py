"""Whether a file that begins like a PDF, a PNG or a JPEG is one to its end, and nothing else besides.

A file that another program reads as something else, because it carries it behind its end or in its middle,
lies about its type: such files are how scripts and archives pass as pictures.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_CHUNK_OVERHEAD = 12
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_PDF_END = b"%%EOF"
#: What a browser takes for a page when it looks into a file, near its beginning.
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<script", b"<svg", b"<iframe")
_SNIFFED_BYTES = 1024


def is_sound(content: bytes, media_type: str) -> bool:
    """Whether a file is what it begins as. For types that are not looked into: always."""
    check = _CHECKS.get(media_type)
    return check is None or (check(content) and not _is_archive(content) and not _is_markup(content))


def _is_archive(content: bytes) -> bool:
    """A ZIP archive is read from its end: it may follow anything."""
    return zipfile.is_zipfile(io.BytesIO(content))


def _is_markup(content: bytes) -> bool:
    beginning = content[:_SNIFFED_BYTES].lower()
    return any(tag in beginning for tag in _MARKUP)


def _is_png(content: bytes) -> bool:
    """Chunks one after the other, each with its checksum, from the header to the end of the file."""
    place, names = len(_PNG_HEAD), list[bytes]()
    while place + _CHUNK_OVERHEAD <= len(content) and b"IEND" not in names:
        (length,) = struct.unpack_from(">I", content, place)
        end = place + _CHUNK_OVERHEAD + length
        if end > len(content):
            return False
        named = content[place + 4 : end - 4]
        if struct.unpack_from(">I", content, end - 4)[0] != zlib.crc32(named):
            return False
        names.append(named[:4])
        place = end
    return place == len(content) and names[:1] == [b"IHDR"] and names[-1:] == [b"IEND"]


def _is_jpeg(content: bytes) -> bool:
    """Segments up to the picture itself, and nothing but zeros behind its end."""
    place = 2
    while content[place : place + 1] == b"\xff" and place + 4 <= len(content):
        (length,) = struct.unpack_from(">H", content, place + 2)
        if content[place + 1] == _JPEG_SCAN:
            return content.rstrip(b"\0").endswith(_JPEG_END)
        place += 2 + length
    return False


def _is_pdf(content: bytes) -> bool:
    """At least one object, and nothing but white space behind the last mark of its end."""
    _before, mark, after = content.rpartition(_PDF_END)
    return bool(mark) and b"obj" in content and not after.strip(b"\0\t\n\f\r ")


_CHECKS: Mapping[str, Callable[[bytes], bool]] = {PDF: _is_pdf, PNG: _is_png, JPEG: _is_jpeg}
