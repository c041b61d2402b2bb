"""What regulators do with incidents: review, decide on the fault, close, open again."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from app.audit import state_of
from app.errors import InvalidChange
from app.models import Fault, Incident, IncidentState, User
from app.schemas.incidents import FaultDecision, IncidentClosing
from app.services.incident_records import leave_record, require_version, subject_of
from app.services.notices import notify

#: What a regulator can decide on.
_BEFORE_THE_REGULATOR = frozenset({IncidentState.REPORTED, IncidentState.UNDER_REVIEW})


def review_incident(session: Session, incident: Incident, *, expected_version: int, actor: User, now_ms: int) -> None:
    """Begin to look into it; the operator is told. Raises Conflict for an older version, InvalidChange."""
    require_version(incident, expected_version)
    _require_state(incident, {IncidentState.REPORTED})
    before = state_of(incident)
    incident.state = IncidentState.UNDER_REVIEW
    leave_record(session, incident, "review_begun", actor=actor, now_ms=now_ms, before=before)
    _tell(session, incident, "incident.review_begun", now_ms)


def decide_fault(
    session: Session, incident: Incident, decision: FaultDecision, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Decide, or decide anew, whether it was at fault; the operator is told.

    Raises Conflict for an older version, InvalidChange for what is not reported, or closed.
    """
    require_version(incident, expected_version)
    _require_state(incident, _BEFORE_THE_REGULATOR)
    before = state_of(incident)
    _state_fault(incident, decision.fault, decision.reason, actor, now_ms)
    leave_record(session, incident, "fault_decided", actor=actor, now_ms=now_ms, reason=decision.reason, before=before)
    _tell(session, incident, "incident.fault_decided", now_ms)


def close_incident(
    session: Session, incident: Incident, closing: IncidentClosing, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Close it with what was found and the fault; the operator is told.

    Raises Conflict for an older version, InvalidChange for what is not reported, or closed already.
    """
    require_version(incident, expected_version)
    _require_state(incident, _BEFORE_THE_REGULATOR)
    before = state_of(incident)
    if incident.fault != closing.fault:
        _state_fault(incident, closing.fault, closing.conclusion, actor, now_ms)
    incident.state, incident.conclusion, incident.closed_at_ms = IncidentState.CLOSED, closing.conclusion, now_ms
    leave_record(session, incident, "closed", actor=actor, now_ms=now_ms, reason=closing.conclusion, before=before)
    _tell(session, incident, "incident.closed", now_ms)


def reopen_incident(
    session: Session, incident: Incident, reason: str, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Take a closed one under review again, or a dismissed proposal back to the operator, who is told.

    Raises Conflict for an older version, InvalidChange for one that is open.
    """
    require_version(incident, expected_version)
    _require_state(incident, {IncidentState.CLOSED, IncidentState.DISMISSED})
    before = state_of(incident)
    was_dismissed = incident.state is IncidentState.DISMISSED
    incident.state = IncidentState.PROPOSED if was_dismissed else IncidentState.UNDER_REVIEW
    incident.closed_at_ms = None
    leave_record(session, incident, "reopened", actor=actor, now_ms=now_ms, reason=reason, before=before)
    _tell(session, incident, "incident.reopened", now_ms, reason=reason)


def _state_fault(incident: Incident, fault: str, reason: str, actor: User, now_ms: int) -> None:
    incident.fault, incident.fault_reason = Fault(fault), reason
    incident.decided_by_id, incident.decided_at_ms = actor.id, now_ms


def _require_state(incident: Incident, allowed: Collection[IncidentState]) -> None:
    if incident.state not in allowed:
        raise InvalidChange(f"the incident is {incident.state}", code="incident_state")


def _tell(session: Session, incident: Incident, kind: str, now_ms: int, *, reason: str = "") -> None:
    notify(
        session,
        kind=kind,
        subject=subject_of(incident),
        occasion=str(incident.version),
        params={"number": incident.incident_id, "vehicle": incident.vehicle.vehicle_id, "reason": reason},
        now_ms=now_ms,
        organisation=incident.vehicle.organisation,
    )
