"""Which user an OpenID provider vouches for. Nobody is created: an administrator does that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.errors import Forbidden
from app.models import User
from app.services.users import described


def user_of_claims(session: Session, issuer: str, claims: Mapping[str, Any], *, now_ms: int) -> User:
    """The user with the provider's subject; at the first time the one with the verified e-mail address.

    Raises Forbidden when there is none, or it is disabled.
    """
    subject = str(claims["sub"])
    user = session.scalar(select(User).where(User.oidc_issuer == issuer, User.oidc_subject == subject))
    if user is None:
        user = _linked(session, issuer, subject, claims, now_ms=now_ms)
    if user is None or user.disabled_at_ms is not None:
        raise Forbidden("nobody here is known by this login")
    return user


def _linked(session: Session, issuer: str, subject: str, claims: Mapping[str, Any], *, now_ms: int) -> User | None:
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        return None
    user = session.scalar(select(User).where(User.email == email.strip().lower(), User.oidc_subject.is_(None)))
    if user is None or user.disabled_at_ms is not None:
        return None
    before = described(user)
    user.oidc_issuer, user.oidc_subject = issuer, subject
    session.flush()
    linked = Subject("user", user.email)
    record(session, "user.linked", linked, actor=user, now_ms=now_ms, before=before, after=described(user))
    return user
