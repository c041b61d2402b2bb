"""Times for people are those of Shenzhen, whatever the server's own zone is."""

from __future__ import annotations

from datetime import date

import pytest

from app.web import times

#: The last second of a day in Shenzhen, which is still the afternoon in UTC.
LATE_MS = 1_800_028_799_999


def test_a_time_is_shown_in_shenzhen_and_kept_in_utc() -> None:
    assert times.shanghai(LATE_MS) == "2027-01-15 23:59"
    assert times.shanghai_seconds(LATE_MS) == "2027-01-15 23:59:59"
    assert times.utc(LATE_MS) == "2027-01-15 15:59:59 UTC"
    assert times.iso_utc(LATE_MS) == "2027-01-15T15:59:59Z"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(LATE_MS, "2027-01-15"), (LATE_MS + 1, "2027-01-16"), (date(2027, 3, 1), "2027-03-01"), ("31.02.", "31.02.")],
)
def test_a_day_is_the_day_in_shenzhen_and_what_was_typed_stays(value: int | date | str, shown: str) -> None:
    assert times.day(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (LATE_MS, "2027-01-15T23:59:59"),
        (LATE_MS + 1, "2027-01-16T00:00"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_an_input_of_a_wall_time_holds_shenzhens(value: int | str, shown: str) -> None:
    assert times.wall_input(value) == shown
