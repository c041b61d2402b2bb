"""Logging in and out. The form itself is a page (app.web.pages)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as WerkzeugResponse

from app.services.users import authenticate
from app.web.gate import SESSION_STAMP, SESSION_USER, password_stamp
from app.web.runtime import runtime

#: Renders the login form again with an e-mail address and what went wrong.
LoginPage = Callable[[str, str], str]


def create_auth(login_page: LoginPage) -> Blueprint:
    """The blueprint `auth` with the endpoints log_in and log_out."""
    auth = Blueprint("auth", __name__)

    @auth.post("/login")
    def log_in() -> Response | WerkzeugResponse:
        email, password = request.form.get("email", "").strip(), request.form.get("password", "")
        caller, throttle = request.remote_addr or "", runtime().throttle
        if throttle.blocked(caller, email.lower()):
            problem = _("Too many attempts. Please wait five minutes.")
            return Response(login_page(email, problem), HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "300"})
        if not _start_session(email, password):
            throttle.failed(caller, email.lower())
            return Response(login_page(email, _("E-mail address or password is wrong.")), HTTPStatus.UNAUTHORIZED)
        throttle.succeeded(caller, email.lower())
        return redirect(_destination(), code=HTTPStatus.SEE_OTHER)

    @auth.post("/logout")
    def log_out() -> WerkzeugResponse:
        session.clear()
        return redirect(url_for("pages.public_map"), code=HTTPStatus.SEE_OTHER)

    return auth


def _start_session(email: str, password: str) -> bool:
    with runtime().reading() as database:
        user = authenticate(database, email, password)
        if user is None:
            return False
        # A fresh session: nothing that was planted before the login outlives it.
        session.clear()
        session.permanent = True
        session[SESSION_USER] = user.id
        session[SESSION_STAMP] = password_stamp(user)
        return True


def _destination() -> str:
    """The page that asked for the login, as a path of this server; never another address."""
    wanted = request.form.get("next") or request.args.get("next") or ""
    parts = urlsplit(wanted)
    is_local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return wanted if is_local else url_for("pages.staff_map")
