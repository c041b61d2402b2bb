"""Jurisdictions: where which authority decides."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import AlreadyRegistered, InvalidChange, NotFound
from app.models import Jurisdiction, Organisation, User
from app.schemas.jurisdictions import JurisdictionDetails, NewJurisdiction, ReportingDeadlines, Thresholds


def create_jurisdiction(
    session: Session,
    *,
    code: str,
    name_zh: str,
    name_en: str,
    number_prefix: str,
    now_ms: int,
    authority: Organisation | None = None,
    thresholds: Thresholds | None = None,
    deadlines: ReportingDeadlines | None = None,
    reason: str = "",
    actor: User | None = None,
) -> Jurisdiction:
    """Create a jurisdiction; what is not stated has the documented defaults. Raises AlreadyRegistered."""
    if session.scalar(select(Jurisdiction.id).where(Jurisdiction.code == code)) is not None:
        raise AlreadyRegistered(f"jurisdiction {code} exists")
    jurisdiction = Jurisdiction(
        code=code,
        name_zh=name_zh,
        name_en=name_en,
        number_prefix=number_prefix,
        authority=authority,
        thresholds={} if thresholds is None else thresholds.model_dump(mode="json"),
        deadlines={} if deadlines is None else deadlines.model_dump(mode="json"),
    )
    session.add(jurisdiction)
    session.flush()
    subject = Subject("jurisdiction", code)
    after = state_of(jurisdiction)
    record(session, "jurisdiction.created", subject, actor=actor, now_ms=now_ms, reason=reason, after=after)
    return jurisdiction


def register_jurisdiction(
    session: Session, details: NewJurisdiction, *, now_ms: int, actor: User | None
) -> Jurisdiction:
    """Create a jurisdiction as an administrator describes it. Raises AlreadyRegistered, InvalidChange."""
    created = create_jurisdiction(
        session,
        code=details.code,
        name_zh=details.name_zh,
        name_en=details.name_en,
        number_prefix=details.number_prefix,
        authority=authority_by_code(session, details.authority),
        thresholds=details.thresholds,
        deadlines=details.deadlines,
        reason=details.reason,
        now_ms=now_ms,
        actor=actor,
    )
    session.refresh(created)
    return created


def change_jurisdiction(
    session: Session, jurisdiction: Jurisdiction, details: JurisdictionDetails, *, now_ms: int, actor: User | None
) -> Jurisdiction:
    """Change what is stated of it. Raises InvalidChange for an unknown authority."""
    before = state_of(jurisdiction)
    jurisdiction.name_zh = details.name_zh
    jurisdiction.name_en = details.name_en
    jurisdiction.number_prefix = details.number_prefix
    jurisdiction.authority = authority_by_code(session, details.authority)
    if details.thresholds is not None:
        jurisdiction.thresholds = details.thresholds.model_dump(mode="json")
    if details.deadlines is not None:
        jurisdiction.deadlines = details.deadlines.model_dump(mode="json")
    session.flush()
    record(
        session,
        "jurisdiction.changed",
        Subject("jurisdiction", jurisdiction.code),
        actor=actor,
        now_ms=now_ms,
        reason=details.reason,
        before=before,
        after=state_of(jurisdiction),
    )
    return jurisdiction


def authority_by_code(session: Session, code: str) -> Organisation | None:
    """The organisation that decides; without a code none is named. Raises InvalidChange."""
    if not code:
        return None
    authority = session.scalar(select(Organisation).where(Organisation.code == code))
    if authority is None:
        raise InvalidChange(f"no organisation {code}", code="organisation_unknown", field="authority")
    return authority


def jurisdictions(session: Session) -> Sequence[Jurisdiction]:
    """All of them, by code: there are few."""
    return session.scalars(select(Jurisdiction).order_by(Jurisdiction.code)).all()


def jurisdiction_by_code(session: Session, code: str) -> Jurisdiction:
    """Raises NotFound."""
    jurisdiction = session.scalar(select(Jurisdiction).where(Jurisdiction.code == code))
    if jurisdiction is None:
        raise NotFound(f"no jurisdiction {code}")
    return jurisdiction
