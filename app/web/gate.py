"""Before each request: who is asking, and may they? Deny by default."""

from __future__ import annotations

import logging
from http import HTTPStatus
from ipaddress import ip_address

from flask import Flask, Response, g, redirect, request, session, url_for

from app.models import User
from app.services.tokens import user_of_token
from app.web import access
from app.web.csrf import is_safe_method, token_repeated
from app.web.identity import Identity, Means, identity_of
from app.web.problems import API_PREFIX, problem
from app.web.runtime import runtime

logger = logging.getLogger(__name__)

#: Keys of the session cookie.
SESSION_USER = "user_id"
SESSION_STAMP = "password_stamp"

_BEARER = "bearer "
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def install(app: Flask) -> None:
    """Let nothing pass that the tables of app.web.access do not name."""

    @app.before_request
    def gate() -> Response | None:
        if request.endpoint is None:
            return None  # no such route: Flask answers 404 or 405
        g.identity = _identify()
        return _refuse_unless_allowed(request.endpoint) or _refuse_forged()


def identity() -> Identity:
    """Who is asking, in a view that needs an identity."""
    found = g.identity
    assert isinstance(found, Identity)
    return found


def identity_or_none() -> Identity | None:
    """Who is asking, if anybody."""
    found = g.get("identity")
    assert found is None or isinstance(found, Identity)
    return found


def password_stamp(user: User) -> str:
    """Ends every session of a user when the password changes."""
    return user.password_hash[-16:]


def _identify() -> Identity | None:
    header = request.headers.get("Authorization", "")
    if header[: len(_BEARER)].lower() == _BEARER:
        return _bearer(header[len(_BEARER) :].strip())
    if SESSION_USER not in session:
        return None
    with runtime().reading() as database:
        user = database.get(User, session[SESSION_USER])
        if user is None or session.get(SESSION_STAMP) != password_stamp(user):
            session.clear()
            return None
        return identity_of(user, Means.SESSION)


def _bearer(token: str) -> Identity | None:
    with runtime().reading() as database:
        user = user_of_token(database, token, now_ms=runtime().clock())
        return None if user is None else identity_of(user, Means.TOKEN)


def _refuse_unless_allowed(endpoint: str) -> Response | None:
    if endpoint in access.PUBLIC or (endpoint in access.LOCAL and _asked_by_this_machine()):
        return None
    action = access.PROTECTED.get(endpoint)
    if action is None:
        logger.error("endpoint %s is in no table of app.web.access: denied", endpoint)
        return problem(HTTPStatus.FORBIDDEN, "denied", "Nobody may do this.")
    caller = identity_or_none()
    if caller is None:
        return _ask_to_log_in()
    if not access.may(caller.role, action):
        return problem(HTTPStatus.FORBIDDEN, "denied", f"The role {caller.role} may not do this.")
    return None


def _refuse_forged() -> Response | None:
    caller = identity_or_none()
    if is_safe_method() or (caller is not None and caller.means is Means.TOKEN) or token_repeated():
        return None
    return problem(
        HTTPStatus.BAD_REQUEST,
        "csrf",
        "The form has expired, or the browser keeps no cookies for this address (outside of localhost it needs HTTPS).",
    )


def _ask_to_log_in() -> Response:
    if request.path.startswith(API_PREFIX) or not is_safe_method() or request.headers.get("Authorization"):
        headers = {"WWW-Authenticate": 'Bearer realm="pilotage"'}
        return problem(HTTPStatus.UNAUTHORIZED, "not_logged_in", "Log in, or send a valid bearer token.", headers)
    answer = redirect(url_for("pages.login", next=request.full_path.rstrip("?")), code=HTTPStatus.SEE_OTHER)
    assert isinstance(answer, Response)
    return answer


def _asked_by_this_machine() -> bool:
    """Straight from the loopback address; a proxy on this machine asks for somebody else."""
    if any(name in request.headers for name in _PROXY_HEADERS):
        return False
    return request.remote_addr is not None and ip_address(request.remote_addr).is_loopback
