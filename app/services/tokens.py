"""Bearer tokens: issued once, kept as a hash, good until they expire."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import InvalidChange
from app.models import ApiToken, User

_TOKEN_BYTES = 32


def issue_token(session: Session, user: User, *, name: str, now_ms: int, expires_at_ms: int) -> str:
    """A new token of the user; only its hash is kept. Raises InvalidChange when it would be expired."""
    if expires_at_ms <= now_ms:
        raise InvalidChange("a token expires after it is issued")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = ApiToken(
        user=user,
        name=name,
        token_hash=_hash(token),
        scopes=["read", "write"],
        created_at_ms=now_ms,
        expires_at_ms=expires_at_ms,
    )
    session.add(row)
    session.flush()
    record(session, "token.issued", Subject("user", user.email), actor=user, now_ms=now_ms, after=state_of(row))
    return token


def user_of_token(session: Session, token: str, *, now_ms: int) -> User | None:
    """Whose token this is; None when it is unknown or has expired."""
    found = session.scalar(select(ApiToken).where(ApiToken.token_hash == _hash(token)))
    return found.user if found is not None and now_ms < found.expires_at_ms else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
