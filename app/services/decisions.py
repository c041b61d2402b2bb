"""What people decide on a permit that is in force. Each acts on the next sample that is judged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.calendar import CITY_ZONE
from app.errors import Conflict, InvalidChange, WiderThanBefore
from app.models import Officer, Permit, PermitRevisionRow, Stage, User
from app.schemas.permits import DailyHours, Tightening
from app.services.conditions import Conditions
from app.services.permit_life import TRANSITIONS, Decision, may_follow, terms_of
from app.services.permits import newest_revision, revise_permit
from app.services.restriction import Terms, widened
from app.stages import DRIVERLESS, WITHOUT_PASSENGERS
from app.units import kmh_of, mps_of
from geofences.schedule import Schedule
from telemetry.samples import Mode, SafetyOfficer


def decide(
    session: Session,
    permit: Permit,
    decision: Decision,
    *,
    reason: str,
    expected_revision: int,
    actor: User | None,
    now_ms: int,
) -> PermitRevisionRow:
    """Suspend, reinstate, revoke, surrender or expire it, with the terms as they are.

    Raises Conflict when somebody decided since `expected_revision`, InvalidChange when the permit's
    state does not allow it.
    """
    last = _seen_revision(session, permit, expected_revision)
    if not may_follow(last.state, decision):
        raise InvalidChange(f"a permit that is {last.state} cannot be {decision}", code="transition_not_allowed")
    return revise_permit(
        session,
        permit,
        state=TRANSITIONS[decision][1],
        reason=reason,
        expected_revision=expected_revision,
        actor=actor,
        now_ms=now_ms,
    )


def restrict_permit(
    session: Session,
    permit: Permit,
    tighter: Tightening,
    *,
    reason: str,
    expected_revision: int,
    actor: User,
    now_ms: int,
) -> PermitRevisionRow:
    """Tighten the terms. Raises WiderThanBefore, InvalidChange when nothing changes, Conflict."""
    last = _seen_revision(session, permit, expected_revision)
    before = terms_of(last)
    after = _tightened(before, tighter)
    wider = widened(before, after)
    if wider:
        raise WiderThanBefore(wider)
    if after == before:
        raise InvalidChange("nothing would be restricted", code="nothing_restricted")
    return revise_permit(
        session,
        permit,
        reason=reason,
        stage=after.stage,
        conditions=after.conditions,
        vehicles=[vehicle for vehicle in last.vehicles if vehicle.vehicle_id in after.vehicles],
        zone_ids=after.zones,
        officers=_officers(session, permit, after.officers),
        valid_until_ms=after.valid_until_ms,
        expected_revision=expected_revision,
        actor=actor,
        now_ms=now_ms,
    )


def _seen_revision(session: Session, permit: Permit, expected_revision: int) -> PermitRevisionRow:
    """The newest revision, which is what the caller has seen. Raises Conflict.

    Revisions never change, so that what is found out about this one holds until revise_permit, which
    alone can be sure that no other has come, says so.
    """
    last = newest_revision(session, permit)
    if last.number != expected_revision:
        raise Conflict(f"permit {permit.number} is at revision {last.number}, not {expected_revision}")
    return last


def _tightened(before: Terms, tighter: Tightening) -> Terms:
    def stated(names: Collection[str] | None, otherwise: frozenset[str]) -> frozenset[str]:
        return otherwise if names is None else frozenset(names)

    conditions = with_stated(before.conditions, tighter)
    return replace(
        before,
        stage=before.stage if tighter.stage is None else tighter.stage,
        conditions=conditions if tighter.stage is None else bounded(conditions, tighter.stage),
        vehicles=stated(tighter.vehicles, before.vehicles),
        zones=stated(tighter.zones, before.zones),
        officers=stated(tighter.officers, before.officers),
        valid_until_ms=before.valid_until_ms if tighter.valid_until_ms is None else tighter.valid_until_ms,
    )


def with_stated(before: Conditions, tighter: Tightening) -> Conditions:
    """The conditions with those that are stated in the place of what was."""
    changes: dict[str, Any] = {
        "hours": None if tighter.hours is None else _schedule(tighter.hours),
        "speed_cap_mps": None if tighter.speed_cap_kmh is None else mps_of(tighter.speed_cap_kmh),
        "modes": None if tighter.modes is None else frozenset(Mode[name.upper()] for name in tighter.modes),
        "safety_officers": None
        if tighter.safety_officers is None
        else frozenset(SafetyOfficer[name.upper()] for name in tighter.safety_officers),
        "vehicles_per_remote_officer": tighter.vehicles_per_remote_officer,
        "passengers_allowed": tighter.passengers_allowed,
        "minimum_accuracy_m": tighter.minimum_accuracy_m,
    }
    return replace(before, **{name: value for name, value in changes.items() if value is not None})


def bounded(conditions: Conditions, stage: Stage) -> Conditions:
    """Without what the stage does not allow: passengers in tests of the vehicle itself, driving without an officer."""
    officers = conditions.safety_officers if stage in DRIVERLESS else conditions.safety_officers - {SafetyOfficer.NONE}
    if not officers:
        raise InvalidChange("this stage needs a safety officer", code="officer_needed", field="safety_officers")
    carries = conditions.passengers_allowed and stage not in WITHOUT_PASSENGERS
    return replace(conditions, safety_officers=officers, passengers_allowed=carries)


def _schedule(hours: DailyHours) -> Schedule:
    window = {"days": hours.days, "start": hours.start, "end": hours.end}
    return Schedule.from_dict({"time_zone": CITY_ZONE, "windows": [window]})


def shown_kmh(speed_mps: float) -> float:
    """A speed as people read it, to a tenth of a kilometre an hour."""
    return round(kmh_of(speed_mps), 1)


def _officers(session: Session, permit: Permit, officer_ids: Collection[str]) -> list[Officer]:
    """The holder's officers of these identifiers. Raises InvalidChange for any other."""
    own = select(Officer).where(Officer.officer_id.in_(officer_ids), Officer.organisation_id == permit.holder_id)
    found = list(session.scalars(own))
    if len(found) < len(officer_ids):
        raise InvalidChange("a permit names officers of its holder only", code="not_the_holders", field="officers")
    return found
