"""Applications as the API answers them."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from sqlalchemy.orm import Session

from app.models import Application, ApplicationEvent, ApplicationRevision
from app.schemas.applications import (
    ApplicationEventOut,
    ApplicationOut,
    ApplicationRevisionOut,
    ApplicationSummary,
    EntryGate,
    Gap,
)
from app.services.applications import attachment_out, draft_of, gates_of
from app.services.completeness import gaps
from app.services.review import content_of
from app.web.api.base import answer
from app.web.runtime import runtime


def summary(row: Application) -> ApplicationSummary:
    """An application in a list."""
    draft = draft_of(row)
    return ApplicationSummary(
        number=row.number,
        state=row.state,
        holder=row.holder.code,
        jurisdiction=row.jurisdiction.code,
        stage=draft.stage,
        trial_id=draft.trial_id,
        permit=row.permit.number if row.permit is not None else None,
        revision=len(row.revisions) or None,
        created_at_ms=row.created_at_ms,
        changed_at_ms=row.changed_at_ms,
        version=row.version,
    )


def revision_out(row: ApplicationRevision) -> ApplicationRevisionOut:
    """What was submitted once."""
    return ApplicationRevisionOut(
        number=row.number,
        submitted_at_ms=row.submitted_at_ms,
        content=content_of(row),
        gates=[EntryGate.model_validate(gate) for gate in row.gates],
    )


def event_out(row: ApplicationEvent, revision: int | None) -> ApplicationEventOut:
    """A step or a comment, with the number of the revision that it is about."""
    return ApplicationEventOut(
        at_ms=row.recorded_at_ms,
        state=row.state,
        revision=revision,
        field=row.field,
        comment=row.comment,
        actor=row.actor.display_name if row.actor is not None else None,
    )


def shown(session: Session, row: Application, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """An application with everything that stands in its way; its version is the ETag."""
    session.flush()
    draft, now_ms = draft_of(row), runtime().clock()
    told = ApplicationOut(
        **summary(row).model_dump(),
        draft=draft,
        attachments=[attachment_out(each) for each in row.attachments],
        gaps=[
            Gap(
                step=gap.step,
                field=gap.field,
                code=gap.code,
                detail=gap.code.replace("_", " "),
                params=dict(gap.params),
            )
            for gap in gaps(session, row, draft, now_ms)
        ],
        gates=gates_of(session, row, draft, now_ms),
    )
    return answer(told, status, version=row.version)
