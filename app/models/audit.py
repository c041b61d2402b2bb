"""The audit log: append-only, each entry chained to the one before by its hash."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Key, Milliseconds, Name, Prose


class AuditEntry(Base):
    """One change: who, when, why, to what, before and after.

    `number` counts from 1 without gaps. `hash` is the SHA-256 of the canonical JSON of all other
    columns, `previous_hash` among them. Triggers of the database refuse to update or delete a row.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "subject_type", "subject_id"),
        Index(None, "recorded_at_ms"),
    )

    number: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    recorded_at_ms: Mapped[Milliseconds]
    actor_id: Mapped[int | None] = mapped_column(Key)
    actor: Mapped[Name]
    action: Mapped[str] = mapped_column(String(64))
    subject_type: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[Name]
    reason: Mapped[Prose]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)


class AuditHead(Base):
    """Number and hash of the newest entry: a single row, locked by each change, so that entries queue up."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Key)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
