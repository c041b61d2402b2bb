"""Organisations: registered once, described by themselves."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import AlreadyRegistered, NotFound
from app.models import Organisation, User


def register_organisation(
    session: Session, *, code: str, name_zh: str, name_en: str, now_ms: int, actor: User | None = None
) -> Organisation:
    """Register an authority or an operator. Raises AlreadyRegistered."""
    if session.scalar(select(Organisation.id).where(Organisation.code == code)) is not None:
        raise AlreadyRegistered(f"organisation {code} exists")
    organisation = Organisation(code=code, name_zh=name_zh, name_en=name_en)
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


def organisation_by_code(session: Session, code: str) -> Organisation:
    """Raises NotFound."""
    organisation = session.scalar(select(Organisation).where(Organisation.code == code))
    if organisation is None:
        raise NotFound(f"no organisation {code}")
    return organisation
