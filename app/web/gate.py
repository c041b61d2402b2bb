"""Before each request: who is asking, and may they? Deny by default."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address

from flask import Flask, Response, g, redirect, request, session, url_for
from flask_babel import gettext as _

from app.services.logins import NOTED_EVERY_MS, note_request, session_in_force
from app.services.tokens import NOTED_EVERY_MS as TOKEN_NOTED_EVERY_MS
from app.services.tokens import note_use, token_in_force
from app.web import access
from app.web.csrf import is_safe_method, token_repeated
from app.web.identity import Identity, Means, duty_of, identity_of
from app.web.interrupted import carried_form, interrupted_form, is_form
from app.web.login_pages import continue_page, login_page
from app.web.origin import is_cross_site, proves_same_origin
from app.web.problems import API_PREFIX, problem
from app.web.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

#: Key of the session cookie: the login's own random key.
SESSION_LOGIN = "login"

_BEARER = "bearer "
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
_LOGIN_FORMS = frozenset({"auth.log_in", "auth.code"})


def install(app: Flask) -> None:
    """Let nothing pass that the tables of app.web.access do not name."""

    @app.before_request
    def gate() -> Response | None:
        if request.endpoint is None:
            return None  # no such route: Flask answers 404 or 405
        g.identity = identify()
        return (
            _refuse_cross_site()
            or _refuse_unless_allowed(request.endpoint)
            or _lead_to_duty(request.endpoint)
            or _refuse_forged(request.endpoint)
        )


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


def identify() -> Identity | None:
    """Whom the request's token or session belongs to now."""
    return _asker(noted=True)()


def asks_again() -> Callable[[], bool]:
    """For answers that last: whether the caller is still who it is now, asked later and outside of the request.

    Being asked keeps no session alive.
    """
    ask, before = _asker(noted=False), identity_or_none()
    return lambda: ask() == before


def _asker(*, noted: bool) -> Callable[[], Identity | None]:
    state, header = runtime(), request.headers.get("Authorization", "")
    if header[: len(_BEARER)].lower() == _BEARER:
        token = header[len(_BEARER) :].strip()
        return lambda: _bearer(state, token, noted=noted)
    key = session.get(SESSION_LOGIN)
    return lambda: None if key is None else _logged_in(state, key, noted=noted)


def _bearer(state: Runtime, text: str, *, noted: bool) -> Identity | None:
    now_ms = state.clock()
    with state.reading() as database:
        token = token_in_force(database, text, now_ms=now_ms)
    if token is None:
        return None
    is_old = token.last_used_at_ms is None or now_ms - token.last_used_at_ms >= TOKEN_NOTED_EVERY_MS
    if noted and is_old:
        with state.changing() as database:
            note_use(database, token, now_ms=now_ms)
    return identity_of(token.user, Means.TOKEN, scopes=token.scopes)


def _logged_in(state: Runtime, key: str, *, noted: bool) -> Identity | None:
    now_ms = state.clock()
    with state.reading() as database:
        login = session_in_force(database, key, now_ms=now_ms)
    if login is None:
        return None
    if noted and now_ms - login.seen_at_ms >= NOTED_EVERY_MS:
        with state.changing() as database:
            note_request(database, login, now_ms=now_ms)
    is_required = state.settings.second_factor_required
    duty = duty_of(login.user, is_federated=login.is_federated, second_factor_required=is_required)
    return identity_of(login.user, Means.SESSION, duty=duty)


def _refuse_cross_site() -> Response | None:
    """A browser's own word is enough: whatever the request carries, another site made it."""
    caller = identity_or_none()
    if is_safe_method() or (caller is not None and caller.means is Means.TOKEN) or not is_cross_site():
        return None
    return problem(HTTPStatus.FORBIDDEN, "cross_site", "This was sent by a page of another site.")


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
    if caller.means is Means.TOKEN and access.scope_of(action) not in caller.scopes:
        wanted = access.scope_of(action)
        detail = "No token may do this." if wanted is None else f"The token lacks the scope {wanted}."
        return problem(HTTPStatus.FORBIDDEN, "scope", detail)
    return None


def _lead_to_duty(endpoint: str) -> Response | None:
    """Whoever has a duty can do that and nothing else."""
    caller = identity_or_none()
    if caller is None or caller.duty is None or endpoint in access.PUBLIC:
        return None
    page = access.DUTY_PAGES[caller.duty]
    if endpoint == page:
        return None
    if request.path.startswith(API_PREFIX):
        return problem(HTTPStatus.FORBIDDEN, str(caller.duty), "Log in with a browser and do what it asks for first.")
    if is_form() and proves_same_origin():
        return Response(continue_page(interrupted_form(), duty_url=url_for(page)), HTTPStatus.FORBIDDEN)
    return _redirect(url_for(page))


def _refuse_forged(endpoint: str) -> Response | None:
    caller = identity_or_none()
    if is_safe_method() or (caller is not None and caller.means is Means.TOKEN) or token_repeated():
        return None
    if is_form() and proves_same_origin():
        return _offer_again(endpoint)
    return problem(
        HTTPStatus.BAD_REQUEST,
        "csrf",
        "The form has expired, or the browser keeps no cookies for this address (outside of localhost it needs HTTPS).",
    )


def _offer_again(endpoint: str) -> Response:
    """Our own page sent the form, but its token is of a session that is over: a person decides."""
    if endpoint in _LOGIN_FORMS:
        text = login_page(
            email=request.form.get("email", ""),
            problem=_("This page was too old. Please log in once more."),
            interrupted=carried_form(),
        )
        return Response(text, HTTPStatus.BAD_REQUEST)
    return Response(continue_page(interrupted_form()), HTTPStatus.BAD_REQUEST)


def _ask_to_log_in() -> Response:
    if is_form() and proves_same_origin():
        form = interrupted_form()
        text = _("You were logged out meanwhile. Nothing that you typed is lost: log in and go on.")
        if form.files:
            text += " " + _("Files have to be chosen again afterwards: %(files)s", files=", ".join(form.files))
        return Response(login_page(problem=text, interrupted=form), HTTPStatus.UNAUTHORIZED)
    if request.path.startswith(API_PREFIX) or not is_safe_method() or request.headers.get("Authorization"):
        headers = {"WWW-Authenticate": 'Bearer realm="pilotage"'}
        return problem(HTTPStatus.UNAUTHORIZED, "not_logged_in", "Log in, or send a valid bearer token.", headers)
    return _redirect(url_for("pages.login", next=request.full_path.rstrip("?")))


def _redirect(url: str) -> Response:
    answer = redirect(url, code=HTTPStatus.SEE_OTHER)
    assert isinstance(answer, Response)
    return answer


def _asked_by_this_machine() -> bool:
    """Straight from the loopback address; a proxy on this machine asks for somebody else."""
    if any(name in request.headers for name in _PROXY_HEADERS):
        return False
    return request.remote_addr is not None and ip_address(request.remote_addr).is_loopback
