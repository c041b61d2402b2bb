"""Passwords: which ones are good enough, and how they are kept (argon2id)."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from app.errors import InvalidChange

_CHARACTERS = (8, 1024)
#: 128 bits: nobody guesses it before the next login replaces it.
_TEMPORARY_BYTES = 16
_hasher = PasswordHasher()  # argon2id with the library's current recommendation


def hashed(password: str, *, email: str, field: str = "password") -> str:
    """What is kept of a new password. Raises InvalidChange for one that is unusable or too easy."""
    shortest, longest = _CHARACTERS
    if not shortest <= len(password) <= longest:
        message = f"a password has {shortest} to {longest} characters"
        raise InvalidChange(message, code="password_length", field=field, shortest=shortest, longest=longest)
    if password.lower() in {email.lower(), email.lower().partition("@")[0]} or len(set(password)) <= 2:  # noqa: PLR2004 -- "aaaaaaaa", "abababab"
        raise InvalidChange("this password is too easy to guess", code="password_easy", field=field)
    return _hasher.hash(password)


def is_password(password_hash: str | None, password: str) -> bool:
    """Whether it is the password with this hash. Without a hash it takes as long, and it is not."""
    if len(password) > _CHARACTERS[1]:
        return False
    try:
        _hasher.verify(_nobodys_hash() if password_hash is None else password_hash, password)
    except VerifyMismatchError:
        return False
    return password_hash is not None


def temporary_password() -> str:
    """A password to be shown once and changed at the first login."""
    return secrets.token_urlsafe(_TEMPORARY_BYTES)


@cache
def _nobodys_hash() -> str:
    """Checked when the address is unknown, so that the time taken does not tell."""
    return _hasher.hash("nobody has this password")
