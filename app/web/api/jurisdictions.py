"""Jurisdictions over HTTP."""

from __future__ import annotations

from flask import Response
from sqlalchemy import select

from app.models import Jurisdiction
from app.schemas.base import Identifier, Schema
from app.schemas.jurisdictions import JurisdictionOut
from app.services.jurisdictions import jurisdiction_by_code
from app.web.api.base import answer, api_blueprint
from app.web.runtime import runtime

jurisdictions_api = api_blueprint("jurisdictions", "Where which authority decides.")


class JurisdictionPath(Schema):
    """Which jurisdiction."""

    code: Identifier


class JurisdictionList(Schema):
    """All of them: there are few."""

    items: list[JurisdictionOut]


@jurisdictions_api.get("", responses={"200": JurisdictionList})
def jurisdictions() -> Response:
    """All jurisdictions."""
    with runtime().reading() as database:
        found = database.scalars(select(Jurisdiction).order_by(Jurisdiction.code))
        return answer(JurisdictionList(items=[_out(row) for row in found]))


@jurisdictions_api.get("/<code>", responses={"200": JurisdictionOut})
def jurisdiction(path: JurisdictionPath) -> Response:
    """One jurisdiction."""
    with runtime().reading() as database:
        found = jurisdiction_by_code(database, path.code)
        return answer(_out(found), version=found.version)


def _out(row: Jurisdiction) -> JurisdictionOut:
    return JurisdictionOut(
        code=row.code,
        name_zh=row.name_zh,
        name_en=row.name_en,
        number_prefix=row.number_prefix,
        version=row.version,
    )
