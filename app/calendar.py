"""The city's calendar: whatever counts in days does so in the city's own time, Asia/Shanghai. The archive's are UTC."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

#: Its name in the IANA database, as schedules carry it.
CITY_ZONE = "Asia/Shanghai"
CITY = ZoneInfo(CITY_ZONE)


def wall_time(time_ms: int) -> datetime:
    """What the city's clocks show at this time, aware."""
    return datetime.fromtimestamp(time_ms / 1000, CITY)


def day_of(time_ms: int) -> date:
    """The city's day that this time belongs to."""
    return wall_time(time_ms).date()


def start_of_day_ms(day: date) -> int:
    """When this day begins."""
    return round(datetime(day.year, day.month, day.day, tzinfo=CITY).timestamp() * 1000)


def end_of_day_ms(day: date) -> int:
    """When this day is over: the first instant after it."""
    return start_of_day_ms(day + timedelta(days=1))


def months_after_ms(time_ms: int, months: int) -> int:
    """The same wall time so many months later (before, if negative), or on the last day of a shorter month."""
    wall = wall_time(time_ms)
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    day = min(wall.day, monthrange(year, month + 1)[1])
    return round(wall.replace(year=year, month=month + 1, day=day).timestamp() * 1000)


def utc_date(day: int) -> str:
    """`2025-09-18`: the day with this number, counted from 1970-01-01 UTC."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
