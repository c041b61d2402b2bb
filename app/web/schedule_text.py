"""Weekly schedules in the request's language, in the words of permits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.documents import wording
from app.web.language import language
from geofences.schedule import DAYS, Schedule


def schedule_text(wire: Mapping[str, Any] | None) -> str:
    """The windows of a schedule; without one: at any time."""
    return wording.hours(None if wire is None else Schedule.from_dict(wire)).said(language())


def day_names() -> dict[str, str]:
    """The weekdays by their codes, Monday first."""
    return {code: name.said(language()) for code, name in zip(DAYS, wording.DAYS, strict=True)}


def event_names() -> dict[str, str]:
    """The sun's events by their codes, in the order of a day."""
    return {event.name: name.said(language()) for event, name in wording.SUN.items()}
