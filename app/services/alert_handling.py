"""What people do about an alert: acknowledge it, charge somebody with it, write, escalate, close it.

The judge's episode and a person's closing are two things: an alert that was closed with a reason while
its vehicle goes on stays on the board, as closed, until the judge ends it; what begins anew is a new alert.
Whoever handles an alert locks its row first, so that of two at once the second sees what the first did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.errors import Conflict, InvalidChange, NotFound
from app.models import (
    OPERATORS,
    Alert,
    AlertComment,
    Jurisdiction,
    PermitRevisionRow,
    Role,
    User,
    ZoneRevisionRow,
)
from app.services.alert_acknowledging import note_seen
from app.services.alert_ids import public_id_of
from app.services.notice_topics import assignment_kind
from app.services.notices import notify
from telemetry.findings import Finding


def acknowledge_alert(session: Session, alert_id: int, *, actor: User, now_ms: int, note: str | None = None) -> Alert:
    """Note who has seen the alert, and when; the first acknowledgement stands. Raises NotFound."""
    alert = _locked(session, alert_id)
    _note_seen(session, alert, actor, now_ms, note)
    return alert


def assign_alert(
    session: Session, alert_id: int, assignee_id: int | None, *, expected_version: int, actor: User, now_ms: int
) -> Alert:
    """Charge a person with the alert, or nobody (None). Whoever takes it on has seen it; another person is told.

    Raises Conflict for an older version, InvalidChange for a person whom the actor cannot charge, and
    for an operator while a regulator has it in hand.
    """
    alert = _seen(session, alert_id, expected_version)
    before = alert.assigned_to
    if actor.role in OPERATORS and before is not None and before.role is Role.REGULATOR:
        raise InvalidChange("a regulator has this alert in hand", code="alert_in_hand", field="assignee_id")
    alert.assigned_to = None if assignee_id is None else _assignee(session, assignee_id, actor)
    alert.assigned_at_ms = None if assignee_id is None else now_ms
    _tell(
        session,
        "assigned",
        alert,
        actor=actor,
        now_ms=now_ms,
        before={"assigned_to": before.email if before else None},
        after={"assigned_to": alert.assigned_to.email if alert.assigned_to else None},
    )
    if assignee_id == actor.id:
        _note_seen(session, alert, actor, now_ms)
    elif alert.assigned_to is not None:
        _tell_assignee(session, alert, alert.assigned_to, now_ms)
    return alert


def comment_on_alert(session: Session, alert_id: int, text: str, *, actor: User, now_ms: int) -> AlertComment:
    """Write about the alert, for everybody who may see it. Raises NotFound."""
    alert = _locked(session, alert_id)
    comment = AlertComment(alert=alert, author=actor, written_at_ms=now_ms, text=text)
    session.add(comment)
    alert.comment_count += 1
    _tell(session, "commented", alert, actor=actor, now_ms=now_ms, reason=text)
    return comment


def escalate_alert(
    session: Session, alert_id: int, reason: str, *, expected_version: int, actor: User, now_ms: int
) -> Alert:
    """Call for more attention: the operator and the jurisdiction's regulators are told.

    Raises Conflict for an older version, InvalidChange for one that a person escalated before or closed.
    """
    alert = _seen(session, alert_id, expected_version)
    _require_unresolved(alert)
    if alert.escalated_by_id is not None:
        raise InvalidChange("somebody has escalated it already", code="alert_escalated")
    alert.escalated_at_ms, alert.escalated_by, alert.escalation = now_ms, actor, reason
    _tell(session, "escalated", alert, actor=actor, now_ms=now_ms, reason=reason)
    notify(
        session,
        kind="alert.escalated",
        subject=_subject(alert),
        occasion="by hand",
        params={"vehicle": alert.vehicle.vehicle_id, "reason": reason},
        now_ms=now_ms,
        organisation=alert.vehicle.organisation,
        jurisdiction=jurisdiction_of(session, alert),
    )
    return alert


def resolve_alert(
    session: Session, alert_id: int, reason: str, *, expected_version: int, actor: User, now_ms: int
) -> Alert:
    """Close the alert for people, with a reason; the judge's episode ends by itself.

    Raises Conflict for an older version, InvalidChange for one that is closed already.
    """
    alert = _seen(session, alert_id, expected_version)
    _require_unresolved(alert)
    alert.resolved_at_ms, alert.resolved_by, alert.resolution = now_ms, actor, reason
    _tell(session, "resolved", alert, actor=actor, now_ms=now_ms, reason=reason)
    return alert


def possible_assignees(session: Session, actor: User) -> Sequence[User]:
    """Whom the actor may charge with an alert: regulators one another, operators their organisation's people."""
    people = select(User).where(User.disabled_at_ms.is_(None)).order_by(User.display_name, User.id)
    if actor.role in OPERATORS:
        people = people.where(User.role.in_(OPERATORS), User.organisation_id == actor.organisation_id)
    else:
        people = people.where(User.role == Role.REGULATOR)
    return session.scalars(people).all()


def jurisdiction_of(session: Session, alert: Alert) -> Jurisdiction | None:
    """Whose alert it is: the permit's, else that of the zone; None for neither."""
    if alert.permit_revision_id is not None:
        return session.get_one(PermitRevisionRow, alert.permit_revision_id).permit.jurisdiction
    if alert.zone_revision_id is None:
        return None
    code = session.get_one(ZoneRevisionRow, alert.zone_revision_id).jurisdiction
    return session.scalar(select(Jurisdiction).where(Jurisdiction.code == code))


def _locked(session: Session, alert_id: int) -> Alert:
    alert = session.get(Alert, alert_id, with_for_update={"of": Alert}, populate_existing=True)
    if alert is None:
        raise NotFound(f"no alert {alert_id}")
    return alert


def _seen(session: Session, alert_id: int, expected_version: int) -> Alert:
    alert = _locked(session, alert_id)
    if alert.version != expected_version:
        raise Conflict("somebody else has handled this alert meanwhile")
    return alert


def _assignee(session: Session, assignee_id: int, actor: User) -> User:
    for person in possible_assignees(session, actor):
        if person.id == assignee_id:
            return person
    raise InvalidChange("nobody whom you can charge with it", code="unknown_assignee", field="assignee_id")


def _require_unresolved(alert: Alert) -> None:
    if alert.resolved_at_ms is not None:
        raise InvalidChange("it was closed with a reason before", code="alert_resolved")


def _note_seen(session: Session, alert: Alert, actor: User, now_ms: int, note: str | None = None) -> None:
    note_seen(session, {alert.id: public_id_of(alert)}, actor=actor, now_ms=now_ms, note=note)
    session.refresh(alert)


def _tell_assignee(session: Session, alert: Alert, assignee: User, now_ms: int) -> None:
    """In the page that person alone; channels belong to organisations and jurisdictions, and name the person."""
    is_operator = assignee.role in OPERATORS
    notify(
        session,
        kind=assignment_kind(alert.severity),
        subject=_subject(alert),
        occasion=f"{assignee.id}.{alert.version}",
        params={
            "vehicle": alert.vehicle.vehicle_id,
            "finding": Finding(alert.finding).code,
            "person": assignee.display_name,
        },
        now_ms=now_ms,
        person=assignee,
        organisation=assignee.organisation if is_operator else None,
        jurisdiction=None if is_operator else _jurisdiction_for(session, alert, assignee),
    )


def _jurisdiction_for(session: Session, alert: Alert, regulator: User) -> Jurisdiction | None:
    """The alert's, where the regulator is one of its; else the regulator's first."""
    own = sorted(regulator.jurisdictions, key=lambda each: each.id)
    concerned = jurisdiction_of(session, alert)
    return concerned if concerned in own else next(iter(own), None)


def _tell(
    session: Session,
    verb: str,
    alert: Alert,
    *,
    actor: User,
    now_ms: int,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    alert.handled_at_ms = now_ms
    session.flush()
    record(
        session, f"alert.{verb}", _subject(alert), actor=actor, now_ms=now_ms, reason=reason, before=before, after=after
    )


def _subject(alert: Alert) -> Subject:
    return Subject("alert", public_id_of(alert))
