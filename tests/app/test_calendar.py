from __future__ import annotations

from datetime import date

import pytest

from app.calendar import day_of, end_of_day_ms, months_after_ms, start_of_day_ms

#: 2026-03-01 16:00 UTC, midnight in Shenzhen.
MIDNIGHT_MS = 1_772_380_800_000


def test_the_day_is_the_citys() -> None:
    assert day_of(MIDNIGHT_MS - 1) == date(2026, 3, 1)
    assert day_of(MIDNIGHT_MS) == date(2026, 3, 2)
    assert end_of_day_ms(date(2026, 3, 1)) == MIDNIGHT_MS == start_of_day_ms(date(2026, 3, 2))


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2026, 3, 15), -24, date(2024, 3, 15)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_of_a_shorter_month(day: date, months: int, later: date) -> None:
    assert months_after_ms(start_of_day_ms(day), months) == start_of_day_ms(later)
