"""Whether terms only became tighter: what a regulator may do without a new application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.models import Stage
from app.services.conditions import Conditions
from app.stages import up_to
from geofences.schedule import DAY_MINUTES, ClockTime, Schedule, Window

_WEEK_MINUTES = 7 * DAY_MINUTES


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything that a permit allows. Without named officers every officer of the holder may steer."""

    stage: Stage
    conditions: Conditions
    vehicles: frozenset[str]
    zones: frozenset[str]
    officers: frozenset[str]
    valid_from_ms: int
    valid_until_ms: int


def widened(before: Terms, after: Terms) -> list[str]:
    """The terms that allow more than before, by the fields of app.schemas.permits.Restriction."""
    return [field for field, allows_no_more in _TIGHTER.items() if not allows_no_more(before, after)]


def _bound(earlier: float | None, later: float | None) -> bool:
    """A largest value allowed; None is no bound at all."""
    return earlier is None or (later is not None and later <= earlier)


def _hours(earlier: Schedule | None, later: Schedule | None) -> bool:
    if earlier is None or earlier == later:
        return True
    if later is None or earlier.time_zone != later.time_zone:
        return False
    if (earlier.lon, earlier.lat) == (later.lon, later.lat) and set(later.windows) <= set(earlier.windows):
        return True
    # Windows that follow the sun move against all others: only equal ones can be compared.
    return not later.is_solar and _minutes(later) <= _minutes(earlier)


def _minutes(schedule: Schedule) -> frozenset[int]:
    """The minutes of the week, from Monday's midnight, that the windows of clock times surely cover."""
    covered: set[int] = set()
    for window in schedule.windows:
        covered.update(_covered(window))
    return frozenset(covered)


def _covered(window: Window) -> set[int]:
    start, end = window.start, window.end
    if not (isinstance(start, ClockTime) and isinstance(end, ClockTime)):
        return set()
    length = end.minutes - start.minutes + (DAY_MINUTES if end.minutes <= start.minutes else 0)
    first = [day * DAY_MINUTES + start.minutes for day in window.days]
    return {minute % _WEEK_MINUTES for begin in first for minute in range(begin, begin + length)}


def _officers(before: Terms, after: Terms) -> bool:
    return not before.officers or (bool(after.officers) and after.officers <= before.officers)


_TIGHTER: Mapping[str, Callable[[Terms, Terms], bool]] = {
    "stage": lambda before, after: after.stage in up_to(before.stage),
    "hours": lambda before, after: _hours(before.conditions.hours, after.conditions.hours),
    "speed_cap_kmh": lambda before, after: _bound(before.conditions.speed_cap_mps, after.conditions.speed_cap_mps),
    "modes": lambda before, after: after.conditions.modes <= before.conditions.modes,
    "safety_officers": lambda before, after: after.conditions.safety_officers <= before.conditions.safety_officers,
    "vehicles_per_remote_officer": lambda before, after: _bound(
        before.conditions.vehicles_per_remote_officer, after.conditions.vehicles_per_remote_officer
    ),
    "passengers_allowed": lambda before, after: (
        before.conditions.passengers_allowed or not after.conditions.passengers_allowed
    ),
    "minimum_accuracy_m": lambda before, after: _bound(
        before.conditions.minimum_accuracy_m, after.conditions.minimum_accuracy_m
    ),
    "vehicles": lambda before, after: after.vehicles <= before.vehicles,
    "zones": lambda before, after: after.zones <= before.zones,
    "officers": _officers,
    "valid_from_ms": lambda before, after: after.valid_from_ms >= before.valid_from_ms,
    "valid_until_ms": lambda before, after: after.valid_until_ms <= before.valid_until_ms,
}
