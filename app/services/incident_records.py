"""What each change of an incident leaves behind: a revision that never changes, and the audit log's entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import Conflict
from app.models import Incident, IncidentRevision, User
from app.schemas.incidents import IncidentContent, IncidentFile
from app.services.alert_ids import alert_public_id
from app.services.pages import Page, read_page
from telemetry.findings import Finding


def subject_of(incident: Incident) -> Subject:
    """As the audit log and the notices call it."""
    return Subject("incident", incident.incident_id)


def require_version(incident: Incident, expected_version: int) -> None:
    """Raise Conflict unless it is the version that the caller has seen."""
    if incident.version != expected_version:
        raise Conflict("the incident has changed meanwhile")


def leave_record(
    session: Session,
    incident: Incident,
    change: str,
    *,
    actor: User | None,
    now_ms: int,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
) -> IncidentRevision:
    """Store the incident as it is now as its next revision, and tell of `incident.<change>` in the audit log."""
    session.flush()
    newest = select(func.max(IncidentRevision.number)).where(IncidentRevision.incident_key == incident.id)
    revision = IncidentRevision(
        incident=incident,
        number=(session.scalar(newest) or 0) + 1,
        change=change,
        reason=reason,
        content=content_of(incident).model_dump(mode="json"),
        actor=actor,
        recorded_at_ms=now_ms,
    )
    session.add(revision)
    session.flush()
    after = state_of(incident) | {"alerts": alert_ids(incident), "files": [each.id for each in files_of(incident)]}
    record(
        session,
        f"incident.{change}",
        subject_of(incident),
        actor=actor,
        now_ms=now_ms,
        reason=reason,
        before=before,
        after=after,
    )
    return revision


def content_of(incident: Incident) -> IncidentContent:
    """All that is said of it now."""
    return IncidentContent.model_validate(
        {
            name: getattr(incident, name)
            for name in IncidentContent.model_fields
            if name not in {"jurisdiction", "complete", "alerts", "attachments"}
        }
        | {
            "jurisdiction": incident.jurisdiction.code,
            "complete": incident.complete_at_ms is not None,
            "alerts": alert_ids(incident),
            "attachments": files_of(incident),
        }
    )


def alert_ids(incident: Incident) -> list[str]:
    """The public identifiers of the alerts behind it."""
    return [
        alert_public_id(alert.vehicle_key, Finding(alert.finding), alert.opened_at_ms, alert.opened_seq)
        for alert in incident.alerts
    ]


def files_of(incident: Incident) -> list[IncidentFile]:
    """Its files by name and hash."""
    return [
        IncidentFile(id=each.public_id, file_name=each.file_name, sha256=each.sha256.hex())
        for each in incident.attachments
    ]


def revisions_of(session: Session, incident: Incident) -> Sequence[IncidentRevision]:
    """All of them, oldest first."""
    wanted = select(IncidentRevision).where(IncidentRevision.incident_key == incident.id)
    return session.scalars(wanted.order_by(IncidentRevision.number)).all()


def incident_revision_page(
    session: Session, incident: Incident, *, limit: int, cursor: str | None
) -> Page[IncidentRevision]:
    """One page of them, oldest first. Raises InvalidChange for a foreign cursor."""
    wanted = select(IncidentRevision).where(IncidentRevision.incident_key == incident.id)
    return read_page(session, wanted, IncidentRevision.number, limit=limit, cursor=cursor).map(lambda row: row[0])
