"""Incidents over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, TypeAlias

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.models import Fault, Incident, IncidentKind, IncidentRevision, IncidentState
from app.schemas.base import Identifier, Milliseconds, Schema
from app.schemas.incidents import (
    AlertOpening,
    FaultDecision,
    IncidentAmendment,
    IncidentClosing,
    IncidentContent,
    IncidentOut,
    IncidentReason,
    IncidentReport,
    IncidentRevisionOut,
)
from app.services.attachments import MOST_BYTES
from app.services.incident_deadlines import is_overdue
from app.services.incident_life import close_incident, decide_fault, reopen_incident, review_incident
from app.services.incident_openings import alert_to_open, open_incident
from app.services.incident_records import content_of, incident_revision_page
from app.services.incidents import (
    IncidentFilter,
    amend_incident,
    attach_to_incident,
    dismiss_proposal,
    incident_by_id,
    incident_page,
    report_incident,
)
from app.web.api.applications import UploadForm
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.disengagement_file import disengagement_file
from app.web.gate import identity
from app.web.ownership import Signature, actor, require_decider, require_own, signature
from app.web.runtime import runtime
from app.web.vehicle_credentials import own_organisation

incidents_api = api_blueprint("incidents", "Accidents and other incidents: reported, reviewed, closed.")

_CHANGED: Responses = {"200": IncidentOut, "409": Problem, "412": Problem, "422": Problem, "428": Problem}
#: What is done with an incident, and by whom.
_Act: TypeAlias = Callable[[Session, Incident, Signature], object]
_CSV: Responses = {"200": {"content": {"text/csv": {"schema": {"type": "string"}}}}, "422": Problem}


class IncidentPath(Schema):
    """Which incident."""

    number: Annotated[str, Field(max_length=64)]


class IncidentQuery(PageQuery):
    """Which incidents."""

    organisation: Annotated[Identifier | None, Field(description="the operator's code")] = None
    jurisdiction: Annotated[Identifier | None, Field(description="a jurisdiction's code")] = None
    vehicle_id: Identifier | None = None
    state: IncidentState | None = None
    kind: IncidentKind | None = None
    fault: Fault | None = None
    overdue: Annotated[bool | None, Field(description="a report is missing although its deadline is over")] = None


class PeriodQuery(Schema):
    """When it happened: in [since_ms, until_ms)."""

    since_ms: Milliseconds
    until_ms: Milliseconds


class IncidentList(Schema):
    """One page, the oldest first."""

    items: list[IncidentOut]
    next_cursor: str | None


class IncidentRevisionList(Schema):
    """One page of an incident's revisions, oldest first."""

    items: list[IncidentRevisionOut]
    next_cursor: str | None


@incidents_api.get("", responses={"200": IncidentList, "422": Problem})
def incidents(query: IncidentQuery) -> Response:
    """One page of incidents. An operator sees those of its vehicles."""
    wanted = IncidentFilter(
        organisation_id=identity().scope,
        organisation=query.organisation,
        jurisdiction=query.jurisdiction,
        vehicle_id=query.vehicle_id,
        state=query.state,
        kind=query.kind,
        fault=query.fault,
        is_overdue=query.overdue,
    )
    with runtime().reading() as session:
        page = incident_page(session, wanted, now_ms=runtime().clock(), limit=query.limit, cursor=query.cursor)
        return answer(IncidentList(items=page.map(_out).items, next_cursor=page.next_cursor))


@incidents_api.post("", responses={"201": IncidentOut, "409": Problem, "422": Problem})
def report(body: IncidentReport) -> Response:
    """Report an incident of one of the operator's own vehicles."""
    with runtime().changing() as session:
        made = report_incident(
            session, body, organisation=own_organisation(session), actor=actor(session), now_ms=runtime().clock()
        )
        return answer(_out(made), HTTPStatus.CREATED, version=made.version)


@incidents_api.post("/openings", responses={"201": IncidentOut, "409": Problem, "422": Problem})
def open_from_alert(body: AlertOpening) -> Response:
    """Open one from an alert: the operator of its vehicle is told, and has to report it."""
    with runtime().changing() as session:
        alert, jurisdiction = alert_to_open(session, body.alert)
        require_decider(jurisdiction)
        made = open_incident(session, alert, jurisdiction, body, actor=actor(session), now_ms=runtime().clock())
        return answer(_out(made), HTTPStatus.CREATED, version=made.version)


@incidents_api.get("/disengagements", responses=_CSV)
def disengagements(query: PeriodQuery) -> Response:
    """The disengagements of a period as a file with the columns of California's yearly report."""
    with runtime().reading() as session:
        return disengagement_file(session, since_ms=query.since_ms, until_ms=query.until_ms)


@incidents_api.get("/<number>", responses={"200": IncidentOut, "422": Problem})
def incident(path: IncidentPath) -> Response:
    """One incident."""
    with runtime().reading() as session:
        found = _own(session, path.number)
        return answer(_out(found), version=found.version)


@incidents_api.put("/<number>", responses=_CHANGED)
def amend(path: IncidentPath, body: IncidentAmendment) -> Response:
    """State the facts anew; of what the platform proposed this makes a report."""
    return _changed(path.number, lambda session, found, by: amend_incident(session, found, body, **by))


@incidents_api.post("/<number>/dismissal", responses=_CHANGED)
def dismiss(path: IncidentPath, body: IncidentReason) -> Response:
    """Say why what the platform proposed is no incident."""
    return _changed(path.number, lambda session, found, by: dismiss_proposal(session, found, body.reason, **by))


@incidents_api.post(
    "/<number>/files",
    responses={"201": IncidentOut, "409": Problem, "412": Problem, "413": Problem, "422": Problem, "428": Problem},
)
def attach_file(path: IncidentPath, form: UploadForm) -> Response:
    """Add a file: PDF, PNG, JPEG, DOCX, XLSX, GeoJSON, CSV or text, told by its content. It stays."""
    name, content = form.file.filename or "", form.file.stream.read(MOST_BYTES + 1)
    return _changed(
        path.number,
        lambda session, found, by: attach_to_incident(session, found, file_name=name, content=content, **by),
        status=HTTPStatus.CREATED,
    )


@incidents_api.post("/<number>/review", responses=_CHANGED)
def review(path: IncidentPath) -> Response:
    """Begin to look into it."""
    return _changed(path.number, lambda session, found, by: review_incident(session, found, **by), by_decider=True)


@incidents_api.post("/<number>/fault", responses=_CHANGED)
def decide(path: IncidentPath, body: FaultDecision) -> Response:
    """Decide on the fault."""
    return _changed(path.number, lambda session, found, by: decide_fault(session, found, body, **by), by_decider=True)


@incidents_api.post("/<number>/closing", responses=_CHANGED)
def close(path: IncidentPath, body: IncidentClosing) -> Response:
    """Close it with what was found and the fault."""
    return _changed(path.number, lambda session, found, by: close_incident(session, found, body, **by), by_decider=True)


@incidents_api.post("/<number>/reopening", responses=_CHANGED)
def reopen(path: IncidentPath, body: IncidentReason) -> Response:
    """Take a closed one under review again, or a dismissed proposal back to its operator."""
    return _changed(
        path.number, lambda session, found, by: reopen_incident(session, found, body.reason, **by), by_decider=True
    )


@incidents_api.get("/<number>/revisions", responses={"200": IncidentRevisionList, "422": Problem})
def revisions(path: IncidentPath, query: PageQuery) -> Response:
    """One page of its revisions: what it said when, who changed it, and why."""
    with runtime().reading() as session:
        found = _own(session, path.number)
        page = incident_revision_page(session, found, limit=query.limit, cursor=query.cursor).map(_revision_out)
        return answer(IncidentRevisionList(items=page.items, next_cursor=page.next_cursor))


def _own(session: Session, number: str) -> Incident:
    found = incident_by_id(session, number)
    require_own(found.vehicle.organisation_id)
    return found


def _changed(number: str, act: _Act, *, by_decider: bool = False, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Let `act` change one that the caller may see, in the version that it names; deciders of its jurisdiction only."""
    with runtime().changing() as session:
        found = _own(session, number)
        if by_decider:
            require_decider(found.jurisdiction)
        require_match(found.version)
        act(session, found, signature(session, found.version))
        return answer(_out(found), status, version=found.version)


def _revision_out(row: IncidentRevision) -> IncidentRevisionOut:
    return IncidentRevisionOut(
        number=row.number,
        change=row.change,
        reason=row.reason,
        actor=row.actor.email if row.actor is not None else None,
        recorded_at_ms=row.recorded_at_ms,
        content=IncidentContent.model_validate(row.content),
    )


def _out(row: Incident) -> IncidentOut:
    content = content_of(row)
    facts = {name: getattr(content, name) for name in IncidentContent.model_fields if name != "complete"}
    return IncidentOut(
        **facts,
        incident_id=row.incident_id,
        vehicle_id=row.vehicle.vehicle_id,
        organisation=row.vehicle.organisation.code,
        proposed_at_ms=row.proposed_at_ms,
        opened_by=None if row.opened_by is None else row.opened_by.display_name,
        reported_at_ms=row.reported_at_ms,
        first_due_ms=row.first_due_ms,
        full_due_ms=row.full_due_ms,
        complete_at_ms=row.complete_at_ms,
        decided_at_ms=row.decided_at_ms,
        closed_at_ms=row.closed_at_ms,
        overdue=is_overdue(row, runtime().clock()),
        version=row.version,
    )
