"""The terms of an application and those of a permit: the same, in the units of people and of judgement."""

from __future__ import annotations

from collections.abc import Sequence

from app.models import Permit, PermitRevisionRow
from app.schemas.applications import ApplicationDraft, ConditionsDraft, HoursWindow, TermsStep
from app.services.conditions import Conditions
from geofences.schedule import DAYS, ClockTime, Schedule
from telemetry.samples import Mode, SafetyOfficer

_TIME_ZONE = "Asia/Shanghai"
_KMH_PER_MPS = 3.6


def conditions_of(terms: TermsStep) -> Conditions:
    """What a permit on these terms demands."""
    asked = terms.conditions
    return Conditions(
        hours=_schedule(terms.hours),
        speed_cap_mps=None if asked.speed_cap_kmh is None else asked.speed_cap_kmh / _KMH_PER_MPS,
        modes=frozenset(Mode[name.upper()] for name in asked.modes),
        safety_officers=frozenset(SafetyOfficer[name.upper()] for name in asked.safety_officers),
        vehicles_per_remote_officer=asked.vehicles_per_remote_officer,
        passengers_allowed=asked.passengers_allowed,
        minimum_accuracy_m=asked.minimum_accuracy_m,
    )


def draft_of_permit(permit: Permit, revision: PermitRevisionRow, *, trial_id: str | None) -> ApplicationDraft:
    """A draft that asks for what the permit allows already. Windows that follow the sun must be stated anew."""
    conditions = Conditions.from_dict(revision.terms)
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
        hours=_windows(conditions.hours),
        conditions=ConditionsDraft.model_validate(
            {
                "speed_cap_kmh": None if cap_mps is None else round(cap_mps * _KMH_PER_MPS, 3),
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
            "time_zone": _TIME_ZONE,
            "windows": [{"days": each.days or ["ANY"], "start": each.start, "end": each.end} for each in windows],
        }
    )


def _windows(schedule: Schedule | None) -> list[HoursWindow]:
    if schedule is None:
        return []
    return [
        HoursWindow.model_validate(
            {
                "days": [] if len(window.days) == len(DAYS) else [DAYS[day] for day in window.days],
                "start": _clock(window.start),
                "end": _clock(window.end),
            }
        )
        for window in schedule.windows
        if isinstance(window.start, ClockTime) and isinstance(window.end, ClockTime)
    ]


def _clock(moment: ClockTime) -> str:
    return f"{moment.minutes // 60:02d}:{moment.minutes % 60:02d}"
