"""Bearer tokens of the API."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Milliseconds, Name
from app.models.organisations import User


class ApiToken(Base):
    """A program's right to act as a user until `expires_at_ms`.

    `token_hash` is the SHA-256 of a random token of 256 bits (see Vehicle for why not argon2).
    """

    __tablename__ = "api_tokens"
    __table_args__ = (CheckConstraint("expires_at_ms > created_at_ms", name="expires_after_creation"),)

    id: Mapped[AutoKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[Name]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at_ms: Mapped[Milliseconds]
    expires_at_ms: Mapped[Milliseconds]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
