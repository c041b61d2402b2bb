"""Tests that change rows by hand tell the audit log of it, as any service must."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.audit import SUBJECTS, record
from app.models import Base


def tell_of(session: Session, *rows: Base, now_ms: int = 0) -> None:
    """An entry about each row's subject."""
    for row in rows:
        record(session, "arranged.by_test", SUBJECTS[type(row)](row), actor=None, now_ms=now_ms)
