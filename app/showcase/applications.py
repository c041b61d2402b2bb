"""Applications of the showcase, each as far as its plan says: drafted, submitted, or handed back with comments."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.models import Application, ApplicationState
from app.schemas.applications import ApplicationDraft, ChangeRequest, FieldComment, NewApplication
from app.services.applications import create_application, save_draft, submit
from app.services.review import request_changes
from app.showcase.people import DAY_MS, People
from app.showcase.plan import PlannedApplication


def apply(session: Session, planned: PlannedApplication, people: People, now_ms: int) -> Application:
    """Fill in one application, and take it to its planned state."""
    holder = people.organisations[planned.organisation]
    manager = people.manager_of(holder)
    application = create_application(
        session, NewApplication(jurisdiction=planned.jurisdiction), holder=holder, actor=manager, now_ms=now_ms
    )
    draft = _draft(planned, now_ms)
    save_draft(session, application, draft, expected_version=application.version, actor=manager, now_ms=now_ms)
    if planned.state is ApplicationState.DRAFT:
        return application
    submit(session, application, comment="", expected_version=application.version, actor=manager, now_ms=now_ms)
    if planned.state is ApplicationState.CHANGES_REQUESTED:
        request_changes(
            session,
            application,
            _request(planned.changes),
            expected_version=application.version,
            actor=people.regulator_of(planned.jurisdiction),
            now_ms=now_ms,
        )
    return application


def _draft(planned: PlannedApplication, now_ms: int) -> ApplicationDraft:
    return ApplicationDraft.model_validate(
        {
            "jurisdiction": planned.jurisdiction,
            "trial_id": planned.trial_id,
            "stage": planned.stage,
            "vehicles": planned.vehicles,
            "officers": planned.officers,
            "zones": planned.zones,
            "valid_from_ms": now_ms + planned.from_days * DAY_MS,
            "valid_until_ms": now_ms + planned.until_days * DAY_MS,
            "hours": planned.hours,
            "conditions": planned.conditions,
            "safety_case": planned.safety_case,
        }
    )


def _request(changes: str) -> ChangeRequest:
    return ChangeRequest(reason=changes, comments=[FieldComment(field="safety_case", comment=changes)])
