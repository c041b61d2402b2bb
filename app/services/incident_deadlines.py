"""By when an incident is to be reported, and who is told when it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from app.audit import Subject
from app.models import Harm, Incident, IncidentState, Jurisdiction, Notice
from app.schemas.jurisdictions import ReportingDeadlines
from app.services.notices import notify

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
#: How long before a deadline people are reminded, and how long after it again.
_FIRST_LEADS_MS = (_HOUR_MS,)
_FULL_LEADS_MS = (3 * _DAY_MS, _DAY_MS)
_LATE_MS = (0, _DAY_MS, 3 * _DAY_MS, 7 * _DAY_MS)
_REPORTED = (IncidentState.REPORTED, IncidentState.UNDER_REVIEW)
_KINDS = ("incident.first_due", "incident.full_due", "incident.first_overdue", "incident.full_overdue")


@dataclass(frozen=True, slots=True)
class Awaited:
    """A report that is missing: the `first` one, or the `full` one."""

    which: str
    due_ms: int


@dataclass(frozen=True, slots=True)
class IncidentReminder:
    """What has to be told of an incident."""

    incident: Incident
    kind: str
    occasion: str
    due_ms: int


def deadlines_of(jurisdiction: Jurisdiction) -> ReportingDeadlines:
    """The jurisdiction's own, or the documented defaults."""
    return ReportingDeadlines.model_validate(jurisdiction.deadlines)


def first_due_ms(jurisdiction: Jurisdiction, harm: Harm, occurred_at_ms: int) -> int:
    """When the first report is due: sooner where somebody was hurt."""
    deadlines = deadlines_of(jurisdiction)
    hours = deadlines.harm_hours if harm in {Harm.INJURY, Harm.DEATH} else deadlines.other_hours
    return occurred_at_ms + round(hours * _HOUR_MS)


def full_due_ms(jurisdiction: Jurisdiction, occurred_at_ms: int) -> int:
    """When the full report is due."""
    return occurred_at_ms + round(deadlines_of(jurisdiction).full_days * _DAY_MS)


def awaited(incident: Incident) -> Awaited | None:
    """The report that is waited for; None: nothing more is."""
    if incident.state is IncidentState.PROPOSED:
        return Awaited("first", incident.first_due_ms)
    if incident.state in _REPORTED and incident.complete_at_ms is None:
        return Awaited("full", incident.full_due_ms)
    return None


def is_overdue(incident: Incident, now_ms: int) -> bool:
    """Whether a report is missing although its deadline is over."""
    missing = awaited(incident)
    return missing is not None and missing.due_ms < now_ms


def overdue(now_ms: int) -> ColumnElement[bool]:
    """The same as a condition on incidents."""
    return or_(
        and_(Incident.state == IncidentState.PROPOSED, Incident.first_due_ms < now_ms),
        and_(Incident.state.in_(_REPORTED), Incident.complete_at_ms.is_(None), Incident.full_due_ms < now_ms),
    )


def incident_reminders_due(session: Session, now_ms: int) -> list[IncidentReminder]:
    """What has to be told now, and was not yet. Only reads."""
    horizon_ms = now_ms + max(_FULL_LEADS_MS)
    found = session.scalars(select(Incident).where(overdue(horizon_ms)).order_by(Incident.id))
    wanted = [reminder for incident in found for reminder in _reminders(incident, now_ms)]
    if not wanted:
        return []
    told = select(Notice.kind, Notice.subject_id, Notice.occasion).where(Notice.kind.in_(_KINDS))
    known = {tuple(row) for row in session.execute(told)}
    return [each for each in wanted if (each.kind, each.incident.incident_id, each.occasion) not in known]


def remind_of_incidents(session: Session, reminders: Sequence[IncidentReminder], now_ms: int) -> None:
    """Tell the operator, and once it is late the regulators too; nobody is told twice of one occasion."""
    for reminder in reminders:
        incident = reminder.incident
        is_late = reminder.kind.endswith("overdue")
        notify(
            session,
            kind=reminder.kind,
            subject=Subject("incident", incident.incident_id),
            occasion=reminder.occasion,
            params={
                "number": incident.incident_id,
                "vehicle": incident.vehicle.vehicle_id,
                "due_at_ms": reminder.due_ms,
            },
            now_ms=now_ms,
            organisation=incident.vehicle.organisation,
            jurisdiction=incident.jurisdiction if is_late else None,
        )


def _reminders(incident: Incident, now_ms: int) -> Iterator[IncidentReminder]:
    """The newest step that has come: of several that were missed only one is told."""
    missing = awaited(incident)
    if missing is None:
        return
    left_ms = missing.due_ms - now_ms
    leads_ms = _FIRST_LEADS_MS if missing.which == "first" else _FULL_LEADS_MS
    late = [step_ms for step_ms in _LATE_MS if left_ms < 0 and -left_ms >= step_ms]
    soon = [lead_ms for lead_ms in leads_ms if 0 <= left_ms <= lead_ms]
    if late:
        kind, step_ms = f"incident.{missing.which}_overdue", max(late)
    elif soon:
        kind, step_ms = f"incident.{missing.which}_due", min(soon)
    else:
        return
    yield IncidentReminder(incident, kind, f"{step_ms // _HOUR_MS}h:{missing.due_ms}", missing.due_ms)
