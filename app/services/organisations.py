"""Registration of organisations and of their officers' licences."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import AlreadyRegistered, NotFound
from app.models import LicenceRevision, Officer, Organisation
from app.services.generations import next_generation


def register_organisation(session: Session, *, code: str, name_zh: str, name_en: str) -> Organisation:
    """Register an authority or an operator. Raises AlreadyRegistered."""
    if session.scalar(select(Organisation.id).where(Organisation.code == code)) is not None:
        raise AlreadyRegistered(f"organisation {code} exists")
    organisation = Organisation(code=code, name_zh=name_zh, name_en=name_en)
    session.add(organisation)
    session.flush()
    return organisation


def organisation_by_code(session: Session, code: str) -> Organisation:
    """Raises NotFound."""
    organisation = session.scalar(select(Organisation).where(Organisation.code == code))
    if organisation is None:
        raise NotFound(f"no organisation {code}")
    return organisation


def record_licence(
    session: Session, *, officer_id: str, organisation: Organisation, expires_at_ms: int
) -> LicenceRevision:
    """Record an officer's licence, or its renewal; registers the officer at the first time."""
    generation = next_generation(session)
    officer = session.scalar(select(Officer).where(Officer.officer_id == officer_id))
    if officer is None:
        officer = Officer(officer_id=officer_id, organisation=organisation)
    licence = LicenceRevision(officer=officer, expires_at_ms=expires_at_ms, generation=generation)
    session.add(licence)
    session.flush()
    return licence
