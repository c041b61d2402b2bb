"""A weekly schedule in words: `Mon to Fri 07:00 to 22:00`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _

from geofences.schedule import ClockTime, Moment, Schedule, SunTime, Window
from geofences.sun import SunEvent

_WEEK = 7
_CITY = "Asia/Shanghai"


def schedule_text(wire: Mapping[str, Any] | None) -> str:
    """The schedule's windows in the request's language; without a schedule: at any time."""
    if wire is None:
        return _("At any time")
    schedule = Schedule.from_dict(wire)
    if not schedule.windows:
        return _("Never")
    lines = _("; ").join(_window(window) for window in schedule.windows)
    return lines if schedule.time_zone == _CITY else f"{lines} ({schedule.time_zone})"


def _window(window: Window) -> str:
    return _("%(days)s %(start)s to %(end)s", days=_days(window.days), start=_time(window.start), end=_time(window.end))


def _days(days: Sequence[int]) -> str:
    names = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    if len(days) == _WEEK:
        return _("daily")
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:  # noqa: PLR2004 -- two days are named, not spanned
        return _("%(first)s to %(last)s", first=names[days[0]], last=names[days[-1]])
    return _(", ").join(names[day] for day in days)


def _time(moment: Moment) -> str:
    if isinstance(moment, ClockTime):
        return f"{moment.minutes // 60:02d}:{moment.minutes % 60:02d}"
    return _sun(moment)


def _sun(moment: SunTime) -> str:
    names = {
        SunEvent.BMCT: _("morning twilight"),
        SunEvent.SR: _("sunrise"),
        SunEvent.SS: _("sunset"),
        SunEvent.EECT: _("evening twilight"),
    }
    if not moment.offset_min:
        return names[moment.event]
    return _("%(event)s %(minutes)s min", event=names[moment.event], minutes=f"{moment.offset_min:+d}")
