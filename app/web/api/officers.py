"""People who steer, over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from sqlalchemy.orm import Session

from app.models import Capacity, LicenceRevision, Officer
from app.schemas.base import Identifier, Line, Schema
from app.schemas.officers import (
    LicenceOut,
    LicenceRenewal,
    LicenceWithdrawal,
    OfficerDetails,
    OfficerOut,
    OfficerRegistration,
)
from app.services.officers import (
    LicenceState,
    OfficerFilter,
    OfficerRow,
    change_officer,
    is_withdrawal,
    licence_page,
    newest_licence,
    officer_by_id,
    officer_page,
    register_officer,
    renew_licence,
    withdraw_licence,
)
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.ownership import actor, require_own
from app.web.runtime import runtime
from app.web.vehicle_credentials import own_organisation

officers_api = api_blueprint("officers", "Safety officers and pilots with their licences.")

_REFUSED: Responses = {"409": Problem, "422": Problem}
_CHANGED: Responses = {"409": Problem, "412": Problem, "422": Problem, "428": Problem}


class OfficerPath(Schema):
    """Which officer."""

    officer_id: Identifier


class OfficerQuery(PageQuery):
    """Which officers; `state` is what the licence is worth now, `q` is looked for in ids, names and licence numbers."""

    organisation: Identifier | None = None
    capacity: Capacity | None = None
    state: LicenceState | None = None
    q: Line | None = None


class OfficerList(Schema):
    """One page of officers, by id."""

    items: list[OfficerOut]
    next_cursor: str | None


class LicenceList(Schema):
    """One page of an officer's licence, the newest entry first."""

    items: list[LicenceOut]
    next_cursor: str | None


@officers_api.get("", responses={"200": OfficerList, "422": Problem})
def officers(query: OfficerQuery) -> Response:
    """One page of officers. An operator sees its own."""
    wanted = OfficerFilter(
        organisation_id=identity().scope,
        organisation=query.organisation,
        capacity=query.capacity,
        state=query.state,
        text=query.q,
    )
    with runtime().reading() as database:
        page = officer_page(database, wanted, now_ms=runtime().clock(), limit=query.limit, cursor=query.cursor)
        return answer(OfficerList(items=page.map(_out).items, next_cursor=page.next_cursor))


@officers_api.post("", responses={"201": OfficerOut, **_REFUSED})
def register(body: OfficerRegistration) -> Response:
    """Register a person of the caller's organisation, with the licence."""
    with runtime().changing() as database:
        made = register_officer(
            database, body, organisation=own_organisation(database), now_ms=runtime().clock(), actor=actor(database)
        )
        described = _described(database, made)
    return answer(described, HTTPStatus.CREATED, version=described.version)


@officers_api.get("/<officer_id>", responses={"200": OfficerOut, "422": Problem})
def officer(path: OfficerPath) -> Response:
    """One officer."""
    with runtime().reading() as database:
        described = _described(database, _own(database, path))
    return answer(described, version=described.version)


@officers_api.put("/<officer_id>", responses={"200": OfficerOut, **_CHANGED})
def change(path: OfficerPath, body: OfficerDetails) -> Response:
    """Correct a name or a capacity."""
    with runtime().changing() as database:
        found = _matched(database, path)
        change_officer(database, found, body, now_ms=runtime().clock(), actor=actor(database))
        described = _described(database, found)
    return answer(described, version=described.version)


@officers_api.get("/<officer_id>/licences", responses={"200": LicenceList, "422": Problem})
def licences(path: OfficerPath, query: PageQuery) -> Response:
    """One page of the licence's entries."""
    with runtime().reading() as database:
        page = licence_page(database, _own(database, path), limit=query.limit, cursor=query.cursor)
        return answer(LicenceList(items=page.map(_licence).items, next_cursor=page.next_cursor))


@officers_api.post("/<officer_id>/licences", responses={"200": OfficerOut, **_CHANGED})
def renew(path: OfficerPath, body: LicenceRenewal) -> Response:
    """Record a later licence, which counts from now on."""
    with runtime().changing() as database:
        found = _matched(database, path)
        renew_licence(database, found, body, now_ms=runtime().clock(), actor=actor(database))
        described = _described(database, found)
    return answer(described, version=described.version)


@officers_api.post("/<officer_id>/withdrawal", responses={"200": OfficerOut, **_CHANGED})
def withdraw(path: OfficerPath, body: LicenceWithdrawal) -> Response:
    """End the licence now."""
    with runtime().changing() as database:
        found = _matched(database, path)
        withdraw_licence(database, found, body, now_ms=runtime().clock(), actor=actor(database))
        described = _described(database, found)
    return answer(described, version=described.version)


def _own(database: Session, path: OfficerPath) -> Officer:
    found = officer_by_id(database, path.officer_id)
    require_own(found.organisation_id)
    return found


def _matched(database: Session, path: OfficerPath) -> Officer:
    """The person to be changed, in the version that the caller has seen."""
    found = _own(database, path)
    require_match(found.version)
    return found


def _described(database: Session, found: Officer) -> OfficerOut:
    return _out(OfficerRow(found, newest_licence(database, found)))


def _out(row: OfficerRow) -> OfficerOut:
    return OfficerOut(
        officer_id=row.officer.officer_id,
        organisation=row.officer.organisation.code,
        name=row.officer.name,
        capacity=row.officer.capacity,
        state=row.state(runtime().clock()).value,
        licence=None if row.licence is None else _licence(row.licence),
        version=row.officer.version,
    )


def _licence(row: LicenceRevision) -> LicenceOut:
    return LicenceOut(
        licence_class=row.licence_class,
        licence_number=row.licence_number,
        expires_at_ms=row.expires_at_ms,
        is_withdrawn=is_withdrawal(row),
        reason=row.reason,
        recorded_at_ms=row.recorded_at_ms,
    )
