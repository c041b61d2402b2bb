"""Imports between preview and confirmation."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import AutoKey, Base, Milliseconds, PublicId


class ImportDraft(Base):
    """What was read from an uploaded file and shown as a preview; taken over whole, or not at all.

    `kind` is `vehicles` or `zones`; `content` what the reader of that kind made of the file.
    """

    __tablename__ = "import_drafts"

    id: Mapped[AutoKey]
    public_id: Mapped[PublicId] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at_ms: Mapped[Milliseconds]
