"""An index built from the one before it answers as one built afresh, and shares what has not changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofences.index import ZoneIndex
from geofences.ledger import Ledger
from geofences.placement import Placement, Points
from geofences.zones import ZoneRevision
from tests.geofences.cast import CITY, NOON_MS, at, build, points, random_zone, square, zone

EXTENT_M = 500.0


def asked_of(rng: np.random.Generator, n: int = 250) -> Points:
    places = at(*rng.uniform(-1.6 * EXTENT_M, 1.6 * EXTENT_M, (n, 2)))
    radius = rng.choice([0.0, 4.0, 25.0, 80.0, np.nan], n)
    return points(places, radius, timestamp_ms=(NOON_MS + rng.integers(-2, 3, n)).tolist())


def columns_of(placement: Placement) -> list[list[int]]:
    return [column.tolist() for column in (placement.point, placement.zone, placement.horizontal, placement.vertical)]


def assert_like_fresh(index: ZoneIndex, asked: Points) -> None:
    fresh = ZoneIndex.build(index.revisions, CITY)
    assert index.metric == fresh.metric
    assert columns_of(index.locate(asked)) == columns_of(fresh.locate(asked))
    assert all(one.equals_exact(other, 0.0) for one, other in zip(index.shapes, fresh.shapes, strict=True))


def changed(rng: np.random.Generator, revisions: list[ZoneRevision], number: int) -> list[ZoneRevision]:
    """One more, one fewer, one with an end and a successor, a copy, or all in another order."""
    some = int(rng.integers(len(revisions))) if revisions else -1
    new = random_zone(rng, EXTENT_M, number)
    match int(rng.integers(7)):
        case 0 if revisions:
            return revisions[:some] + revisions[some + 1 :]
        case 1 if revisions:
            ended = replace(revisions[some], ends_at_ms=NOON_MS)
            return [*revisions[:some], ended, *revisions[some + 1 :], replace(new, starts_at_ms=NOON_MS)]
        case 2 if revisions:
            return [*revisions, replace(revisions[some], zone_id=new.zone_id)]
        case 3:
            return [revisions[row] for row in rng.permutation(len(revisions))]
        case 4:
            return [new, *revisions]
    return [*revisions, new]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_any_sequence_of_changes_gives_the_answers_of_a_fresh_build(seed: int) -> None:
    rng = np.random.default_rng(seed)
    revisions = [random_zone(rng, EXTENT_M, number) for number in range(int(rng.integers(0, 6)))]
    index = build(*revisions)
    for step in range(12):
        revisions = changed(rng, revisions, 100 + step)
        index = ZoneIndex.build(revisions, CITY, previous=index)
        assert_like_fresh(index, asked_of(rng, 80))


@pytest.mark.parametrize("seed", range(3))
def test_thousands_of_entries_are_tidied_away_without_a_trace(seed: int) -> None:
    rng = np.random.default_rng(seed)
    revisions = [random_zone(rng, EXTENT_M, number) for number in range(10)]
    index = build(*revisions)
    most = np.zeros(2, dtype=np.int64)
    for step in range(150):
        revisions = [*revisions[1:], random_zone(rng, EXTENT_M, 100 + step)]
        before, index = index, ZoneIndex.build(revisions, CITY, previous=index)
        entries, edges = (
            [sum(len(getattr(grid, name).rows) for grid in one.grids) for one in (before, index)]
            for name in ("entries", "edge")
        )
        most = np.maximum(most, [entries[0] - entries[1], edges[0] - edges[1]])
    assert (most > 10_000).all()
    assert_like_fresh(index, asked_of(rng, 500))


def test_the_index_before_goes_on_answering_as_it_did() -> None:
    rng = np.random.default_rng(5)
    revisions = [random_zone(rng, EXTENT_M, number) for number in range(8)]
    old, asked = build(*revisions), asked_of(rng)
    before = columns_of(old.locate(asked))
    heirs = [
        ZoneIndex.build([*revisions[:row], random_zone(rng, EXTENT_M, 50 + row)], CITY, previous=old)
        for row in range(8)
    ]
    assert columns_of(old.locate(asked)) == before
    for heir in heirs:
        assert_like_fresh(heir, asked)


def test_what_has_not_changed_is_shared() -> None:
    old = build(zone(square(0, 0, 100), "one"), zone(square(50, 50, 100), "two"))
    revisions = [replace(old.revisions[0], ends_at_ms=NOON_MS), *old.revisions[1:], zone(square(9, 9, 90), "new")]
    index = ZoneIndex.build(revisions, CITY, previous=old)
    assert list(index.shapes[:2]) == list(old.shapes)
    assert index.shapes[0] is old.shapes[0]
    assert index.columns.ends_at_ms[0] == NOON_MS


def test_a_zone_beyond_the_frame_enlarges_it() -> None:
    old = build(zone(square(0, 0, 100)))
    for x, y in ((3_000, 0), (-3_000, 0), (0, 4_000), (0, -4_000), (60_000, 0), (150_000, 0)):
        index = ZoneIndex.build([*old.revisions, zone(square(x, y, 100), "away")], CITY, previous=old)
        assert_like_fresh(index, points(at((50, 50), (x + 50, y + 50), (x + 3, y + 3), (x - 3, y)), 4.0))


def test_a_huge_zone_takes_a_grid_of_its_own_and_leaves_it() -> None:
    old = build(zone(square(0, 0, 100)))
    index = ZoneIndex.build([*old.revisions, zone(square(-9_000, -9_000, 18_000), "huge")], CITY, previous=old)
    assert len(index.grids) == 2
    assert_like_fresh(index, points(at((50, 50), (5_000, 5_000), (-9_000, 0)), 4.0))
    assert len(ZoneIndex.build(old.revisions, CITY, previous=index).grids) == 1


def test_a_ledger_forks_where_two_heirs_add_different_rows() -> None:
    first = Ledger(np.arange(3)).extended(np.arange(3, 5))
    one, other = first.extended(np.array([7])), first.extended(np.array([8, 9]))
    assert first.rows.tolist() == [0, 1, 2, 3, 4]
    assert one.rows.tolist() == [0, 1, 2, 3, 4, 7]
    assert other.rows.tolist() == [0, 1, 2, 3, 4, 8, 9]
    assert np.shares_memory(first.rows, one.rows)
    assert not np.shares_memory(first.rows, other.rows)
