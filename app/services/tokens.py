"""Bearer tokens: issued once, kept as a hash, good until they expire or are revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from app.audit import UNWATCHED, Subject, record, state_of
from app.errors import InvalidChange, NotFound
from app.models import ApiToken, User
from app.schemas.accounts import Scope
from app.services.pages import Page, read_page

#: `last_used_at_ms` is written at most this often.
NOTED_EVERY_MS = 60_000
_TOKEN_BYTES = 32
_DAY_MS = 86_400_000
_LONGEST_MS = 366 * _DAY_MS
_ALL = tuple(Scope)


def issue_token(
    session: Session,
    user: User,
    *,
    name: str,
    now_ms: int,
    expires_at_ms: int,
    scopes: Collection[Scope] = _ALL,
    actor: User | None = None,
) -> str:
    """A new token of the user; only its hash is kept. Raises InvalidChange unless it expires within a year.

    `actor` is who asks for it, mostly the user; None: the command line.
    """
    if not now_ms < expires_at_ms <= now_ms + _LONGEST_MS:
        raise InvalidChange("a token expires within a year of its issue", code="token_expiry", field="days")
    if not scopes:
        raise InvalidChange("a token is good for something", code="token_scopes", field="scopes")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = ApiToken(
        user=user,
        name=name,
        token_hash=_hash(token),
        scopes=[scope.value for scope in Scope if scope in scopes],
        created_at_ms=now_ms,
        expires_at_ms=expires_at_ms,
    )
    session.add(row)
    session.flush()
    subject = Subject("user", user.email)
    record(session, "token.issued", subject, actor=actor, now_ms=now_ms, after=state_of(row))
    return token


def token_in_force(session: Session, token: str, *, now_ms: int) -> ApiToken | None:
    """The token; None when it is unknown, has expired, was revoked, or its user is disabled."""
    found = session.scalar(select(ApiToken).where(ApiToken.token_hash == _hash(token)))
    if found is None or now_ms >= found.expires_at_ms or found.revoked_at_ms is not None:
        return None
    return None if found.user.disabled_at_ms is not None else found


def note_use(session: Session, token: ApiToken, *, now_ms: int) -> None:
    """Note that the token was used: no change of the registry, so that the audit log does not tell of it."""
    is_old = or_(ApiToken.last_used_at_ms.is_(None), ApiToken.last_used_at_ms <= now_ms - NOTED_EVERY_MS)
    noted = update(ApiToken).where(ApiToken.id == token.id, is_old).values(last_used_at_ms=now_ms)
    session.execute(noted, execution_options=UNWATCHED)


def tokens_of(session: Session, user: User) -> list[ApiToken]:
    """All tokens of the user, newest first."""
    return list(session.scalars(_own(user).order_by(ApiToken.id.desc())))


def token_page(session: Session, user: User, *, limit: int, cursor: str | None) -> Page[ApiToken]:
    """One page of the user's tokens, newest first. Raises InvalidChange for a foreign cursor."""
    found = read_page(session, _own(user), ApiToken.id, limit=limit, cursor=cursor, newest_first=True)
    return found.map(lambda row: row[0])


def own_token(session: Session, user: User, token_id: int) -> ApiToken:
    """The user's token with this key. Raises NotFound."""
    found = session.get(ApiToken, token_id)
    if found is None or found.user_id != user.id:
        raise NotFound(f"no token {token_id}")
    return found


def revoke_token(session: Session, token: ApiToken, *, actor: User | None, now_ms: int, reason: str = "") -> None:
    """End a token now; a second time changes nothing."""
    if token.revoked_at_ms is not None:
        return
    before = state_of(token)
    token.revoked_at_ms = now_ms
    session.flush()
    subject = Subject("user", token.user.email)
    record(
        session,
        "token.revoked",
        subject,
        actor=actor,
        now_ms=now_ms,
        reason=reason,
        before=before,
        after=state_of(token),
    )


def revoke_tokens(session: Session, user: User, *, actor: User | None, now_ms: int, reason: str) -> None:
    """End every token of a user that is still good."""
    for token in tokens_of(session, user):
        if now_ms < token.expires_at_ms:
            revoke_token(session, token, actor=actor, now_ms=now_ms, reason=reason)


def _own(user: User) -> Select[ApiToken]:
    return select(ApiToken).where(ApiToken.user_id == user.id)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
