"""People who steer, over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from sqlalchemy.orm import Session

from app.models import LicenceRevision, Officer
from app.schemas.base import Identifier, Schema
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
    OfficerRow,
    change_officer,
    is_withdrawal,
    licence_history,
    newest_licence,
    officer_by_id,
    officer_rows,
    register_officer,
    renew_licence,
    withdraw_licence,
)
from app.web.api.base import Problem, Responses, answer, api_blueprint, require_match
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


class OfficerQuery(Schema):
    """Which officers, by what their licence is worth now."""

    state: LicenceState | None = None


class OfficerList(Schema):
    """Every officer that the caller may see, by id."""

    items: list[OfficerOut]


class LicenceList(Schema):
    """Every entry of an officer's licence, the newest first."""

    items: list[LicenceOut]


@officers_api.get("", responses={"200": OfficerList, "422": Problem})
def officers(query: OfficerQuery) -> Response:
    """All officers; an operator sees its own."""
    with runtime().reading() as database:
        rows = officer_rows(database, organisation_id=identity().scope)
        found = [_out(row) for row in rows]
    return answer(OfficerList(items=[each for each in found if query.state in {None, each.state}]))


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
        found = _own(database, path)
        require_match(found.version)
        change_officer(database, found, body, now_ms=runtime().clock(), actor=actor(database))
        described = _described(database, found)
    return answer(described, version=described.version)


@officers_api.get("/<officer_id>/licences", responses={"200": LicenceList, "422": Problem})
def licences(path: OfficerPath) -> Response:
    """Every entry of the licence."""
    with runtime().reading() as database:
        history = licence_history(database, _own(database, path))
        return answer(LicenceList(items=[_licence(entry) for entry in history]))


@officers_api.post("/<officer_id>/licences", responses={"200": OfficerOut, **_CHANGED})
def renew(path: OfficerPath, body: LicenceRenewal) -> Response:
    """Record a later licence, which counts from now on."""
    with runtime().changing() as database:
        found = _own(database, path)
        require_match(found.version)
        renew_licence(database, found, body, now_ms=runtime().clock(), actor=actor(database))
        described = _described(database, found)
    return answer(described, version=described.version)


@officers_api.post("/<officer_id>/withdrawal", responses={"200": OfficerOut, **_CHANGED})
def withdraw(path: OfficerPath, body: LicenceWithdrawal) -> Response:
    """End the licence now."""
    with runtime().changing() as database:
        found = _own(database, path)
        require_match(found.version)
        withdraw_licence(database, found, body, now_ms=runtime().clock(), actor=actor(database))
        described = _described(database, found)
    return answer(described, version=described.version)


def _own(database: Session, path: OfficerPath) -> Officer:
    found = officer_by_id(database, path.officer_id)
    require_own(found.organisation_id)
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
