"""Browsers that are logged in: each has a random key, kept as a hash, with an idle and an absolute end."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.models import LoginSession, User

#: A session ends after this long without a request, and after a working day in any case.
IDLE_MS = 2 * 3_600_000
ABSOLUTE_MS = 12 * 3_600_000
#: `seen_at_ms` is written at most this often.
NOTED_EVERY_MS = 60_000
_KEY_BYTES = 32


def begin_session(session: Session, user: User, *, now_ms: int, is_federated: bool = False) -> str:
    """A new session of the user; returns the key for its cookie. Sessions that have ended are forgotten."""
    session.execute(
        delete(LoginSession).where(
            (LoginSession.started_at_ms <= now_ms - ABSOLUTE_MS) | (LoginSession.seen_at_ms <= now_ms - IDLE_MS)
        )
    )
    key = secrets.token_urlsafe(_KEY_BYTES)
    session.add(
        LoginSession(user=user, key_hash=_hash(key), is_federated=is_federated, started_at_ms=now_ms, seen_at_ms=now_ms)
    )
    session.flush()
    return key


def session_in_force(session: Session, key: str, *, now_ms: int) -> LoginSession | None:
    """The session with this key; None when it has ended, or its user may not log in any more."""
    found = session.scalar(select(LoginSession).where(LoginSession.key_hash == _hash(key)))
    if found is None or found.user.disabled_at_ms is not None:
        return None
    is_over = now_ms - found.started_at_ms >= ABSOLUTE_MS or now_ms - found.seen_at_ms >= IDLE_MS
    return None if is_over else found


def note_request(session: Session, login: LoginSession, *, now_ms: int) -> None:
    """Note that the browser is still there."""
    session.execute(update(LoginSession).where(LoginSession.id == login.id).values(seen_at_ms=now_ms))


def end_session(session: Session, key: str) -> None:
    """Log one browser out: its key is worthless then, wherever it was copied to."""
    session.execute(delete(LoginSession).where(LoginSession.key_hash == _hash(key)))


def end_sessions(session: Session, user: User) -> None:
    """Log the user out everywhere."""
    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))


def sessions_of(session: Session, user: User, *, now_ms: int) -> list[LoginSession]:
    """The user's sessions that have not ended, newest first."""
    mine = select(LoginSession).where(
        LoginSession.user_id == user.id,
        LoginSession.started_at_ms > now_ms - ABSOLUTE_MS,
        LoginSession.seen_at_ms > now_ms - IDLE_MS,
    )
    return list(session.scalars(mine.order_by(LoginSession.started_at_ms.desc())))


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
