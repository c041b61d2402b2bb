"""Times for people: Asia/Shanghai wall time, with UTC beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime

from app.calendar import day_of, wall_time

#: Said beside exported times, which carry no zone of their own.
SHANGHAI_OFFSET = "UTC+8"


def shanghai(time_ms: int) -> str:
    """`2026-11-21 23:08` in Shenzhen."""
    return wall_time(time_ms).strftime("%Y-%m-%d %H:%M")


def shanghai_seconds(time_ms: int) -> str:
    """`2026-11-21 23:08:46` in Shenzhen."""
    return wall_time(time_ms).strftime("%Y-%m-%d %H:%M:%S")


def utc(time_ms: int) -> str:
    """`2026-11-21 15:08:46 UTC`, for the hover text."""
    return _in_utc(time_ms).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso_utc(time_ms: int) -> str:
    """`2026-11-21T15:08:46Z`, for machines."""
    return _in_utc(time_ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(value: int | date | str) -> str:
    """A calendar day `2026-11-21`: of a time in milliseconds the day in Shenzhen."""
    if isinstance(value, int):
        return day_of(value).isoformat()
    return value if isinstance(value, str) else value.isoformat()


def wall_input(value: int | str) -> str:
    """What an input of a wall time holds, `2026-11-21T23:08` or `23:08:37`; a text is what was typed."""
    if isinstance(value, str):
        return value
    wall = wall_time(value)
    return wall.strftime("%Y-%m-%dT%H:%M:%S" if wall.second else "%Y-%m-%dT%H:%M")


def _in_utc(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
