"""Small groups stay hidden, and nothing that is shown lets them be worked out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.public.suppression import SMALLEST_GROUP, group_count, protected, share_percent


def test_groups_are_shown_from_ten_on() -> None:
    assert [group_count(count) for count in (0, 9, 10, 11)] == [None, None, 10, 11]


def test_one_small_part_takes_the_next_smallest_with_it() -> None:
    found = protected({"a": 50, "b": 12, "c": 3})
    assert (found.total, found.parts) == (65, {"a": 50, "b": None, "c": None})


def test_small_parts_that_are_large_together_need_no_other() -> None:
    found = protected({"a": 50, "b": 6, "c": 7})
    assert (found.total, found.parts) == (63, {"a": 50, "b": None, "c": None})


def test_a_small_whole_is_withheld_with_all_its_parts() -> None:
    found = protected({"a": 5, "b": 4})
    assert (found.total, found.parts) == (None, {"a": None, "b": None})


def test_a_single_part_is_its_whole() -> None:
    assert protected({"a": 12}).parts == {"a": 12}
    assert protected({"a": 3}).total is None


@given(st.dictionaries(st.integers(0, 20), st.integers(0, 60), min_size=1, max_size=8))
def test_subtraction_never_gives_a_small_group_away(parts: dict[int, int]) -> None:
    found = protected(parts)
    withheld = [count for key, count in parts.items() if found.parts[key] is None]
    assert all(found.parts[key] in {None, count} for key, count in parts.items())
    assert all(count is None or count >= SMALLEST_GROUP for count in found.parts.values())
    if found.total is not None and withheld:
        unknown = found.total - sum(count for count in found.parts.values() if count is not None)
        assert unknown == sum(withheld) >= SMALLEST_GROUP
        assert len(withheld) > 1


def test_shares_are_in_steps_of_five_per_cent() -> None:
    assert [share_percent(part, 1_000) for part in (0, 24, 26, 499, 1_000)] == [0, 0, 5, 50, 100]
