"""Messages in the page: reminders and decisions, for an organisation or for a jurisdiction's regulators."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import AutoKey, Base, Milliseconds, PublicId


class Notice(Base):
    """One message. `kind` names its text, `params` fills it in; (kind, subject, occasion) is told once.

    `occasion` tells reminders of one subject apart, e.g. `30d` and `7d`. With `user_id` it is that person's alone.
    """

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("kind", "subject_type", "subject_id", "occasion"),
        CheckConstraint(
            "organisation_id IS NOT NULL OR jurisdiction_id IS NOT NULL OR user_id IS NOT NULL", name="for_somebody"
        ),
    )

    id: Mapped[AutoKey]
    kind: Mapped[str] = mapped_column(String(64))
    subject_type: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[PublicId]
    occasion: Mapped[str] = mapped_column(String(64))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    jurisdiction_id: Mapped[int | None] = mapped_column(ForeignKey("jurisdictions.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    created_at_ms: Mapped[Milliseconds] = mapped_column(index=True)


class NoticeRead(Base):
    """That one person has read one notice: a notice is for many, and each reads it for themselves."""

    __tablename__ = "notice_reads"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"), primary_key=True)
    read_at_ms: Mapped[Milliseconds]
