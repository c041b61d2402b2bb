"""People who steer, and their licences."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, lazyload
from sqlalchemy.orm.attributes import flag_modified

from app.audit import Subject, record, state_of
from app.calendar import end_of_day_ms
from app.errors import AlreadyRegistered, InvalidChange, NotFound
from app.models import OPERATORS, Capacity, LicenceRevision, Officer, Organisation, User
from app.schemas.officers import LicenceRenewal, LicenceWithdrawal, OfficerDetails, OfficerRegistration
from app.services.generations import next_generation
from app.services.pages import Page, holds, page_among, read_page

#: Licences that expire within this are marked in lists.
SOON_MS = 30 * 86_400_000


class LicenceState(StrEnum):
    """What a licence is worth now."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class OfficerRow:
    """An officer with the licence that counts."""

    officer: Officer
    licence: LicenceRevision | None

    def state(self, now_ms: int) -> LicenceState:
        """What the licence is worth at an instant."""
        licence = self.licence
        if licence is None:
            return LicenceState.MISSING
        if is_withdrawal(licence):
            return LicenceState.WITHDRAWN
        if licence.expires_at_ms <= now_ms:
            return LicenceState.EXPIRED
        return LicenceState.EXPIRING if licence.expires_at_ms <= now_ms + SOON_MS else LicenceState.VALID


@dataclass(frozen=True, slots=True)
class OfficerFilter:
    """Which officers a list holds; None: any."""

    organisation_id: int | None = None
    organisation: str | None = None
    capacity: Capacity | None = None
    capacities: frozenset[Capacity] | None = None
    state: LicenceState | None = None
    text: str | None = None


def register_officer(
    session: Session, details: OfficerRegistration, *, organisation: Organisation, now_ms: int, actor: User
) -> Officer:
    """Register a person who steers, with the licence. Raises AlreadyRegistered."""
    if session.scalar(select(Officer.id).where(Officer.officer_id == details.officer_id)) is not None:
        raise AlreadyRegistered(f"officer {details.officer_id} exists", field="officer_id")
    officer = Officer(
        officer_id=details.officer_id, organisation=organisation, name=details.name, capacity=details.capacity
    )
    session.add(officer)
    session.flush()
    subject = Subject("officer", officer.officer_id)
    record(session, "officer.registered", subject, actor=actor, now_ms=now_ms, after=state_of(officer))
    record_licence(
        session,
        officer_id=officer.officer_id,
        organisation=organisation,
        licence_class=details.licence_class,
        licence_number=details.licence_number,
        expires_at_ms=end_of_day_ms(details.expires_on),
        now_ms=now_ms,
        actor=actor,
    )
    return officer


def change_officer(session: Session, officer: Officer, details: OfficerDetails, *, now_ms: int, actor: User) -> None:
    """Correct a person's name or capacity."""
    before = state_of(officer)
    officer.name, officer.capacity = details.name, details.capacity
    session.flush()
    record(
        session,
        "officer.changed",
        Subject("officer", officer.officer_id),
        actor=actor,
        now_ms=now_ms,
        before=before,
        after=state_of(officer),
    )


def renew_licence(
    session: Session, officer: Officer, renewal: LicenceRenewal, *, now_ms: int, actor: User
) -> LicenceRevision:
    """Record a later licence, which counts from now on.

    Raises InvalidChange for a licence that a regulator ever withdrew from this person.
    """
    if _compared(renewal.licence_number) in _numbers_taken_away(session, officer):
        raise InvalidChange("a regulator withdrew this licence", code="licence_withdrawn", field="licence_number")
    flag_modified(officer, "name")
    return record_licence(
        session,
        officer_id=officer.officer_id,
        organisation=officer.organisation,
        licence_class=renewal.licence_class,
        licence_number=renewal.licence_number,
        expires_at_ms=end_of_day_ms(renewal.expires_on),
        now_ms=now_ms,
        actor=actor,
        reason=renewal.reason,
    )


def withdraw_licence(
    session: Session, officer: Officer, withdrawal: LicenceWithdrawal, *, now_ms: int, actor: User
) -> LicenceRevision:
    """End the licence that counts, from now on. Raises InvalidChange when there is none in force."""
    newest = newest_licence(session, officer)
    if newest is None or newest.expires_at_ms <= now_ms:
        raise InvalidChange("there is no licence in force", code="no_licence_in_force")
    flag_modified(officer, "name")
    return record_licence(
        session,
        officer_id=officer.officer_id,
        organisation=officer.organisation,
        licence_class=newest.licence_class,
        licence_number=newest.licence_number,
        expires_at_ms=now_ms,
        now_ms=now_ms,
        actor=actor,
        reason=withdrawal.reason,
    )


def record_licence(
    session: Session,
    *,
    officer_id: str,
    organisation: Organisation,
    expires_at_ms: int,
    now_ms: int,
    licence_class: str = "",
    licence_number: str = "",
    actor: User | None = None,
    reason: str = "",
) -> LicenceRevision:
    """Record an officer's licence, or its renewal; registers the officer at the first time."""
    generation = next_generation(session)
    officer = session.scalar(select(Officer).where(Officer.officer_id == officer_id))
    if officer is None:
        officer = Officer(officer_id=officer_id, organisation=organisation)
    licence = LicenceRevision(
        officer=officer,
        licence_class=licence_class,
        licence_number=licence_number,
        expires_at_ms=expires_at_ms,
        reason=reason,
        actor_id=actor.id if actor else None,
        recorded_at_ms=now_ms,
        generation=generation,
    )
    session.add(licence)
    session.flush()
    record(
        session,
        "licence.withdrawn" if is_withdrawal(licence) else "licence.recorded",
        Subject("officer", officer_id),
        actor=actor,
        now_ms=now_ms,
        reason=reason,
        after=state_of(licence),
    )
    return licence


def officer_by_id(session: Session, officer_id: str) -> Officer:
    """Raises NotFound."""
    officer = session.scalar(select(Officer).where(Officer.officer_id == officer_id))
    if officer is None:
        raise NotFound(f"no officer {officer_id}")
    return officer


def officer_rows(session: Session, *, organisation_id: int | None = None) -> Sequence[OfficerRow]:
    """Every officer, or those of one organisation, by id, each with the licence that counts."""
    statement = _with_licences(OfficerFilter(organisation_id=organisation_id)).order_by(Officer.officer_id)
    return [OfficerRow(officer, licence) for officer, licence in session.execute(statement)]


def officer_page(
    session: Session, wanted: OfficerFilter, *, now_ms: int, limit: int, cursor: str | None
) -> Page[OfficerRow]:
    """One page of officers by id, each with the licence that counts. Raises InvalidChange for a foreign cursor."""

    def read(limit: int, cursor: str | None) -> Page[OfficerRow]:
        found = read_page(session, _with_licences(wanted), Officer.officer_id, limit=limit, cursor=cursor)
        return found.map(lambda row: OfficerRow(row[0], row[1]))

    is_wanted = None if wanted.state is None else lambda row: row.state(now_ms) is wanted.state
    return page_among(read, is_wanted, lambda row: (row.officer.officer_id,), limit=limit, cursor=cursor)


def _with_licences(wanted: OfficerFilter) -> Select[*tuple[Any, ...]]:
    newest = (
        select(LicenceRevision.officer_id, func.max(LicenceRevision.generation).label("generation"))
        .group_by(LicenceRevision.officer_id)
        .subquery()
    )
    statement = (
        select(Officer, LicenceRevision)
        .options(lazyload(LicenceRevision.officer))  # it stands beside it
        .outerjoin(newest, newest.c.officer_id == Officer.id)
        .outerjoin(
            LicenceRevision,
            (LicenceRevision.officer_id == Officer.id) & (LicenceRevision.generation == newest.c.generation),
        )
    )
    if wanted.organisation_id is not None:
        statement = statement.where(Officer.organisation_id == wanted.organisation_id)
    if wanted.organisation is not None:
        statement = statement.where(Officer.organisation.has(Organisation.code == wanted.organisation))
    if wanted.capacity is not None:
        statement = statement.where(Officer.capacity == wanted.capacity)
    if wanted.capacities is not None:
        statement = statement.where(Officer.capacity.in_(wanted.capacities))
    if wanted.text:
        statement = statement.where(
            holds(wanted.text, Officer.officer_id, Officer.name, LicenceRevision.licence_number)
        )
    return statement


def newest_licence(session: Session, officer: Officer) -> LicenceRevision | None:
    """The licence that counts."""
    return next(iter(licence_history(session, officer)), None)


def licence_history(session: Session, officer: Officer) -> Sequence[LicenceRevision]:
    """Every entry, newest first."""
    return session.scalars(_entries(officer).order_by(LicenceRevision.generation.desc())).all()


def licence_page(session: Session, officer: Officer, *, limit: int, cursor: str | None) -> Page[LicenceRevision]:
    """One page of the entries, newest first. Raises InvalidChange for a foreign cursor."""
    key = LicenceRevision.generation
    return read_page(session, _entries(officer), key, limit=limit, cursor=cursor, newest_first=True).map(
        lambda row: row[0]
    )


def _entries(officer: Officer) -> Select[LicenceRevision]:
    return select(LicenceRevision).where(LicenceRevision.officer_id == officer.id)


def is_withdrawal(licence: LicenceRevision) -> bool:
    """Whether this entry ended the licence at the moment it was made."""
    return licence.expires_at_ms == licence.recorded_at_ms


def _numbers_taken_away(session: Session, officer: Officer) -> set[str]:
    """The numbers of licences that somebody else than an operator withdrew, as they are compared."""
    entries = select(LicenceRevision, User.role).outerjoin(User, User.id == LicenceRevision.actor_id)
    mine = entries.where(LicenceRevision.officer_id == officer.id).options(lazyload(LicenceRevision.officer))
    return {
        _compared(licence.licence_number)
        for licence, role in session.execute(mine)
        if is_withdrawal(licence) and role not in OPERATORS
    }


def _compared(number: str) -> str:
    """A licence's number without what people write differently: spaces, dashes, case and the width of letters."""
    return "".join(c for c in unicodedata.normalize("NFKC", number).casefold() if c.isalnum())
