"""Applications for permits as their operator works on them: drafted step by step, submitted, withdrawn.

What the regulator does with them is app.services.review.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.attributes import flag_modified

from app.audit import state_of
from app.calendar import wall_time
from app.errors import InvalidChange, NotFound
from app.models import (
    Application,
    ApplicationRevision,
    ApplicationState,
    Attachment,
    Jurisdiction,
    Organisation,
    Permit,
    User,
)
from app.schemas.applications import ApplicationContent, ApplicationDraft, AttachmentOut, EntryGate, NewApplication
from app.services.application_life import EDITABLE, WAITING, add_event, enter, require_version, tell_regulators, told
from app.services.application_terms import draft_of_permit
from app.services.attachments import delete_attachment, store_attachment
from app.services.completeness import gaps
from app.services.entry_gates import entry_gates
from app.services.pages import Page, read_page
from app.services.permits import newest_revision

MOST_ATTACHMENTS = 20
_NUMBER_CHARACTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBER_LENGTH = 6


@dataclass(frozen=True, slots=True)
class ApplicationFilter:
    """Which applications a list holds; None: any. `holder` and `jurisdiction` are codes."""

    organisation_id: int | None = None
    with_drafts: bool = True
    state: ApplicationState | None = None
    holder: str | None = None
    jurisdiction: str | None = None


def create_application(
    session: Session, details: NewApplication, *, holder: Organisation, actor: User, now_ms: int
) -> Application:
    """Begin an application, for a new permit or for a change of one that the holder has.

    A change begins with the terms of the permit. Raises InvalidChange for an unknown jurisdiction or permit.
    """
    permit = _permit(session, details.permit, holder)
    jurisdiction = permit.jurisdiction if permit is not None else _jurisdiction(session, details.jurisdiction)
    draft = ApplicationDraft(jurisdiction=jurisdiction.code, trial_id=details.trial_id, stage=details.stage)
    if permit is not None:
        draft = draft_of_permit(permit, newest_revision(session, permit), trial_id=details.trial_id)
    application = Application(
        number=_number(now_ms),
        holder=holder,
        jurisdiction=jurisdiction,
        permit=permit,
        state=ApplicationState.DRAFT,
        draft=draft.model_dump(mode="json"),
        created_by_id=actor.id,
        created_at_ms=now_ms,
        changed_at_ms=now_ms,
    )
    session.add(application)
    session.flush()
    told(session, application, "application.created", actor=actor, now_ms=now_ms)
    add_event(session, application, actor=actor, now_ms=now_ms)
    return application


def save_draft(
    session: Session,
    application: Application,
    draft: ApplicationDraft,
    *,
    expected_version: int,
    actor: User,
    now_ms: int,
) -> None:
    """Keep what was filled in. Raises Conflict when it was changed meanwhile, InvalidChange when it is decided on."""
    require_version(application, expected_version)
    _require_editable(application)
    jurisdiction = _jurisdiction(session, draft.jurisdiction)
    is_settled = application.permit is not None or application.state is not ApplicationState.DRAFT
    if jurisdiction is not application.jurisdiction and is_settled:
        raise InvalidChange("the jurisdiction is settled", code="jurisdiction_settled", field="jurisdiction")
    kept = draft.model_dump(mode="json")
    if kept == application.draft:
        return
    before = state_of(application)
    application.draft, application.jurisdiction = kept, jurisdiction
    application.changed_at_ms = now_ms
    session.flush()
    told(session, application, "application.draft_saved", actor=actor, now_ms=now_ms, before=before)


def attach(
    session: Session,
    application: Application,
    *,
    file_name: str,
    content: bytes,
    expected_version: int,
    actor: User,
    now_ms: int,
) -> Attachment:
    """Add a file to the safety case. Raises as store_attachment and save_draft do, and for one file too many."""
    require_version(application, expected_version)
    _require_editable(application)
    if len(application.attachments) >= MOST_ATTACHMENTS:
        raise InvalidChange("there are too many files", code="too_many_files", field="file", most=MOST_ATTACHMENTS)
    attachment = store_attachment(
        session, organisation=application.holder, file_name=file_name, content=content, actor=actor, now_ms=now_ms
    )
    application.attachments.append(attachment)
    _touch(session, application, now_ms)
    told(session, application, "application.file_attached", actor=actor, now_ms=now_ms)
    return attachment


def detach(
    session: Session, application: Application, public_id: str, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Take a file out of the draft; it is deleted unless a submitted revision has it."""
    require_version(application, expected_version)
    _require_editable(application)
    attachment = next((each for each in application.attachments if each.public_id == public_id), None)
    if attachment is None:
        raise NotFound("There is no such file.")
    application.attachments.remove(attachment)
    _touch(session, application, now_ms)
    told(session, application, "application.file_removed", actor=actor, now_ms=now_ms)
    submitted = [each["id"] for revision in application.revisions for each in revision.content["attachments"]]
    if public_id not in submitted:
        delete_attachment(session, attachment, actor=actor, now_ms=now_ms)


def submit(
    session: Session, application: Application, *, comment: str, expected_version: int, actor: User, now_ms: int
) -> ApplicationRevision:
    """Submit the draft as the next revision, with its entry gates as they are measured now.

    A failed entry gate does not keep it back: the regulator decides on an exception. Raises
    InvalidChange (`application_incomplete`) while app.services.completeness finds a gap.
    """
    require_version(application, expected_version)
    _require_editable(application)
    draft = draft_of(application)
    if gaps(session, application, draft, now_ms):
        raise InvalidChange("the application is not complete", code="application_incomplete")
    revision = ApplicationRevision(
        application=application,
        number=len(application.revisions) + 1,
        content=_content(application, draft).model_dump(mode="json"),
        gates=[gate.model_dump(mode="json") for gate in gates_of(session, application, draft, now_ms)],
        submitted_by_id=actor.id,
        submitted_at_ms=now_ms,
    )
    session.add(revision)
    enter(
        session,
        application,
        ApplicationState.SUBMITTED,
        action="application.submitted",
        comment=comment,
        actor=actor,
        now_ms=now_ms,
        revision=revision,
    )
    tell_regulators(session, application, "application.submitted", f"revision-{revision.number}", now_ms)
    return revision


def withdraw(
    session: Session, application: Application, *, reason: str, expected_version: int, actor: User, now_ms: int
) -> None:
    """Give the application up. Raises InvalidChange when it is decided on already."""
    require_version(application, expected_version)
    if application.state not in EDITABLE | WAITING:
        raise InvalidChange("the application is decided on", code="application_closed")
    was_waiting = application.state in WAITING
    enter(
        session,
        application,
        ApplicationState.WITHDRAWN,
        action="application.withdrawn",
        comment=reason,
        actor=actor,
        now_ms=now_ms,
    )
    if was_waiting:
        tell_regulators(session, application, "application.withdrawn", "withdrawn", now_ms)


def application_by_number(session: Session, number: str) -> Application:
    """Raises NotFound."""
    application = session.scalar(select(Application).where(Application.number == number))
    if application is None:
        raise NotFound(f"no application {number}")
    return application


def applications_of(organisation_id: int | None = None, *, with_drafts: bool = True) -> Select[Application]:
    """One holder's applications, or everybody's; regulators see them without drafts. In no order.

    What a revision holds is read when it is asked for.
    """
    revisions = selectinload(Application.revisions).load_only(ApplicationRevision.number)
    statement = select(Application).options(revisions, selectinload(Application.permit))
    if not with_drafts:
        statement = statement.where(Application.state != ApplicationState.DRAFT)
    return statement if organisation_id is None else statement.where(Application.holder_id == organisation_id)


def application_page(
    session: Session, wanted: ApplicationFilter, *, limit: int, cursor: str | None
) -> Page[Application]:
    """One page of applications, the oldest first. Raises InvalidChange for a foreign cursor."""
    statement = applications_of(wanted.organisation_id, with_drafts=wanted.with_drafts)
    if wanted.state is not None:
        statement = statement.where(Application.state == wanted.state)
    if wanted.holder is not None:
        statement = statement.where(Application.holder.has(Organisation.code == wanted.holder))
    if wanted.jurisdiction is not None:
        statement = statement.where(Application.jurisdiction.has(Jurisdiction.code == wanted.jurisdiction))
    return read_page(session, statement, Application.id, limit=limit, cursor=cursor).map(lambda row: row[0])


def draft_of(application: Application) -> ApplicationDraft:
    """The draft as it was filled in."""
    return ApplicationDraft.model_validate(application.draft)


def gates_of(session: Session, application: Application, draft: ApplicationDraft, now_ms: int) -> list[EntryGate]:
    """The entry gates of the draft's stage as they are measured now; none without a stage."""
    if draft.stage is None:
        return []
    return list(
        entry_gates(
            session,
            holder=application.holder,
            jurisdiction=application.jurisdiction,
            stage=draft.stage,
            vehicle_ids=draft.vehicles,
            zone_ids=draft.zones,
            now_ms=now_ms,
        )
    )


def attachment_out(attachment: Attachment) -> AttachmentOut:
    """What is said of a file."""
    return AttachmentOut(
        id=attachment.public_id,
        file_name=attachment.file_name,
        media_type=attachment.media_type,
        size_bytes=attachment.size_bytes,
        sha256=attachment.sha256.hex(),
        uploaded_at_ms=attachment.uploaded_at_ms,
    )


def _content(application: Application, draft: ApplicationDraft) -> ApplicationContent:
    files = [attachment_out(each) for each in application.attachments]
    return ApplicationContent.model_validate(draft.model_dump() | {"attachments": files})


def _require_editable(application: Application) -> None:
    if application.state not in EDITABLE:
        raise InvalidChange("the application has been submitted", code="application_not_editable")


def _touch(session: Session, application: Application, now_ms: int) -> None:
    """Raise the version: what hangs on the application has changed."""
    application.changed_at_ms = now_ms
    flag_modified(application, "changed_at_ms")
    session.flush()


def _number(now_ms: int) -> str:
    """Random, so that nobody learns how many others apply; without characters that look alike."""
    year = wall_time(now_ms).year % 100
    return f"A{year:02d}-" + "".join(secrets.choice(_NUMBER_CHARACTERS) for _ in range(_NUMBER_LENGTH))


def _jurisdiction(session: Session, code: str) -> Jurisdiction:
    jurisdiction = session.scalar(select(Jurisdiction).where(Jurisdiction.code == code))
    if jurisdiction is None:
        raise InvalidChange(f"no jurisdiction {code}", code="jurisdiction_unknown", field="jurisdiction")
    return jurisdiction


def _permit(session: Session, number: str | None, holder: Organisation) -> Permit | None:
    if number is None:
        return None
    permit = session.scalar(select(Permit).where(Permit.number == number, Permit.holder_id == holder.id))
    if permit is None:
        raise InvalidChange(f"no permit {number} of this operator", code="permit_unknown", field="permit")
    return permit
