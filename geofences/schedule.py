"""Weekly windows in a named time zone: across midnight, across clock changes, with sun events.

Wire form (JSON), read by `Schedule.from_dict` and written by `Schedule.to_dict`::

    {"time_zone": "Asia/Shanghai",
     "position": {"lon": 113.9, "lat": 22.5},          # needed by sun events only
     "windows": [{"days": ["MON", "TUE"], "start": "22:00", "end": "06:00"},
                 {"days": ["ANY"], "start": {"event": "SR", "offset_min": -30}, "end": {"event": "SS"}}]}

A window belongs to the local day on which it starts. One whose end is not later than its start
ends on the next day. The start belongs to the window, the end does not. A clock time that a clock
change skips means the instant of the change; one that occurs twice means the first occurrence for
a start and the last for an end, so that "22:00 to 06:00" is one night, whatever the clocks do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from geofences.errors import InvalidZone
from geofences.sun import SunEvent, sun_event

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
ANY_DAY = "ANY"
DAY_MS = 86_400_000
DAY_MINUTES = 1_440
_EPOCH = date(1970, 1, 1)


class Activity(IntEnum):
    """Whether a schedule's windows are open; UNKNOWN when the sun event that would tell does not happen."""

    CLOSED = 0
    UNKNOWN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class ClockTime:
    """Minutes after local midnight, 0 to 1440; 1440 (24:00) is the next midnight."""

    minutes: int


@dataclass(frozen=True, slots=True)
class SunTime:
    """A sun event, shifted by `offset_min` minutes."""

    event: SunEvent
    offset_min: int = 0


Moment = ClockTime | SunTime


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end` on the given weekdays (0 is Monday), sorted."""

    days: tuple[int, ...]
    start: Moment
    end: Moment


@dataclass(frozen=True, slots=True)
class Schedule:
    """The union of weekly windows in an IANA time zone; `lon`, `lat` place its sun events.

    Without windows it is never active. Raises InvalidZone when it cannot be evaluated.
    """

    time_zone: str
    windows: tuple[Window, ...]
    lon: float | None = None
    lat: float | None = None

    def __post_init__(self) -> None:
        _zone(self.time_zone)
        for window in self.windows:
            _check(window, placed=self.lon is not None and self.lat is not None)

    @property
    def is_solar(self) -> bool:
        """Does a window start or end with a sun event? Only then can its activity be UNKNOWN."""
        return any(isinstance(moment, SunTime) for window in self.windows for moment in (window.start, window.end))

    def activity(self, timestamps_ms: NDArray[np.int64]) -> NDArray[np.int8]:
        """The Activity at each instant (shape (n,), milliseconds UTC).

        UNKNOWN where no other window is open and a sun event that would tell does not happen within
        a day or two (polar day and night).
        """
        activity = np.empty(len(timestamps_ms), dtype=np.int8)
        days = timestamps_ms // DAY_MS
        for day in np.unique(days):
            chosen = days == day
            edges, problem = _edges_ms(self, int(day))
            # Intervals are disjoint and sorted: an odd number of edges passed means inside.
            inside = np.searchsorted(edges, timestamps_ms[chosen], side="right") % 2 == 1
            activity[chosen] = np.where(inside, Activity.OPEN, Activity.UNKNOWN if problem else Activity.CLOSED)
        return activity

    def active(self, timestamps_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each instant (shape (n,), milliseconds UTC) lies in a window.

        Raises InvalidZone where that is UNKNOWN, see `activity`.
        """
        activity = self.activity(timestamps_ms)
        unknown = np.flatnonzero(activity == Activity.UNKNOWN)
        if len(unknown):
            raise InvalidZone(_edges_ms(self, int(timestamps_ms[unknown[0]]) // DAY_MS)[1])
        is_open: NDArray[np.bool_] = activity == Activity.OPEN
        return is_open

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schedule:
        """A schedule from its wire form (see the module's docstring). Raises InvalidZone."""
        try:
            position = data.get("position") or {}
            windows = tuple(_read_window(window) for window in data["windows"])
            lon, lat = position.get("lon"), position.get("lat")
            return cls(str(data["time_zone"]), windows, _coordinate(lon, 180), _coordinate(lat, 90))
        except (KeyError, TypeError, AttributeError, ValueError) as reason:
            raise InvalidZone(f"unreadable schedule: {reason!r}") from reason

    def to_dict(self) -> dict[str, Any]:
        """The wire form; `from_dict` reads it back to an equal schedule."""
        data: dict[str, Any] = {
            "time_zone": self.time_zone,
            "windows": [_write_window(window) for window in self.windows],
        }
        if self.lon is not None and self.lat is not None:
            data["position"] = {"lon": self.lon, "lat": self.lat}
        return data


# --- evaluation ---------------------------------------------------------------------------------


@lru_cache(maxsize=16_384)
def _edges_ms(schedule: Schedule, utc_day: int) -> tuple[NDArray[np.int64], str]:
    """Starts and ends, alternating and sorted, of the merged windows that touch one UTC day.

    The text says why a window could not be computed; it is empty when all could.
    """
    # A local day may begin 14 hours before or 12 hours after the UTC day of the same date, and a
    # window may last into the day after it starts.
    first = _EPOCH + timedelta(days=utc_day - 2)
    spans: list[tuple[int, int]] = []
    problem = ""
    for day in (first + timedelta(days=step) for step in range(4)):
        for window in schedule.windows:
            if day.weekday() in window.days:
                try:
                    spans.append(_span_ms(schedule, window, day))
                except InvalidZone as reason:
                    problem = str(reason)
    merged: list[int] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1]:
            merged[-1] = max(merged[-1], end)
        else:
            merged += [start, end]
    edges = np.array(merged, dtype=np.int64)
    edges.flags.writeable = False
    return edges, problem


def _span_ms(schedule: Schedule, window: Window, day: date) -> tuple[int, int]:
    """A window that starts on a local day, as [start, end) in milliseconds UTC. Raises InvalidZone."""
    start = _instant_ms(schedule, window.start, day, last=False)
    end = _instant_ms(schedule, window.end, day, last=True)
    if end <= start or _ends_next_day(window):
        end = _instant_ms(schedule, window.end, day + timedelta(days=1), last=True)
    return start, end


def _ends_next_day(window: Window) -> bool:
    start, end = window.start, window.end
    return isinstance(start, ClockTime) and isinstance(end, ClockTime) and end.minutes <= start.minutes


def _instant_ms(schedule: Schedule, moment: Moment, day: date, *, last: bool) -> int:
    zone = _zone(schedule.time_zone)
    if isinstance(moment, ClockTime):
        local = datetime.combine(day, time()) + timedelta(minutes=moment.minutes)
        return _local_ms(local, zone, last=last)
    assert schedule.lon is not None  # checked when the schedule was made
    assert schedule.lat is not None
    instant = sun_event(moment.event, lon=schedule.lon, lat=schedule.lat, on=day, zone=zone)
    return round(instant.timestamp() * 1000) + moment.offset_min * 60_000


def _local_ms(local: datetime, zone: ZoneInfo, *, last: bool) -> int:
    """Milliseconds UTC of a wall-clock reading; see the module's docstring for clock changes."""
    before, after = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if before > after:  # the reading is skipped: `after` precedes and `before` follows the change
        while before - after > timedelta(seconds=1):
            middle = after + (before - after) / 2
            changed = middle.astimezone(zone).utcoffset() == before.astimezone(zone).utcoffset()
            before, after = (middle, after) if changed else (before, middle)
        return int(before.timestamp()) * 1000
    return int((after if last else before).timestamp()) * 1000


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as reason:
        raise InvalidZone(f"unknown time zone {name!r}") from reason


# --- reading and writing ------------------------------------------------------------------------


def _check(window: Window, *, placed: bool) -> None:
    if not window.days or not set(window.days) <= set(range(len(DAYS))):
        raise InvalidZone("a window needs weekdays from 0 (Monday) to 6 (Sunday)")
    if window.start == window.end:
        raise InvalidZone("a window starts when it ends; a whole day is 00:00 to 24:00")
    for moment in (window.start, window.end):
        if isinstance(moment, SunTime) and not placed:
            raise InvalidZone("a sun event needs the schedule's position")
        if isinstance(moment, ClockTime) and not 0 <= moment.minutes <= DAY_MINUTES:
            raise InvalidZone(f"{moment.minutes} minutes are not a time of day")


def _read_window(data: Mapping[str, Any]) -> Window:
    names = [str(name) for name in data["days"]]
    days = range(len(DAYS)) if ANY_DAY in names else sorted({DAYS.index(name) for name in names})
    return Window(tuple(days), _read_moment(data["start"]), _read_moment(data["end"]))


def _read_moment(value: str | Mapping[str, Any]) -> Moment:
    if isinstance(value, str):
        hours, _, minutes = value.partition(":")
        if not (hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60):  # noqa: PLR2004 -- minutes of an hour
            raise ValueError(f"{value!r} is not HH:MM")
        return ClockTime(int(hours) * 60 + int(minutes))
    return SunTime(SunEvent(value["event"]), int(value.get("offset_min", 0)))


def _coordinate(value: float | None, bound: float) -> float | None:
    if value is not None and not -bound <= value <= bound:
        raise ValueError(f"{value} degrees are out of range")
    return None if value is None else float(value)


def _write_window(window: Window) -> dict[str, Any]:
    days = [ANY_DAY] if len(window.days) == len(DAYS) else [DAYS[day] for day in window.days]
    return {"days": days, "start": _write_moment(window.start), "end": _write_moment(window.end)}


def _write_moment(moment: Moment) -> str | dict[str, Any]:
    if isinstance(moment, ClockTime):
        return f"{moment.minutes // 60:02d}:{moment.minutes % 60:02d}"
    return {"event": str(moment.event), "offset_min": moment.offset_min}
