"""Emergency geofences over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.models import Emergency
from app.schemas.base import Identifier, Schema
from app.schemas.emergencies import Declaration, EmergencyEnd, Prolongation
from app.schemas.emergency_answers import EmergencyOut, EmergencyReportOut, EmergencyVehicleOut, TotalsOut
from app.services.emergencies import EmergencyFilter, declare, emergency_page, end, order_again, prolong
from app.services.emergency_report import report_of
from app.services.emergency_watch import place_revision
from app.services.pages import page_in
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.emergency_access import own_board, own_emergency, require_declarer, senses
from app.web.emergency_answers import emergency_out, report_out, totals_out, vehicle_out
from app.web.gate import identity
from app.web.ownership import actor, require_decider, signature
from app.web.runtime import runtime

emergencies_api = api_blueprint("emergencies", "Places closed at once, and the vehicles that were told to leave.")

_CHANGED: Responses = {"200": EmergencyOut, "409": Problem, "412": Problem, "422": Problem, "428": Problem}


class EmergencyPath(Schema):
    """Which emergency."""

    number: Annotated[str, Field(max_length=64)]


class EmergencyVehiclePath(EmergencyPath):
    """Which vehicle of it."""

    vehicle_id: Identifier


class EmergencyQuery(PageQuery):
    """Which emergencies."""

    jurisdiction: Annotated[Identifier | None, Field(description="a jurisdiction's code")] = None
    active: Annotated[bool | None, Field(description="only those that last, or only those that are over")] = None


class EmergencyList(Schema):
    """One page, the newest first."""

    items: list[EmergencyOut]
    next_cursor: str | None


class EmergencyVehicleList(Schema):
    """One page, in the order in which they were told first."""

    items: list[EmergencyVehicleOut]
    next_cursor: str | None


@emergencies_api.get("", responses={"200": EmergencyList, "422": Problem})
def emergencies(query: EmergencyQuery) -> Response:
    """One page of emergencies. An operator sees those of which its vehicles were told."""
    wanted = EmergencyFilter(organisation_id=identity().scope, jurisdiction=query.jurisdiction, is_active=query.active)
    with runtime().reading() as session:
        page = emergency_page(session, wanted, limit=query.limit, cursor=query.cursor)
        items = [_out(session, emergency) for emergency in page.items]
        return answer(EmergencyList(items=items, next_cursor=page.next_cursor))


@emergencies_api.post("", responses={"201": EmergencyOut, "409": Problem, "422": Problem})
def declare_emergency(body: Declaration) -> Response:
    """Close a place from this instant on, and tell the vehicles inside, approaching, or with a route through it."""
    with runtime().changing() as session:
        require_declarer(session, body.jurisdiction)
        made = declare(session, body, senses=senses(), actor=actor(session), now_ms=runtime().clock())
        return answer(_out(session, made), HTTPStatus.CREATED, version=made.version)


@emergencies_api.get("/<number>", responses={"200": EmergencyOut, "422": Problem})
def emergency(path: EmergencyPath) -> Response:
    """One emergency."""
    with runtime().reading() as session:
        found = own_emergency(session, path.number)
        return answer(_out(session, found), version=found.version)


@emergencies_api.get("/<number>/totals", responses={"200": TotalsOut, "422": Problem})
def totals(path: EmergencyPath) -> Response:
    """The numbers of its board now. An operator's count its own vehicles."""
    with runtime().reading() as session:
        return answer(totals_out(own_board(session, path.number)))


@emergencies_api.get("/<number>/vehicles", responses={"200": EmergencyVehicleList, "422": Problem})
def emergency_vehicles(path: EmergencyPath, query: PageQuery) -> Response:
    """The board: one page of the vehicles that were told. An operator sees its own."""
    with runtime().reading() as session:
        board = own_board(session, path.number)
        page = page_in(board.rows, lambda row: row.told.id, limit=query.limit, cursor=query.cursor)
        return answer(EmergencyVehicleList(items=page.map(vehicle_out).items, next_cursor=page.next_cursor))


@emergencies_api.post("/<number>/end", responses=_CHANGED)
def end_emergency(path: EmergencyPath, body: EmergencyEnd) -> Response:
    """End it: the zone ends, and nothing is demanded any more."""
    with runtime().changing() as session:
        found = own_emergency(session, path.number)
        require_decider(found.jurisdiction)
        require_match(found.version)
        end(session, found, reason=body.reason, **signature(session, found.version))
        return answer(_out(session, found), version=found.version)


@emergencies_api.post("/<number>/prolongation", responses=_CHANGED)
def prolong_emergency(path: EmergencyPath, body: Prolongation) -> Response:
    """Let it end later than was planned, so many minutes from now; its vehicles are told."""
    with runtime().changing() as session:
        found = own_emergency(session, path.number)
        require_decider(found.jurisdiction)
        require_match(found.version)
        prolong(session, found, body, **signature(session, found.version))
        return answer(_out(session, found), version=found.version)


@emergencies_api.post(
    "/<number>/vehicles/<vehicle_id>/order", responses={"200": EmergencyOut, "409": Problem, "422": Problem}
)
def order_vehicle_again(path: EmergencyVehiclePath) -> Response:
    """Tell one of its vehicles once more. Its two minutes go on."""
    with runtime().changing() as session:
        found = own_emergency(session, path.number)
        require_decider(found.jurisdiction)
        order_again(session, found, path.vehicle_id, actor=actor(session), now_ms=runtime().clock())
        return answer(_out(session, found), version=found.version)


@emergencies_api.get("/<number>/report", responses={"200": EmergencyReportOut, "422": Problem})
def emergency_report(path: EmergencyPath) -> Response:
    """Its course in time, each vehicle's times, and who left within two minutes."""
    with runtime().reading() as session:
        found = own_emergency(session, path.number)
        report = report_of(session, found, now_ms=runtime().clock(), organisation_id=identity().scope)
        return answer(report_out(report))


def _out(session: Session, found: Emergency) -> EmergencyOut:
    return emergency_out(found, place_revision(session, found))
