"""A batch as the bytes of a SQLite database with one table, laid out by NumPy.

SQLite then copies it by a single INSERT ... SELECT, outside Python's interpreter lock. The usual
executemany gives up and takes back that lock once a row, and each time another busy thread may keep it for
milliseconds (docs/adr/0005-samples-into-sqlite.md has the numbers). The file format is documented
and stable (https://www.sqlite.org/fileformat2.html): section numbers below are of that page.

Every row has the same length: whole numbers take 8 bytes (serial type 6), reals 8 bytes (7; a NaN
reads as NULL). The table is one leaf page, or a root page of pointers to leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from app.storage.columns import EncodedBatch

PAGE_BYTES = 65_536
_ROWID_BYTES = 3
_MOST_ROWS = 1 << (7 * _ROWID_BYTES)
_LEAF, _INTERIOR = 13, 5
_LEAF_HEADER_BYTES, _INTERIOR_HEADER_BYTES = 8, 12
_INTEGER_TYPE, _REAL_TYPE = 6, 7
_HEADER_PAGES = 2  # the schema's page and the root of the table
_FIRST_LEAF = _HEADER_PAGES + 1  # pages count from 1
_PAGE_COUNT = slice(28, 32)  # 1.3.7, in-header database size

Bytes = NDArray[np.uint8]


class ImageFormat:
    """Lays out batches for one table. `empty` is the image of that table without rows."""

    def __init__(self, empty: bytes, columns: Sequence[str], reals: Collection[str]) -> None:
        if len(empty) != _HEADER_PAGES * PAGE_BYTES:
            raise ValueError(f"an empty table of {_HEADER_PAGES} pages was expected, not {len(empty)} bytes")
        self._schema_page = np.frombuffer(empty[:PAGE_BYTES], dtype=np.uint8)
        header = bytes([len(columns) + 1, *(_REAL_TYPE if name in reals else _INTEGER_TYPE for name in columns)])
        payload_bytes = len(header) + 8 * len(columns)
        # 2.3: a cell is the payload's length, the row's number, the record's header and its values.
        self._prefix = np.frombuffer(_varint(payload_bytes, 2) + bytes(_ROWID_BYTES) + header, dtype=np.uint8)
        self._row = np.dtype(
            [("prefix", np.uint8, (len(self._prefix),)), *((n, ">f8" if n in reals else ">i8") for n in columns)]
        )
        self._columns = tuple(columns)
        self._rows_per_page = (PAGE_BYTES - _LEAF_HEADER_BYTES) // (self._row.itemsize + 2)

    def image(self, batch: EncodedBatch) -> memoryview:
        """The bytes of a database that holds the batch; at most 2,097,152 rows."""
        count = len(batch)
        if count > _MOST_ROWS:
            raise ValueError(f"{count} rows do not fit into one image")
        cells = self._cells(batch)
        full, rest = divmod(count, self._rows_per_page)
        leaves = full + (rest > 0)
        if leaves <= 1:  # the root is itself a leaf
            pages = self._pages(_HEADER_PAGES)
            _fill_leaves(pages[1:], cells)
        else:
            pages = self._pages(_HEADER_PAGES + leaves)
            _fill_root(pages[1], np.arange(1, leaves) * self._rows_per_page - 1)
            _fill_leaves(pages[_HEADER_PAGES : _HEADER_PAGES + full], cells[: count - rest])
            _fill_leaves(pages[_HEADER_PAGES + full :], cells[count - rest :])
        return pages.data.cast("B")

    def _pages(self, count: int) -> Bytes:
        pages = np.zeros((count, PAGE_BYTES), dtype=np.uint8)
        pages[0] = self._schema_page
        pages[0, _PAGE_COUNT] = _bytes(count, ">u4")
        return pages

    def _cells(self, batch: EncodedBatch) -> Bytes:
        rows = np.empty(len(batch), dtype=self._row)
        rows["prefix"] = self._prefix
        rows["prefix"][:, 2 : 2 + _ROWID_BYTES] = _row_numbers(np.arange(len(batch)))
        for name in self._columns:
            rows[name] = batch.arrays[name]
        return rows.view(np.uint8).reshape(len(batch), self._row.itemsize)


def _fill_root(root: Bytes, last_rows: NDArray[np.int64]) -> None:
    """1.6, interior page: cells of (left child, its largest row number), and the rightmost child."""
    count = len(last_rows)
    size = 4 + _ROWID_BYTES
    start = PAGE_BYTES - size * count
    cells = root[start:].reshape(count, size)
    cells[:, :4] = _bytes(np.arange(_FIRST_LEAF, _FIRST_LEAF + count), ">u4").reshape(count, 4)
    cells[:, 4:] = _row_numbers(last_rows)
    _fill_header(root, _INTERIOR, count, start)
    root[8:_INTERIOR_HEADER_BYTES] = _bytes(_FIRST_LEAF + count, ">u4")
    _fill_pointers(root[_INTERIOR_HEADER_BYTES:], start, size, count)


def _fill_leaves(leaves: Bytes, cells: Bytes) -> None:
    """1.6, leaf pages, each with the same number of cells, laid against the page's end."""
    if not len(leaves):
        return
    count, size = len(cells) // len(leaves), cells.shape[1]
    start = PAGE_BYTES - count * size
    leaves[:, start:] = cells.reshape(len(leaves), count * size)
    for leaf in leaves:
        _fill_header(leaf, _LEAF, count, start)
        _fill_pointers(leaf[_LEAF_HEADER_BYTES:], start, size, count)


def _fill_header(page: Bytes, kind: int, count: int, start: int) -> None:
    page[0] = kind
    page[3:5] = _bytes(count, ">u2")
    page[5:7] = _bytes(start % PAGE_BYTES, ">u2")  # 0 means 65,536


def _fill_pointers(area: Bytes, start: int, size: int, count: int) -> None:
    area[: 2 * count] = _bytes(start + size * np.arange(count), ">u2")


def _bytes(numbers: int | NDArray[np.int64], kind: str) -> Bytes:
    return np.atleast_1d(np.asarray(numbers)).astype(kind).view(np.uint8)


def _row_numbers(numbers: NDArray[np.int64]) -> Bytes:
    """1.4 varints of three bytes, shape (n, 3); leading zero groups are allowed."""
    groups = np.stack([numbers >> 14 & 0x7F | 0x80, numbers >> 7 & 0x7F | 0x80, numbers & 0x7F], axis=1)
    return groups.astype(np.uint8)


def _varint(number: int, length: int) -> bytes:
    groups = [number >> 7 * place & 0x7F | (0x80 if place else 0) for place in reversed(range(length))]
    return bytes(groups)
