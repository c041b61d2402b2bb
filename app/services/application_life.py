"""The life of an application: its states, its history, and who is told of a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from app.audit import Subject, record, state_of
from app.errors import Conflict
from app.models import Application, ApplicationEvent, ApplicationRevision, ApplicationState, User
from app.services.notices import notify

#: States in which its operator works on it.
EDITABLE = frozenset({ApplicationState.DRAFT, ApplicationState.CHANGES_REQUESTED})
#: States in which the regulator has the next word.
WAITING = frozenset({ApplicationState.SUBMITTED, ApplicationState.UNDER_REVIEW})


def require_version(application: Application, expected_version: int) -> None:
    """Raise Conflict unless this is the version that the caller has seen."""
    if application.version != expected_version:
        raise Conflict("the application has changed meanwhile")


def enter(
    session: Session,
    application: Application,
    state: ApplicationState,
    *,
    action: str,
    comment: str,
    actor: User,
    now_ms: int,
    revision: ApplicationRevision | None = None,
) -> ApplicationEvent:
    """Bring the application into a state, and tell of it."""
    before = state_of(application)
    application.state, application.changed_at_ms = state, now_ms
    flag_modified(application, "state")  # the version rises even where state and time stay the same
    session.flush()
    told(session, application, action, actor=actor, now_ms=now_ms, before=before, reason=comment)
    return add_event(session, application, comment=comment, actor=actor, now_ms=now_ms, revision=revision)


def add_event(
    session: Session,
    application: Application,
    *,
    actor: User,
    now_ms: int,
    comment: str = "",
    field: str = "",
    revision: ApplicationRevision | None = None,
) -> ApplicationEvent:
    """A line in the application's history."""
    event = ApplicationEvent(
        application_id=application.id,
        revision_id=revision.id if revision is not None else None,
        state=application.state,
        field=field,
        comment=comment,
        actor_id=actor.id,
        recorded_at_ms=now_ms,
    )
    session.add(event)
    session.flush()
    return event


def told(
    session: Session,
    application: Application,
    action: str,
    *,
    actor: User,
    now_ms: int,
    before: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """An entry in the audit log."""
    after = state_of(application) | {"attachments": [each.public_id for each in application.attachments]}
    subject = Subject("application", application.number)
    record(session, action, subject, actor=actor, now_ms=now_ms, reason=reason, before=before, after=after)


def tell_regulators(session: Session, application: Application, kind: str, occasion: str, now_ms: int) -> None:
    """A notice to the jurisdiction."""
    notify(
        session,
        kind=kind,
        subject=Subject("application", application.number),
        occasion=occasion,
        params={"number": application.number},
        now_ms=now_ms,
        jurisdiction=application.jurisdiction,
    )


def tell_holder(session: Session, application: Application, kind: str, now_ms: int) -> None:
    """A notice to the operator."""
    notify(
        session,
        kind=kind,
        subject=Subject("application", application.number),
        occasion=f"version-{application.version}",
        params={"number": application.number},
        now_ms=now_ms,
        organisation=application.holder,
    )
