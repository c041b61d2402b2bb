"""The one jurisdiction of tests and benchmarks that need no other."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Jurisdiction
from app.services.jurisdictions import create_jurisdiction


def jurisdiction(session: Session, code: str = "CITY") -> Jurisdiction:
    """The jurisdiction, created when it is first asked for."""
    found = session.scalar(select(Jurisdiction).where(Jurisdiction.code == code))
    return found or create_jurisdiction(
        session, code=code, name_zh="城市", name_en="City", number_prefix=code, now_ms=0
    )
