"""What a person looks for again and again on the duty screen."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import AutoKey, Base, Milliseconds, Name, Versioned


class SavedFilter(Versioned, Base):
    """A person's own filter of the alert board; `criteria` is app.schemas.saved_filters.Criteria."""

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[AutoKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[Name]
    criteria: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at_ms: Mapped[Milliseconds]
