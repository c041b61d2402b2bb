"""People who steer, and their licences."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.models import LicenceRevision, Officer, Organisation, User
from app.services.generations import next_generation


def record_licence(
    session: Session,
    *,
    officer_id: str,
    organisation: Organisation,
    expires_at_ms: int,
    now_ms: int,
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
        "licence.recorded",
        Subject("officer", officer_id),
        actor=actor,
        now_ms=now_ms,
        reason=reason,
        after=state_of(licence),
    )
    return licence
