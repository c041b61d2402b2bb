"""People who log in."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import AlreadyRegistered, InvalidChange, NotFound
from app.models import OPERATORS, Organisation, Role, User

_PASSWORD_CHARACTERS = (8, 1024)
_hasher = PasswordHasher()  # argon2id with the library's current recommendation


def create_user(
    session: Session,
    *,
    email: str,
    password: str,
    role: Role,
    display_name: str,
    now_ms: int,
    organisation: Organisation | None = None,
    actor: User | None = None,
) -> User:
    """Create a user. Raises AlreadyRegistered, or InvalidChange for an unusable role or password."""
    shortest, longest = _PASSWORD_CHARACTERS
    if not shortest <= len(password) <= longest:
        raise InvalidChange(f"a password has {shortest} to {longest} characters")
    if role in OPERATORS and organisation is None:
        raise InvalidChange("an operator belongs to an organisation")
    if _user_by_email(session, email) is not None:
        raise AlreadyRegistered(f"user {email} exists")
    user = User(
        email=email.lower(),
        display_name=display_name,
        role=role,
        organisation=organisation,
        password_hash=_hasher.hash(password),
        created_at_ms=now_ms,
    )
    session.add(user)
    session.flush()
    record(session, "user.created", Subject("user", user.email), actor=actor, now_ms=now_ms, after=state_of(user))
    return user


def authenticate(session: Session, email: str, password: str) -> User | None:
    """The user with this e-mail address and password, or None; both take the same time."""
    if len(password) > _PASSWORD_CHARACTERS[1]:
        return None
    user = _user_by_email(session, email)
    try:
        _hasher.verify(user.password_hash if user else _nobodys_hash(), password)
    except VerifyMismatchError:
        return None
    return user


def user_by_email(session: Session, email: str) -> User:
    """Raises NotFound."""
    user = _user_by_email(session, email)
    if user is None:
        raise NotFound(f"no user {email}")
    return user


def _user_by_email(session: Session, email: str) -> User | None:
    return session.scalar(select(User).where(User.email == email.lower()))


@cache
def _nobodys_hash() -> str:
    """Checked when the address is unknown, so that the time taken does not tell."""
    return _hasher.hash("nobody has this password")
