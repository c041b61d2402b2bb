"""Instants as a bundle writes them: to the millisecond, in UTC and in the city's time."""

from __future__ import annotations

from datetime import UTC, datetime

from app.calendar import wall_time


def utc_text(time_ms: int) -> str:
    """`2026-11-21T15:08:46.125Z`."""
    seconds = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{seconds:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def city_text(time_ms: int) -> str:
    """`2026-11-21 23:08:46.125` in the city."""
    return f"{wall_time(time_ms // 1000 * 1000):%Y-%m-%d %H:%M:%S}.{time_ms % 1000:03d}"


def city_clock(time_ms: int) -> str:
    """`23:08:46` in the city."""
    return f"{wall_time(time_ms):%H:%M:%S}"
