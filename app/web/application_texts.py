"""The words of applications: steps, fields, gaps, entry gates, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import LazyString, format_decimal
from flask_babel import gettext as _now
from flask_babel import lazy_gettext as _

from app.models import Application, ApplicationState
from app.schemas.applications import EntryGate
from app.services.completeness import Gap
from app.web.times import day

#: The steps of the form in their order.
STEPS: Mapping[str, LazyString] = {
    "basics": _("Trial and stage"),
    "vehicles": _("Vehicles"),
    "people": _("People"),
    "zones": _("Places"),
    "terms": _("Period and conditions"),
    "safety": _("Safety case"),
}

FIELDS: Mapping[str, LazyString] = {
    "jurisdiction": _("Jurisdiction"),
    "trial_id": _("Trial"),
    "stage": _("Stage"),
    "permit": _("Permit to be changed"),
    "vehicles": _("Vehicles"),
    "officers": _("People who steer"),
    "zones": _("Roads, areas and corridors"),
    "valid_from_ms": _("Valid from"),
    "valid_until_ms": _("Valid until"),
    "hours": _("Daily windows"),
    "conditions": _("Conditions"),
    "conditions.speed_cap_kmh": _("Speed cap"),
    "conditions.modes": _("Driving modes"),
    "conditions.safety_officers": _("Safety officer"),
    "conditions.vehicles_per_remote_officer": _("Vehicles for each remote officer"),
    "conditions.passengers_allowed": _("Passengers"),
    "conditions.minimum_accuracy_m": _("Positioning accuracy"),
    "safety_case": _("Safety case"),
    "attachments": _("Files"),
    "reason": _("Reason"),
    "exception_reason": _("Reason for the exception"),
}

_GAPS: Mapping[str, LazyString] = {
    "stage_missing": _("Choose a stage."),
    "stage_of_permit_differs": _("The permit is for another stage: a new stage needs a new permit."),
    "trial_missing": _("Choose the trial."),
    "trial_unknown": _("You have no trial %(ids)s."),
    "trial_of_other_domain": _("The trial %(ids)s has no such stage: it is for another domain."),
    "vehicles_missing": _("Choose at least one vehicle."),
    "vehicle_unknown": _("You have no such vehicle: %(ids)s."),
    "vehicle_of_other_kind": _("The stage is not for vehicles of this kind: %(ids)s."),
    "vehicle_out_of_service": _("Out of service: %(ids)s."),
    "insurance_missing": _("The insurance is not stated: %(ids)s."),
    "insurance_ends_before": _("The insurance ends before the period does: %(ids)s."),
    "level_too_low": _("Without an officer, automation of level %(level)s is needed: %(ids)s."),
    "officers_missing": _("Name at least one person who steers."),
    "officer_unknown": _("You have no such person: %(ids)s."),
    "officer_of_other_kind": _("Not licensed for vehicles of this stage: %(ids)s."),
    "licence_missing": _("Without a valid licence: %(ids)s."),
    "licence_ends_before": _("The licence ends before the period does: %(ids)s."),
    "nobody_onboard": _("Nobody named may steer on board, as the conditions say."),
    "nobody_remote": _("Nobody named may steer remotely, as the conditions say."),
    "zones_missing": _("Choose at least one place."),
    "zone_unknown": _("There is no such place: %(ids)s."),
    "zone_of_other_kind": _("The stage is not for places of this kind: %(ids)s."),
    "zone_not_in_force": _("Not in force during the whole period: %(ids)s."),
    "zone_not_recognised": _("In a jurisdiction that does not recognise this permit: %(ids)s."),
    "period_missing": _("State the period."),
    "period_over": _("The period is over already."),
    "ends_before_start": _("The period must end after it begins."),
    "period_too_long": _("The period may be %(months)s months at most."),
    "hours_undecided": _("State the daily windows, or that none are wanted."),
    "modes_missing": _("Choose at least one driving mode."),
    "posts_missing": _("Say where the safety officer is."),
    "officer_needed": _("This stage needs a safety officer."),
    "ratio_missing": _("Say how many vehicles each remote officer watches over."),
    "ratio_too_high": _("At most %(most)s vehicles for each remote officer."),
    "no_passengers_yet": _("This stage carries no passengers."),
    "safety_case_missing": _("Describe the safety case, or upload it."),
}

_EVENTS: Mapping[ApplicationState, LazyString] = {
    ApplicationState.DRAFT: _("Begun"),
    ApplicationState.SUBMITTED: _("Submitted"),
    ApplicationState.UNDER_REVIEW: _("Review begun"),
    ApplicationState.CHANGES_REQUESTED: _("Changes requested"),
    ApplicationState.GRANTED: _("Granted"),
    ApplicationState.REJECTED: _("Rejected"),
    ApplicationState.WITHDRAWN: _("Withdrawn"),
}


def field_label(field: str) -> str:
    """The name of a field in the request's language."""
    return str(FIELDS.get(field, field))


def gap_text(gap: Gap) -> str:
    """What is missing, in the request's language."""
    return str(_GAPS[gap.code]) % gap.params


def event_title(state: ApplicationState, field: str) -> str:
    """The title of an event: a step, or a comment on a field."""
    if field:
        return _now("Comment: %(field)s", field=field_label(field))
    return str(_EVENTS[state])


def step_states(gaps: Sequence[Gap], current: str = "") -> dict[str, str]:
    """Of each step whether it is done, current, still to do, or has something to be corrected."""
    found = dict.fromkeys(STEPS, "done")
    for gap in gaps:
        is_open = gap.code.endswith("_missing") and found[gap.step] != "problem"
        found[gap.step] = "todo" if is_open else "problem"
    return found | ({current: "current"} if current in found else {})


def gate_title(gate: EntryGate) -> str:
    """What the gate is about."""
    titles = {
        "experience": _now("Driven in automation on these places"),
        "accident_free": _now("No accident at fault on these places"),
        "insured_sum": _now("Insured sum of each vehicle"),
    }
    return titles[gate.code]


def gate_required(gate: EntryGate) -> str:
    """What it demands."""
    if gate.code == "insured_sum":
        return _now("at least RMB %(sum)s", sum=_number(gate.required["insured_sum_cny"]))
    if gate.code == "accident_free":
        return _now("none, and none undecided")
    wanted = [
        text
        for amount, text in (
            (gate.required["distance_km"], _now("%(km)s km", km=_number(gate.required["distance_km"]))),
            (gate.required["hours"], _now("%(hours)s h", hours=_number(gate.required["hours"]))),
        )
        if amount
    ]
    return (_now(" and ") if gate.required["both_needed"] else _now(" or ")).join(wanted)


def gate_measured(gate: EntryGate) -> str:
    """What was measured."""
    measured = gate.measured
    if gate.code == "insured_sum" and not gate.passed and not gate.subjects:
        return _now("no vehicle chosen yet")
    if gate.code == "insured_sum":
        return _now("RMB %(sum)s is the smallest", sum=_number(measured["insured_sum_cny"]))
    if gate.code == "accident_free":
        return _now(
            "%(at_fault)s at fault, %(undecided)s undecided; on other roads %(elsewhere)s",
            at_fault=_number(measured["at_fault"]),
            undecided=_number(measured["undecided"]),
            elsewhere=_number(measured["elsewhere"]),
        )
    return _now(
        "%(km)s km and %(hours)s h", km=_number(measured["distance_km"], 1), hours=_number(measured["hours"], 1)
    )


def gate_source(gate: EntryGate) -> str:
    """From which records it was measured."""
    if gate.code == "insured_sum":
        return _now("Register of vehicles") + (f": {', '.join(gate.subjects)}" if gate.subjects else "")
    since = day(gate.since_ms or 0)
    if gate.code == "accident_free":
        found = f": {', '.join(gate.subjects)}" if gate.subjects else ""
        told = _now(
            "Incidents of the operator's vehicles since %(day)s, but for days on which they only drove elsewhere",
            day=since,
        )
        return told + found
    return _now(
        "Telemetry of the operator's vehicles since %(day)s; in any mode %(km)s km and %(hours)s h",
        day=since,
        km=_number(gate.measured["all_distance_km"], 1),
        hours=_number(gate.measured["all_hours"], 1),
    )


def application_title(application: Application) -> str:
    """What it asks for: a new permit, or a change of one."""
    if application.permit is None or application.state is ApplicationState.GRANTED:
        return _now("Application for a permit")
    return _now("Application for a change of %(permit)s", permit=application.permit.number)


def _number(value: float, decimals: int = 0) -> str:
    return str(format_decimal(round(value, decimals), format="#,##0" + (".0" if decimals else "")))
