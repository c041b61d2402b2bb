from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.samples import JudgedBatch, SampleBatch, take_judged
from telemetry.sealing import (
    COLUMNS,
    NO_HASH,
    REALS,
    SPAN_MS,
    TEXTS,
    WHOLES,
    BlockContent,
    block_hash,
    canonical_form,
    canonical_forms,
    chained,
    content_hash,
    contents_of,
    digest_of,
    entries_of,
    linked_hash,
)
from tests.app.batches import START_MS, judged_batch

Row = tuple[object, ...]

_CODES = {"altitude_datum": np.int8, "mode": np.int8, "safety_officer": np.int8, "proximity": np.int8, "late": np.bool_}
_whole = st.integers(-(2**63), 2**63 - 1)
_real = st.none() | st.floats(allow_infinity=True, allow_nan=True)
_text = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_wholes = [st.booleans() if name == "late" else st.integers(-128, 127) if name in _CODES else _whole for name in WHOLES]
rows = st.tuples(*_wholes, *[_real] * len(REALS), *[_text] * len(TEXTS))


def batch_of(listed: Sequence[Row]) -> JudgedBatch:
    """Rows of COLUMNS of one generation, as a batch."""
    columns = dict(zip(COLUMNS, zip(*listed, strict=True), strict=True))
    arrays: dict[str, object] = {
        name: list(values)
        if name in TEXTS
        else np.array(values, dtype=np.float64 if name in REALS else _CODES.get(name, np.int64))
        for name, values in columns.items()
        if name != "generation"
    }
    samples = SampleBatch(**{field.name: arrays.pop(field.name) for field in fields(SampleBatch)})  # type: ignore[arg-type] # by name
    return JudgedBatch(samples=samples, generation=int(str(columns["generation"][0])), **arrays)  # type: ignore[arg-type] # by name


def plain(row: Row) -> Row:
    """The row so that equality is what is meant: one kind of absence, one zero."""
    reals = [
        None if value is None or (isinstance(value, float) and math.isnan(value)) else value
        for value in row[len(WHOLES) :]
    ]
    return (*row[: len(WHOLES)], *reals)


def rows_in(batch: JudgedBatch) -> list[Row]:
    """The batch as rows of COLUMNS."""
    listed = []
    for row in range(len(batch.samples)):
        values: list[object] = []
        for name in COLUMNS:
            column = getattr(batch if hasattr(batch, name) else batch.samples, name)
            value = column if name == "generation" else column[row]
            values.append(value.item() if isinstance(value, np.generic) else value)
        listed.append(tuple(values))
    return listed


def test_every_column_is_sealed() -> None:
    held = {field.name for kind in (SampleBatch, JudgedBatch) for field in fields(kind)} - {"samples"}
    assert set(COLUMNS) == held
    assert len(COLUMNS) == len(held)


@given(st.lists(rows, min_size=1, max_size=6))
def test_many_at_once_are_as_each_by_itself(listed: list[Row]) -> None:
    of_one_generation = [(*row[:14], listed[0][14], *row[15:]) for row in listed]
    forms = canonical_forms(batch_of(of_one_generation), np.arange(len(listed)))
    assert forms == [canonical_form(row) for row in of_one_generation]


@given(rows, rows)
def test_equal_bytes_mean_equal_rows(one: Row, other: Row) -> None:
    assert (canonical_form(one) == canonical_form(other)) == (plain(one) == plain(other))


@given(rows, st.integers(0, len(COLUMNS) - 1), rows)
def test_each_value_counts(one: Row, place: int, other: Row) -> None:
    changed = (*one[:place], other[place], *one[place + 1 :])
    assert (canonical_form(one) == canonical_form(changed)) == (plain(one) == plain(changed))


@pytest.mark.parametrize(
    ("place", "one", "other"),
    [(16, None, math.nan), (16, 0.0, -0.0), (16, math.nan, struct.unpack("<d", b"\1\0\0\0\0\0\xf8\xff")[0])],
)
def test_what_a_database_cannot_tell_apart_is_one(place: int, one: object, other: object) -> None:
    row = rows_in(judged_batch(1))[0]
    assert canonical_form((*row[:place], one, *row[place + 1 :])) == canonical_form(
        (*row[:place], other, *row[place + 1 :])
    )


@pytest.mark.parametrize(
    ("one", "other"), [(("a", "bc"), ("ab", "c")), ((None, "a"), ("", "a")), ((None, "a"), ("a", None))]
)
def test_texts_are_kept_apart(one: Row, other: Row) -> None:
    row = rows_in(judged_batch(1))[0]
    assert canonical_form((*row[:-2], *one)) != canonical_form((*row[:-2], *other))


@pytest.mark.parametrize(("place", "value"), [(0, 1.5), (0, "x"), (0, None), (16, "x"), (-1, 7), (-1, "\ud800")])
def test_what_is_no_sample_has_no_form(place: int, value: object) -> None:
    row = list(rows_in(judged_batch(1))[0])
    row[place] = value
    with pytest.raises(ValueError, match=r"no sample|text|surrogates"):
        canonical_form(row)


def test_the_form_is_that_of_the_documentation() -> None:
    row = (*range(1, 17), *(float(value) for value in range(10)), "安", None)
    expected = struct.pack("<17q", 2, *range(1, 17)) + struct.pack("<10d", *range(10)) + struct.pack("<2q", 3, -1)
    assert canonical_form(row) == expected + "安".encode()


def test_the_form_of_the_first_format_is_as_it_was() -> None:
    row = (*range(1, 16), -1, *(float(value) for value in range(10)), "安", None)
    expected = struct.pack("<16q", 1, *range(1, 16)) + struct.pack("<10d", *range(10)) + struct.pack("<2q", 3, -1)
    assert canonical_form(row, 1) == expected + "安".encode()


def test_what_came_with_a_later_format_has_the_value_of_the_upgrade() -> None:
    row = (*range(1, 16), 1, *(float(value) for value in range(10)), None, None)
    with pytest.raises(ValueError, match="of format 1"):
        canonical_form(row, 1)


def test_a_format_from_the_future_is_none() -> None:
    with pytest.raises(ValueError, match="no format 3"):
        canonical_form(rows_in(judged_batch(1))[0], 3)


def test_the_documentation_lists_the_columns_in_their_order() -> None:
    document = " ".join((Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8").split())
    for names in (WHOLES, REALS, TEXTS):
        assert ", ".join(f"`{name}`" for name in names) in document


@pytest.mark.parametrize("size", [0, 1, 2, 500])
def test_keys_and_digests_are_in_the_order_of_the_keys(size: int) -> None:
    batch = judged_batch(size)
    shuffled = take_judged(batch, np.random.default_rng(1).permutation(size))
    contents = contents_of(shuffled)
    assert contents == contents_of(batch)
    entries = [entry for content in contents for entry in entries_of(content)]
    assert entries == sorted((row[:3], digest_of(row)) for row in rows_in(batch))


def test_a_block_holds_samples_of_one_minute() -> None:
    batch = judged_batch(500, vehicles=3)
    contents = contents_of(batch)
    assert len(contents) == 4
    for content in contents:
        minutes = {key[0] // SPAN_MS for key, _ in entries_of(content)}
        assert minutes == {content.first_ms // SPAN_MS}


def test_blocks_follow_each_other() -> None:
    contents = contents_of(judged_batch(500, vehicles=3))
    blocks = list(chained(contents, chain="w", after=4, previous_hash=b"p" * 32, sealed_at_ms=START_MS))
    assert [block.number for block in blocks] == [5, 6, 7, 8]
    assert blocks[0].previous_hash == b"p" * 32
    assert all(later.previous_hash == earlier.hash for earlier, later in pairwise(blocks))


def test_a_blocks_hash_covers_all_of_it() -> None:
    content = BlockContent(1, 1, b"k" * 24, b"d" * 16)
    hashes = {
        block_hash("w", 1, 1, content, NO_HASH),
        block_hash("v", 1, 1, content, NO_HASH),
        block_hash("w", 2, 1, content, NO_HASH),
        block_hash("w", 1, 2, content, NO_HASH),
        block_hash("w", 1, 1, content, b"h" * 32),
        block_hash("w", 1, 1, content, NO_HASH, 1),
        *(
            block_hash("w", 1, 1, changed, NO_HASH)
            for changed in (
                replace(content, count=2),
                replace(content, keys=b"l" * 24),
                replace(content, digests=b"e" * 16),
            )
        ),
    }
    assert len(hashes) == 9


def test_a_blocks_place_is_proven_without_its_content() -> None:
    (content,) = contents_of(judged_batch(20))
    digest = hashlib.sha256(content.keys + content.digests).digest()
    linked = linked_hash("w", 7, 9, count=20, content_digest=digest, previous_hash=b"p" * 32)
    assert block_hash("w", 7, 9, content, b"p" * 32) == linked
    assert content_hash(content) == digest


def test_a_block_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 samples"):
        entries_of(BlockContent(1, 2, b"k" * 24, b"d" * 16))
