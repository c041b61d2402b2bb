"""Incidents over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.models import Fault, Incident, IncidentKind
from app.schemas.base import Identifier, Schema
from app.schemas.incidents import FaultDecision, IncidentOut, IncidentReport
from app.services.incidents import IncidentFilter, decide_fault, incident_by_id, incident_page, report_incident
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.ownership import actor, require_decider, require_own
from app.web.runtime import runtime
from app.web.vehicle_credentials import own_organisation

incidents_api = api_blueprint("incidents", "Accidents and other incidents, and who was at fault.")

_CHANGED: Responses = {"200": IncidentOut, "409": Problem, "412": Problem, "422": Problem, "428": Problem}


class IncidentPath(Schema):
    """Which incident."""

    number: Annotated[str, Field(max_length=64)]


class IncidentQuery(PageQuery):
    """Which incidents."""

    organisation: Annotated[Identifier | None, Field(description="the operator's code")] = None
    jurisdiction: Annotated[Identifier | None, Field(description="a jurisdiction's code")] = None
    vehicle_id: Identifier | None = None
    kind: IncidentKind | None = None
    fault: Fault | None = None


class IncidentList(Schema):
    """One page, the oldest report first."""

    items: list[IncidentOut]
    next_cursor: str | None


@incidents_api.get("", responses={"200": IncidentList, "422": Problem})
def incidents(query: IncidentQuery) -> Response:
    """One page of incidents. An operator sees those of its vehicles."""
    wanted = IncidentFilter(
        organisation_id=identity().scope,
        organisation=query.organisation,
        jurisdiction=query.jurisdiction,
        vehicle_id=query.vehicle_id,
        kind=query.kind,
        fault=query.fault,
    )
    with runtime().reading() as session:
        page = incident_page(session, wanted, limit=query.limit, cursor=query.cursor)
        return answer(IncidentList(items=page.map(_out).items, next_cursor=page.next_cursor))


@incidents_api.post("", responses={"201": IncidentOut, "409": Problem, "422": Problem})
def report(body: IncidentReport) -> Response:
    """Report an incident of one of the operator's own vehicles."""
    with runtime().changing() as session:
        made = report_incident(
            session, body, organisation=own_organisation(session), actor=actor(session), now_ms=runtime().clock()
        )
        return answer(_out(made), HTTPStatus.CREATED, version=made.version)


@incidents_api.get("/<number>", responses={"200": IncidentOut, "422": Problem})
def incident(path: IncidentPath) -> Response:
    """One incident."""
    with runtime().reading() as session:
        found = _own(session, path.number)
        return answer(_out(found), version=found.version)


@incidents_api.post("/<number>/fault", responses=_CHANGED)
def decide(path: IncidentPath, body: FaultDecision) -> Response:
    """Decide on the fault."""
    with runtime().changing() as session:
        found = _own(session, path.number)
        require_decider(found.jurisdiction)
        require_match(found.version)
        decide_fault(
            session, found, body, expected_version=found.version, actor=actor(session), now_ms=runtime().clock()
        )
        return answer(_out(found), version=found.version)


def _own(session: Session, number: str) -> Incident:
    found = incident_by_id(session, number)
    require_own(found.vehicle.organisation_id)
    return found


def _out(row: Incident) -> IncidentOut:
    return IncidentOut(
        incident_id=row.incident_id,
        vehicle_id=row.vehicle.vehicle_id,
        organisation=row.vehicle.organisation.code,
        jurisdiction=row.jurisdiction.code,
        occurred_at_ms=row.occurred_at_ms,
        kind=row.kind,
        harm=row.harm,
        summary=row.summary,
        fault=row.fault,
        fault_reason=row.fault_reason,
        reported_at_ms=row.reported_at_ms,
        decided_at_ms=row.decided_at_ms,
        version=row.version,
    )
