"""The terms of an application and those of a permit: the same, in the units of people and of judgement."""

from __future__ import annotations

from collections.abc import Sequence

from app.calendar import CITY_ZONE
from app.models import Permit, PermitRevisionRow
from app.schemas.applications import MOST_WINDOWS, ApplicationDraft, ConditionsDraft, HoursWindow, Terms
from app.services.conditions import Conditions
from app.units import kmh_of, mps_of
from geofences.schedule import DAYS, ClockTime, Schedule, Window
from telemetry.samples import Mode, SafetyOfficer


def conditions_of(terms: Terms) -> Conditions:
    """What a permit on these terms demands."""
    asked = terms.conditions
    return Conditions(
        hours=_schedule(terms.hours),
        speed_cap_mps=None if asked.speed_cap_kmh is None else mps_of(asked.speed_cap_kmh),
        modes=frozenset(Mode[name.upper()] for name in asked.modes),
        safety_officers=frozenset(SafetyOfficer[name.upper()] for name in asked.safety_officers),
        vehicles_per_remote_officer=asked.vehicles_per_remote_officer,
        passengers_allowed=asked.passengers_allowed,
        minimum_accuracy_m=asked.minimum_accuracy_m,
    )


def draft_of_permit(permit: Permit, revision: PermitRevisionRow, *, trial_id: str | None) -> ApplicationDraft:
    """A draft that asks for what the permit allows already.

    Hours that an application cannot state stay undecided: the draft is not complete without them.
    """
    conditions = Conditions.from_dict(revision.terms)
    hours = _windows(conditions.hours)
    cap_mps = conditions.speed_cap_mps
    return ApplicationDraft(
        jurisdiction=permit.jurisdiction.code,
        trial_id=trial_id,
        stage=permit.stage,
        vehicles=sorted(vehicle.vehicle_id for vehicle in revision.vehicles),
        officers=sorted(officer.officer_id for officer in revision.officers),
        zones=sorted(zone.zone_id for zone in revision.zones),
        valid_from_ms=revision.valid_from_ms,
        valid_until_ms=revision.valid_until_ms,
        hours=hours or [],
        hours_decided=hours is not None,
        conditions=ConditionsDraft.model_validate(
            {
                "speed_cap_kmh": None if cap_mps is None else round(kmh_of(cap_mps), 3),
                "modes": [mode.name.lower() for mode in sorted(conditions.modes)],
                "safety_officers": [officer.name.lower() for officer in sorted(conditions.safety_officers)],
                "vehicles_per_remote_officer": conditions.vehicles_per_remote_officer,
                "passengers_allowed": conditions.passengers_allowed,
                "minimum_accuracy_m": conditions.minimum_accuracy_m,
            }
        ),
    )


def _schedule(windows: Sequence[HoursWindow]) -> Schedule | None:
    if not windows:
        return None
    return Schedule.from_dict(
        {
            "time_zone": CITY_ZONE,
            "windows": [{"days": each.days or ["ANY"], "start": each.start, "end": each.end} for each in windows],
        }
    )


def _windows(schedule: Schedule | None) -> list[HoursWindow] | None:
    """The schedule as an application states it, empty for all hours; None where it cannot.

    It has no word for the sun, for another time zone, for more windows than the form has, nor for never.
    """
    if schedule is None:
        return []
    found = [_window(window) for window in schedule.windows]
    stated = [window for window in found if window is not None]
    is_whole = len(stated) == len(found) and 0 < len(found) <= MOST_WINDOWS and schedule.time_zone == CITY_ZONE
    return stated if is_whole else None


def _window(window: Window) -> HoursWindow | None:
    if not (isinstance(window.start, ClockTime) and isinstance(window.end, ClockTime)) or window.start == window.end:
        return None
    days = [] if len(window.days) == len(DAYS) else [DAYS[day] for day in window.days]
    return HoursWindow.model_validate({"days": days, "start": _clock(window.start), "end": _clock(window.end)})


def _clock(moment: ClockTime) -> str:
    return f"{moment.minutes // 60:02d}:{moment.minutes % 60:02d}"
