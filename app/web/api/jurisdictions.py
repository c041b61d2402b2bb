"""Jurisdictions over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response

from app.models import Jurisdiction
from app.schemas.base import Identifier, Schema
from app.schemas.jurisdictions import (
    JurisdictionDetails,
    JurisdictionFull,
    NewJurisdiction,
    ReportingDeadlines,
    Thresholds,
)
from app.services.jurisdictions import (
    change_jurisdiction,
    jurisdiction_by_code,
    register_jurisdiction,
)
from app.services.jurisdictions import jurisdictions as all_jurisdictions
from app.web.api.base import Problem, Responses, answer, api_blueprint, require_match
from app.web.ownership import actor
from app.web.runtime import runtime

jurisdictions_api = api_blueprint("jurisdictions", "Where which authority decides.")

_CHANGED: Responses = {"409": Problem, "412": Problem, "422": Problem, "428": Problem}


class JurisdictionPath(Schema):
    """Which jurisdiction."""

    code: Identifier


class JurisdictionList(Schema):
    """All of them, without pages: they are authorities of one city and its neighbours."""

    items: list[JurisdictionFull]


@jurisdictions_api.get("", responses={"200": JurisdictionList})
def jurisdictions() -> Response:
    """All jurisdictions."""
    with runtime().reading() as database:
        return answer(JurisdictionList(items=[_out(row) for row in all_jurisdictions(database)]))


@jurisdictions_api.get("/<code>", responses={"200": JurisdictionFull, "422": Problem})
def jurisdiction(path: JurisdictionPath) -> Response:
    """One jurisdiction."""
    with runtime().reading() as database:
        found = jurisdiction_by_code(database, path.code)
        return answer(_out(found), version=found.version)


@jurisdictions_api.post("", responses={"201": JurisdictionFull, "409": Problem, "422": Problem})
def create(body: NewJurisdiction) -> Response:
    """Create a jurisdiction; thresholds that are not stated have the documented defaults."""
    with runtime().changing() as database:
        made = register_jurisdiction(database, body, now_ms=runtime().clock(), actor=actor(database))
    return answer(_out(made), HTTPStatus.CREATED, version=made.version)


@jurisdictions_api.put("/<code>", responses={"200": JurisdictionFull, **_CHANGED})
def change(path: JurisdictionPath, body: JurisdictionDetails) -> Response:
    """Change names, prefix, authority, thresholds and deadlines; of the last two what is not stated stays."""
    with runtime().changing() as database:
        found = jurisdiction_by_code(database, path.code)
        require_match(found.version)
        change_jurisdiction(database, found, body, now_ms=runtime().clock(), actor=actor(database))
    return answer(_out(found), version=found.version)


def _out(row: Jurisdiction) -> JurisdictionFull:
    return JurisdictionFull(
        code=row.code,
        name_zh=row.name_zh,
        name_en=row.name_en,
        number_prefix=row.number_prefix,
        authority=row.authority.code if row.authority is not None else "",
        thresholds=Thresholds.model_validate(row.thresholds),
        deadlines=ReportingDeadlines.model_validate(row.deadlines),
        version=row.version,
    )
