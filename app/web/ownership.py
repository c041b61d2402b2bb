"""Whose objects these are: checked in every view, after the table of roles has let the caller in."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy.orm import Session

from app.errors import Forbidden, NotFound
from app.models import Application, ApplicationState, Jurisdiction, Sanction, User
from app.services.applications import application_by_number
from app.services.jurisdictions import jurisdiction_by_code
from app.services.sanctions import sanction_by_id, was_told
from app.web.gate import identity
from app.web.runtime import runtime


def actor(session: Session) -> User:
    """The caller as the actor of a change."""
    return session.get_one(User, identity().user_id)


class Signature(TypedDict):
    """Who changes which version of an object, and when."""

    expected_version: int
    actor: User
    now_ms: int


def signature(session: Session, version: int) -> Signature:
    """The caller's, now, under the change of an object in the version that the caller has seen."""
    return Signature(expected_version=version, actor=actor(session), now_ms=runtime().clock())


def require_own(organisation_id: int) -> None:
    """Another organisation's objects do not exist for an operator: raises NotFound."""
    scope = identity().scope
    if scope is not None and organisation_id != scope:
        raise NotFound("There is no such object.")


def own_application(session: Session, number: str) -> Application:
    """One that the caller may see: until it is submitted, regulators may not. Raises NotFound."""
    found = application_by_number(session, number)
    require_own(found.holder_id)
    if found.state is ApplicationState.DRAFT and not identity().sees_drafts:
        raise NotFound("There is no such object.")
    return found


def own_sanction(session: Session, number: str) -> Sanction:
    """One that the caller may see: operators, what they were told of. Raises NotFound."""
    found = sanction_by_id(session, number)
    require_own(found.permit.holder_id)
    if identity().scope is not None and not was_told(found):
        raise NotFound("There is no such object.")
    return found


def require_decider(jurisdiction: Jurisdiction) -> None:
    """A regulator decides in its own jurisdictions only: raises Forbidden."""
    if not identity().decides_in(jurisdiction.id):
        raise Forbidden(f"Only regulators of {jurisdiction.code} decide this.")


def require_zone_decider(session: Session, jurisdiction: str) -> None:
    """A regulator publishes zones of its own jurisdictions, and those of nobody. Raises Forbidden, NotFound."""
    if jurisdiction:
        require_decider(jurisdiction_by_code(session, jurisdiction))
