from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from app.storage.columns import COLUMNS, REALS, encode
from app.storage.image import PAGE_BYTES, ImageFormat
from tests.app.batches import judged_batch

ROWS_PER_LEAF = 261


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        opened.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        opened.execute(f"CREATE TABLE batch ({', '.join(COLUMNS)})")
        yield opened


@pytest.mark.parametrize(
    "count", [0, 1, ROWS_PER_LEAF - 1, ROWS_PER_LEAF, ROWS_PER_LEAF + 1, 2 * ROWS_PER_LEAF, 130 * ROWS_PER_LEAF + 7]
)
def test_sqlite_reads_every_image_as_sound(connection: sqlite3.Connection, count: int) -> None:
    """Around one leaf, whole leaves, and row numbers of one, two and three groups."""
    image = ImageFormat(connection.serialize(), COLUMNS, REALS).image(encode(judged_batch(count)))
    connection.deserialize(image)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT count(*), max(rowid) FROM batch").fetchone() == (
        count,
        count - 1 if count else None,
    )
    ends = [row for row in (0, ROWS_PER_LEAF - 1, ROWS_PER_LEAF, count - 1) if 0 <= row < count]
    found = [connection.execute("SELECT rowid FROM batch WHERE rowid = ?", (row,)).fetchone() for row in ends]
    assert found == [(row,) for row in ends]


def test_extreme_values_survive(connection: sqlite3.Connection) -> None:
    batch = judged_batch(4, vehicles=4)
    batch.verdict[:] = [2**63 - 1, -(2**63), 0, -1]
    batch.samples.speed_mps[:] = [np.inf, -np.inf, np.nan, 1.7976931348623157e308]
    connection.deserialize(ImageFormat(connection.serialize(), COLUMNS, REALS).image(encode(batch)))
    assert connection.execute("SELECT verdict, speed_mps FROM batch").fetchall() == [
        (2**63 - 1, np.inf),
        (-(2**63), -np.inf),
        (0, None),
        (-1, 1.7976931348623157e308),
    ]


def test_rows_are_laid_out_in_the_order_of_the_natural_key() -> None:
    encoded = encode(judged_batch(500))
    keys = list(zip(*(encoded.arrays[name].tolist() for name in ("timestamp_ms", "vehicle", "seq")), strict=True))
    assert keys == sorted(keys)


def test_a_table_of_another_shape_is_refused(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE another (x)")
    with pytest.raises(ValueError, match="an empty table"):
        ImageFormat(connection.serialize(), COLUMNS, REALS)


def test_too_many_rows_are_refused(connection: sqlite3.Connection) -> None:
    batch = judged_batch(1)
    encoded = encode(batch)
    many = {name: np.broadcast_to(values, 2**21 + 1) for name, values in encoded.arrays.items()}
    with pytest.raises(ValueError, match="do not fit"):
        ImageFormat(connection.serialize(), COLUMNS, REALS).image(type(encoded)(many, []))
