"""Organisations over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from sqlalchemy.orm import Session

from app.models import Organisation
from app.schemas.base import Identifier, Line, Schema
from app.schemas.organisations import OrganisationDetails, OrganisationOut, OrganisationRegistration
from app.services.organisations import (
    change_organisation,
    organisation_by_code,
    organisation_page,
    register_organisation,
)
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.ownership import actor, require_own
from app.web.runtime import runtime

organisations_api = api_blueprint("organisations", "Authorities, and companies that run vehicles.")

_REFUSED: Responses = {"409": Problem, "422": Problem}
_CHANGED: Responses = {"409": Problem, "412": Problem, "422": Problem, "428": Problem}


class OrganisationPath(Schema):
    """Which organisation."""

    code: Identifier


class OrganisationQuery(PageQuery):
    """Which organisations; `q` is looked for in codes, names and credit codes."""

    q: Line | None = None


class OrganisationList(Schema):
    """One page of organisations, by code."""

    items: list[OrganisationOut]
    next_cursor: str | None


@organisations_api.get("", responses={"200": OrganisationList, "422": Problem})
def organisations(query: OrganisationQuery) -> Response:
    """One page of organisations. An operator sees its own."""
    with runtime().reading() as database:
        page = organisation_page(
            database, organisation_id=identity().scope, text=query.q, limit=query.limit, cursor=query.cursor
        )
        return answer(OrganisationList(items=page.map(_out).items, next_cursor=page.next_cursor))


@organisations_api.post("", responses={"201": OrganisationOut, **_REFUSED})
def register(body: OrganisationRegistration) -> Response:
    """Register an organisation."""
    with runtime().changing() as database:
        made = register_organisation(database, now_ms=runtime().clock(), actor=actor(database), **body.model_dump())
    return answer(_out(made), HTTPStatus.CREATED, version=made.version)


@organisations_api.get("/<code>", responses={"200": OrganisationOut, "422": Problem})
def organisation(path: OrganisationPath) -> Response:
    """One organisation."""
    with runtime().reading() as database:
        found = _own(database, path)
        return answer(_out(found), version=found.version)


@organisations_api.put("/<code>", responses={"200": OrganisationOut, **_CHANGED})
def change(path: OrganisationPath, body: OrganisationDetails) -> Response:
    """Replace what an organisation states of itself."""
    with runtime().changing() as database:
        found = _own(database, path)
        require_match(found.version)
        change_organisation(database, found, body, now_ms=runtime().clock(), actor=actor(database))
    return answer(_out(found), version=found.version)


def _own(database: Session, path: OrganisationPath) -> Organisation:
    found = organisation_by_code(database, path.code)
    require_own(found.id)
    return found


def _out(row: Organisation) -> OrganisationOut:
    return OrganisationOut(**{name: getattr(row, name) for name in OrganisationOut.model_fields})
