"""Organisations: registered once, described by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import AlreadyRegistered, NotFound
from app.models import Organisation, User, Vehicle
from app.schemas.organisations import OrganisationDetails, OrganisationFacts
from app.services.pages import Page, holds, read_page


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """An organisation as lists show it."""

    organisation: Organisation
    vehicles: int


def register_organisation(
    session: Session,
    *,
    code: str,
    name_zh: str,
    name_en: str,
    now_ms: int,
    actor: User | None = None,
    **details: Unpack[OrganisationFacts],
) -> Organisation:
    """Register an authority or an operator. Raises AlreadyRegistered."""
    if session.scalar(select(Organisation.id).where(Organisation.code == code)) is not None:
        raise AlreadyRegistered(f"organisation {code} exists", field="code")
    _require_untaken(session, details.get("credit_code"))
    organisation = Organisation(code=code, name_zh=name_zh, name_en=name_en, **details)
    session.add(organisation)
    session.flush()
    record(
        session,
        "organisation.registered",
        Subject("organisation", code),
        actor=actor,
        now_ms=now_ms,
        after=state_of(organisation),
    )
    return organisation


def change_organisation(
    session: Session, organisation: Organisation, details: OrganisationDetails, *, now_ms: int, actor: User
) -> None:
    """Replace what an organisation states of itself. Raises AlreadyRegistered for somebody else's credit code."""
    _require_untaken(session, details.credit_code, organisation)
    before = state_of(organisation)
    for column in OrganisationDetails.model_fields:
        setattr(organisation, column, getattr(details, column))
    session.flush()
    record(
        session,
        "organisation.changed",
        Subject("organisation", organisation.code),
        actor=actor,
        now_ms=now_ms,
        before=before,
        after=state_of(organisation),
    )


def organisation_by_code(session: Session, code: str) -> Organisation:
    """Raises NotFound."""
    organisation = session.scalar(select(Organisation).where(Organisation.code == code))
    if organisation is None:
        raise NotFound(f"no organisation {code}")
    return organisation


def organisation_rows(session: Session, *, organisation_id: int | None = None) -> Sequence[OrganisationRow]:
    """Every organisation, or the one, by code."""
    counted = select(func.count(Vehicle.id)).where(Vehicle.organisation_id == Organisation.id).scalar_subquery()
    statement = select(Organisation, counted).order_by(Organisation.code)
    if organisation_id is not None:
        statement = statement.where(Organisation.id == organisation_id)
    return [OrganisationRow(organisation, vehicles) for organisation, vehicles in session.execute(statement)]


def organisation_page(
    session: Session, *, organisation_id: int | None, text: str | None, limit: int, cursor: str | None
) -> Page[Organisation]:
    """One page of organisations, or the one, by code. Raises InvalidChange for a foreign cursor."""
    statement = select(Organisation)
    if organisation_id is not None:
        statement = statement.where(Organisation.id == organisation_id)
    if text:
        searched = (Organisation.code, Organisation.name_zh, Organisation.name_en, Organisation.credit_code)
        statement = statement.where(holds(text, *searched))
    return read_page(session, statement, Organisation.code, limit=limit, cursor=cursor).map(lambda row: row[0])


def _require_untaken(session: Session, credit_code: str | None, but: Organisation | None = None) -> None:
    if credit_code is None:
        return
    holder = session.scalar(select(Organisation.id).where(Organisation.credit_code == credit_code))
    if holder is not None and (but is None or holder != but.id):
        raise AlreadyRegistered(f"the credit code {credit_code} is registered already", field="credit_code")
