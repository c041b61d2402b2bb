"""Directives over HTTP: what vehicles were ordered, what became of it, and new orders."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.models import Cause, DirectiveRow
from app.schemas.base import Identifier, Schema
from app.schemas.directives import AnswerOut, DirectiveOut, Order, ReleaseReason
from app.services.directive_register import (
    DirectiveFilter,
    Standing,
    delivered_at_ms,
    directive_page,
    progress_of,
)
from app.services.directives import directive_by_id
from app.services.orders import order_vehicles, release_vehicle
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.ownership import actor, require_decider, require_own
from app.web.runtime import runtime
from telemetry.directives import DirectiveKind

directives_api = api_blueprint("directives", "What vehicles are ordered to do, and what became of it.")

_CHANGED: Responses = {"200": DirectiveOut, "409": Problem, "412": Problem, "422": Problem, "428": Problem}


class DirectivePath(Schema):
    """Which directive."""

    directive_id: Annotated[str, Field(max_length=64)]


class DirectiveQuery(PageQuery):
    """Which directives."""

    vehicle_id: Identifier | None = None
    organisation: Annotated[Identifier | None, Field(description="the operator's code")] = None
    state: Annotated[Standing, Field(description="standing: binding now")] = Standing.ALL
    cause: Cause | None = None
    kind: DirectiveKind | None = None
    overdue: Annotated[bool | None, Field(description="not complied with at the deadline")] = None


class DirectiveList(Schema):
    """One page, newest first."""

    items: list[DirectiveOut]
    next_cursor: str | None


class Ordered(Schema):
    """The directives that an order made, one for each vehicle."""

    directives: list[DirectiveOut]


@directives_api.get("", responses={"200": DirectiveList, "422": Problem})
def directives(query: DirectiveQuery) -> Response:
    """One page of directives. An operator sees those of its vehicles."""
    wanted = DirectiveFilter(
        organisation_id=identity().scope,
        organisation=query.organisation,
        vehicle_id=query.vehicle_id,
        state=query.state,
        cause=query.cause,
        kind=query.kind,
        overdue=query.overdue,
    )
    with runtime().reading() as session:
        page = directive_page(session, wanted, limit=query.limit, cursor=query.cursor)
        return answer(DirectiveList(items=page.map(directive_out).items, next_cursor=page.next_cursor))


@directives_api.post("", responses={"201": Ordered, "409": Problem, "422": Problem})
def order(body: Order) -> Response:
    """Order one or several vehicles to halt, leave or slow down: all of them or none."""
    with runtime().changing() as session:
        rows = order_vehicles(session, body, actor=actor(session), now_ms=runtime().clock())
        return answer(Ordered(directives=[directive_out(row) for row in rows]), HTTPStatus.CREATED)


@directives_api.get("/<directive_id>", responses={"200": DirectiveOut, "422": Problem})
def directive(path: DirectivePath) -> Response:
    """One directive."""
    with runtime().reading() as session:
        found = _own(session, path.directive_id)
        told = answer(directive_out(found))
        # What its vehicle says and does is no change of the directive: it may not be answered 304.
        told.set_etag(str(found.version))
        return told


@directives_api.post("/<directive_id>/release", responses=_CHANGED)
def release(path: DirectivePath, body: ReleaseReason) -> Response:
    """End it: the vehicle is told that it may go on. What a permit demands comes back with its next decision only."""
    with runtime().changing() as session:
        found = _own(session, path.directive_id)
        require_decider(found.jurisdiction)
        require_match(found.version)
        release_vehicle(
            session,
            found,
            reason=body.reason,
            expected_version=found.version,
            actor=actor(session),
            now_ms=runtime().clock(),
        )
        return answer(directive_out(found), version=found.version)


def directive_out(row: DirectiveRow) -> DirectiveOut:
    """A directive as the API tells it."""
    return DirectiveOut(
        directive_id=row.directive_id,
        vehicle_id=row.vehicle.vehicle_id,
        organisation=row.vehicle.organisation.code,
        jurisdiction=row.jurisdiction.code,
        kind=row.kind,
        cause=row.cause,
        cause_id=row.cause_id,
        reason=row.reason,
        speed_mps=row.terms.get("speed_mps"),
        place=row.terms.get("place"),
        zones=row.terms.get("zones", []),
        until_ms=row.terms.get("until_ms"),
        issued_at_ms=row.issued_at_ms,
        issued_by=None if row.issued_by is None else row.issued_by.display_name,
        deadline_ms=row.deadline_ms,
        progress=progress_of(row),
        sent_at_ms=row.sent_at_ms,
        delivered_at_ms=delivered_at_ms(row),
        answers=[
            AnswerOut(
                reply=each.reply,
                detail=each.detail,
                answered_at_ms=each.answered_at_ms,
                received_at_ms=each.received_at_ms,
            )
            for each in row.answers
        ],
        refused_at_ms=row.refused_at_ms,
        unanswered_at_ms=row.unanswered_at_ms,
        overdue_at_ms=row.overdue_at_ms,
        complied_at_ms=row.complied_at_ms,
        complied_seq=row.complied_seq,
        settled_at_ms=row.settled_at_ms,
        settled_by=None if row.settled_by is None else row.settled_by.display_name,
        settled_reason=row.settled_reason,
        release_owed=row.release_owed,
        outcome=row.outcome,
        version=row.version,
    )


def _own(session: Session, directive_id: str) -> DirectiveRow:
    found = directive_by_id(session, directive_id)
    require_own(found.vehicle.organisation_id)
    return found
