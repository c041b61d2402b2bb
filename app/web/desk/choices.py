"""The searches behind fields that choose from many: vehicles, people and zones, a few at a time."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from app.models import Stage
from app.schemas.base import Identifier, Line, Schema
from app.services.jurisdictions import jurisdiction_by_code
from app.web.choices import MOST_FOUND, Option, find_offers, find_officers, find_vehicles, find_zones
from app.web.gate import identity
from app.web.runtime import runtime
from telemetry.samples import VehicleKind

choices_desk = Blueprint("choices", __name__, url_prefix="/desk/choices")

_Answer = Response | tuple[Response, int]


class ChoiceQuery(Schema):
    """What was typed, and what the field is about."""

    q: Line = ""
    kind: VehicleKind | None = None
    stage: Stage | None = None
    jurisdiction: Identifier | None = None


@choices_desk.errorhandler(ValidationError)
def refuse(_error: ValidationError) -> _Answer:
    """What nobody can type into the field finds nothing."""
    return jsonify(choices=[], more=False), HTTPStatus.UNPROCESSABLE_ENTITY


@choices_desk.get("/vehicles")
def vehicles() -> _Answer:
    """Vehicles that the caller may see."""
    query = _query()
    with runtime().reading() as session:
        return _told(find_vehicles(session, query.q, MOST_FOUND + 1, organisation_id=identity().scope, kind=query.kind))


@choices_desk.get("/officers")
def officers() -> _Answer:
    """People who steer that the caller may see."""
    query = _query()
    with runtime().reading() as session:
        return _told(
            find_officers(session, query.q, MOST_FOUND + 1, organisation_id=identity().scope, stage=query.stage)
        )


@choices_desk.get("/zones")
def zones() -> _Answer:
    """Zones in force, or those that an application in a jurisdiction may ask for."""
    query = _query()
    with runtime().reading() as session:
        if query.jurisdiction is None:
            return _told(find_zones(session, query.q, MOST_FOUND + 1))
        place = jurisdiction_by_code(session, query.jurisdiction)
        return _told(find_offers(session, place, query.stage, query.q, MOST_FOUND + 1))


def _query() -> ChoiceQuery:
    return ChoiceQuery.model_validate({name: value for name, value in request.args.items() if value})


def _told(found: list[Option]) -> Response:
    return jsonify(
        choices=[{"value": value, "label": label} for value, label in found[:MOST_FOUND]], more=len(found) > MOST_FOUND
    )
