"""Applications for permits over HTTP: drafted, submitted, reviewed, decided."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from flask_openapi3 import FileStorage
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from app.models import Application, ApplicationState
from app.schemas.applications import (
    ApplicationDraft,
    ApplicationEventOut,
    ApplicationOut,
    ApplicationRevisionOut,
    ApplicationSummary,
    ApplicationWithdrawal,
    AttachmentOut,
    ChangeRequest,
    Difference,
    Grant,
    NewApplication,
    Rejection,
    Submission,
)
from app.schemas.base import Identifier, Schema
from app.services.applications import (
    ApplicationFilter,
    application_page,
    attach,
    attachment_out,
    create_application,
    detach,
    save_draft,
    submit,
    withdraw,
)
from app.services.attachments import MOST_BYTES
from app.services.review import (
    content_of,
    differences,
    event_page,
    grant,
    reject,
    request_changes,
    revision_by_number,
    revision_page,
    take_under_review,
)
from app.web.api.application_answers import event_out, revision_out, shown, summary
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.ownership import actor, own_application, require_decider, signature
from app.web.runtime import runtime
from app.web.vehicle_credentials import own_organisation

applications_api = api_blueprint("applications", "Applications for permits: drafted, submitted, reviewed, decided.")

_CHANGED: Responses = {"200": ApplicationOut, "409": Problem, "412": Problem, "422": Problem, "428": Problem}
_ONE: Responses = {"200": ApplicationOut, "422": Problem}


class ApplicationPath(Schema):
    """Which application."""

    number: Annotated[str, Field(max_length=64)]


class FilePath(ApplicationPath):
    """Which file of an application."""

    file: Annotated[str, Field(max_length=64)]


class ApplicationQuery(PageQuery):
    """Which applications."""

    state: ApplicationState | None = None
    holder: Annotated[Identifier | None, Field(description="an organisation's code")] = None
    jurisdiction: Annotated[Identifier | None, Field(description="a jurisdiction's code")] = None


class ComparisonQuery(Schema):
    """Which two revisions."""

    before: Annotated[int, Field(ge=1, le=10_000)]
    after: Annotated[int, Field(ge=1, le=10_000)]


class UploadForm(Schema):
    """A file for the safety case."""

    file: FileStorage

    @field_validator("file")
    @classmethod
    def _is_a_file(cls, given: object) -> object:
        if isinstance(given, str):  # sent as a text field
            raise PydanticCustomError("file_missing", "choose a file")
        return given


class ApplicationList(Schema):
    """One page, the oldest first."""

    items: list[ApplicationSummary]
    next_cursor: str | None


class EventList(Schema):
    """One page of an application's history, oldest first."""

    items: list[ApplicationEventOut]
    next_cursor: str | None


class ApplicationRevisionList(Schema):
    """One page of the submitted revisions, oldest first."""

    items: list[ApplicationRevisionOut]
    next_cursor: str | None


class DifferenceList(Schema):
    """Two revisions side by side, whole: there are no more differences than fields."""

    items: list[Difference]


@applications_api.get("", responses={"200": ApplicationList, "422": Problem})
def applications(query: ApplicationQuery) -> Response:
    """One page of applications. An operator sees its own; regulators see what was submitted."""
    wanted = ApplicationFilter(
        organisation_id=identity().scope,
        with_drafts=identity().sees_drafts,
        state=query.state,
        holder=query.holder,
        jurisdiction=query.jurisdiction,
    )
    with runtime().reading() as session:
        page = application_page(session, wanted, limit=query.limit, cursor=query.cursor)
        return answer(ApplicationList(items=page.map(summary).items, next_cursor=page.next_cursor))


@applications_api.post("", responses={"201": ApplicationOut, "409": Problem, "422": Problem})
def begin(body: NewApplication) -> Response:
    """Begin an application for a new permit, or for a change of one."""
    with runtime().changing() as session:
        application = create_application(
            session, body, holder=own_organisation(session), actor=actor(session), now_ms=runtime().clock()
        )
        return shown(session, application, HTTPStatus.CREATED)


@applications_api.get("/<number>", responses=_ONE)
def application(path: ApplicationPath) -> Response:
    """One application with its draft, its gaps and its entry gates as they are now."""
    with runtime().reading() as session:
        return shown(session, own_application(session, path.number))


@applications_api.put("/<number>/draft", responses=_CHANGED)
def save(path: ApplicationPath, body: ApplicationDraft) -> Response:
    """Replace what is filled in; anything may still be missing."""
    with runtime().changing() as session:
        found = _matched(session, path.number)
        save_draft(session, found, body, **signature(session, found.version))
        return shown(session, found)


@applications_api.post(
    "/<number>/files",
    responses={
        "201": AttachmentOut,
        "409": Problem,
        "412": Problem,
        "413": Problem,
        "422": Problem,
        "428": Problem,
    },
)
def attach_file(path: ApplicationPath, form: UploadForm) -> Response:
    """Add a file: PDF, PNG, JPEG, DOCX, XLSX, GeoJSON, CSV or text, told by its content."""
    content = form.file.stream.read(MOST_BYTES + 1)
    with runtime().changing() as session:
        found = _matched(session, path.number)
        stored = attach(
            session, found, file_name=form.file.filename or "", content=content, **signature(session, found.version)
        )
        return answer(attachment_out(stored), HTTPStatus.CREATED, version=found.version)


@applications_api.delete("/<number>/files/<file>", responses=_CHANGED)
def remove_file(path: FilePath) -> Response:
    """Take a file out of the draft."""
    with runtime().changing() as session:
        found = _matched(session, path.number)
        detach(session, found, path.file, **signature(session, found.version))
        return shown(session, found)


@applications_api.post("/<number>/submission", responses=_CHANGED)
def hand_in(path: ApplicationPath, body: Submission) -> Response:
    """Submit it as the next revision; refused while there is a gap."""
    with runtime().changing() as session:
        found = _matched(session, path.number)
        submit(session, found, comment=body.comment, **signature(session, found.version))
        return shown(session, found)


@applications_api.post("/<number>/withdrawal", responses=_CHANGED)
def give_up(path: ApplicationPath, body: ApplicationWithdrawal) -> Response:
    """Withdraw it."""
    with runtime().changing() as session:
        found = _matched(session, path.number)
        withdraw(session, found, reason=body.reason, **signature(session, found.version))
        return shown(session, found)


@applications_api.post("/<number>/review", responses=_CHANGED)
def take(path: ApplicationPath) -> Response:
    """Begin the review."""
    with runtime().changing() as session:
        found = _decidable(session, path.number)
        take_under_review(session, found, **signature(session, found.version))
        return shown(session, found)


@applications_api.post("/<number>/changes", responses=_CHANGED)
def ask_for_changes(path: ApplicationPath, body: ChangeRequest) -> Response:
    """Hand it back with comments."""
    with runtime().changing() as session:
        found = _decidable(session, path.number)
        request_changes(session, found, body, **signature(session, found.version))
        return shown(session, found)


@applications_api.post("/<number>/rejection", responses=_CHANGED)
def turn_down(path: ApplicationPath, body: Rejection) -> Response:
    """Reject it for good."""
    with runtime().changing() as session:
        found = _decidable(session, path.number)
        reject(session, found, reason=body.reason, **signature(session, found.version))
        return shown(session, found)


@applications_api.post("/<number>/grant", responses=_CHANGED)
def issue(path: ApplicationPath, body: Grant) -> Response:
    """Issue the permit, or the change of one, on these terms. `permit` then names it."""
    with runtime().changing() as session:
        found = _decidable(session, path.number)
        grant(session, found, body, **signature(session, found.version))
        return shown(session, found)


@applications_api.get("/<number>/revisions", responses={"200": ApplicationRevisionList, "422": Problem})
def revisions(path: ApplicationPath, query: PageQuery) -> Response:
    """What was submitted, each time."""
    with runtime().reading() as session:
        page = revision_page(session, own_application(session, path.number), limit=query.limit, cursor=query.cursor)
        return answer(ApplicationRevisionList(items=page.map(revision_out).items, next_cursor=page.next_cursor))


@applications_api.get("/<number>/comparison", responses={"200": DifferenceList, "422": Problem})
def comparison(path: ApplicationPath, query: ComparisonQuery) -> Response:
    """Two revisions field by field."""
    with runtime().reading() as session:
        found = own_application(session, path.number)
        first, second = (content_of(revision_by_number(found, each)) for each in (query.before, query.after))
        return answer(DifferenceList(items=list(differences(first, second))))


@applications_api.get("/<number>/events", responses={"200": EventList, "422": Problem})
def events(path: ApplicationPath, query: PageQuery) -> Response:
    """Every step and comment."""
    with runtime().reading() as session:
        page = event_page(session, own_application(session, path.number), limit=query.limit, cursor=query.cursor)
        items = [event_out(event, revision) for event, revision in page.items]
    return answer(EventList(items=items, next_cursor=page.next_cursor))


def _matched(session: Session, number: str) -> Application:
    """The application to be changed, in the version that the caller has seen."""
    found = own_application(session, number)
    require_match(found.version)
    return found


def _decidable(session: Session, number: str) -> Application:
    found = own_application(session, number)
    require_decider(found.jurisdiction)
    require_match(found.version)
    return found
