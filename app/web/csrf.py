"""Protection against forged requests: a token in the session that every change has to repeat."""

from __future__ import annotations

import hmac
import secrets

from flask import request, session

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def csrf_token() -> str:
    """This session's token, made when it is first asked for."""
    if FIELD not in session:
        session[FIELD] = secrets.token_urlsafe(32)
    return str(session[FIELD])


def is_safe_method() -> bool:
    """Whether this request may change nothing."""
    return request.method in _SAFE_METHODS


def token_repeated() -> bool:
    """Whether the request carries its session's token, in a header or as a form field."""
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    expected = session.get(FIELD, "")
    return bool(expected) and hmac.compare_digest(given.encode(), str(expected).encode())
