"""Jurisdictions: where which authority decides."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import AlreadyRegistered, NotFound
from app.models import Jurisdiction, Organisation, User


def create_jurisdiction(
    session: Session,
    *,
    code: str,
    name_zh: str,
    name_en: str,
    number_prefix: str,
    now_ms: int,
    authority: Organisation | None = None,
    actor: User | None = None,
) -> Jurisdiction:
    """Create a jurisdiction with the documented default thresholds. Raises AlreadyRegistered."""
    if session.scalar(select(Jurisdiction.id).where(Jurisdiction.code == code)) is not None:
        raise AlreadyRegistered(f"jurisdiction {code} exists")
    jurisdiction = Jurisdiction(
        code=code, name_zh=name_zh, name_en=name_en, number_prefix=number_prefix, authority=authority, thresholds={}
    )
    session.add(jurisdiction)
    session.flush()
    subject = Subject("jurisdiction", code)
    record(session, "jurisdiction.created", subject, actor=actor, now_ms=now_ms, after=state_of(jurisdiction))
    return jurisdiction


def jurisdiction_by_code(session: Session, code: str) -> Jurisdiction:
    """Raises NotFound."""
    jurisdiction = session.scalar(select(Jurisdiction).where(Jurisdiction.code == code))
    if jurisdiction is None:
        raise NotFound(f"no jurisdiction {code}")
    return jurisdiction
