"""Logging in, with a code where the user has a second factor, and out. The form itself is app.web.pages'."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, g, redirect, request, session, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import User
from app.services.logins import begin_session, end_session
from app.services.second_factor import SecretCipher, verify_code
from app.services.users import authenticate
from app.web.gate import SESSION_LOGIN, identify
from app.web.interrupted import carried_form
from app.web.language import remember_language
from app.web.login_pages import code_page, continue_page, login_page, wanted_page
from app.web.origin import is_local
from app.web.runtime import runtime

auth = Blueprint("auth", __name__)

#: Key of the session cookie between the password and the code.
_HALF_OPEN = "half_open"
#: How long the code may be waited for.
_HALF_OPEN_MS = 5 * 60_000


@auth.post("/login")
def log_in() -> Response | WerkzeugResponse:
    """Check the password; then the user is logged in, or asked for the code."""
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    caller, throttle = request.remote_addr or "", runtime().throttle
    wait_s = throttle.attempt(caller, email.lower())
    if wait_s:
        return _too_many(login_page(email=email, problem=_too_many_text(wait_s), interrupted=carried_form()), wait_s)
    with runtime().reading() as database:  # a password is checked slowly: nobody waits for a write lock meanwhile
        user = authenticate(database, email, password)
    if user is None:
        text = login_page(email=email, problem=_("E-mail address or password is wrong."), interrupted=carried_form())
        return Response(text, HTTPStatus.UNAUTHORIZED)
    throttle.succeeded(caller, email.lower())
    if user.totp_secret is None:
        with runtime().changing() as database:
            start_session(database, database.get_one(User, user.id))
        return arrival(user)
    session.clear()
    session[_HALF_OPEN] = {"user": user.id, "until_ms": runtime().clock() + _HALF_OPEN_MS, "version": user.version}
    return Response(code_page(interrupted=carried_form()))


@auth.route("/login/code", methods=["GET", "POST"])
def code() -> Response | WerkzeugResponse:
    """Check the code; until it is right, the half-open session can do nothing but this."""
    half_open = session.get(_HALF_OPEN)
    if half_open is None or runtime().clock() >= half_open["until_ms"]:
        session.pop(_HALF_OPEN, None)
        text = login_page(problem=_("Please log in once more."), interrupted=carried_form())
        return Response(text, HTTPStatus.UNAUTHORIZED)
    if request.method != "POST":
        return Response(code_page())
    caller, account = request.remote_addr or "", f"code of {half_open['user']}"
    wait_s = runtime().throttle.attempt(caller, account)
    if wait_s:
        return _too_many(code_page(problem=_too_many_text(wait_s), interrupted=carried_form()), wait_s)
    user = _check_code(half_open)
    if user is None:
        text = code_page(problem=_("The code is wrong, or it was used already."), interrupted=carried_form())
        return Response(text, HTTPStatus.UNAUTHORIZED)
    runtime().throttle.succeeded(caller, account)
    return arrival(user)


@auth.post("/logout")
def log_out() -> WerkzeugResponse:
    """End the session, here and in every copy of its cookie."""
    if SESSION_LOGIN in session:
        with runtime().changing() as database:
            end_session(database, session[SESSION_LOGIN])
    session.clear()
    return redirect(url_for("pages.public_map"), code=HTTPStatus.SEE_OTHER)


def start_session(database: Session, user: User, *, is_federated: bool = False) -> None:
    """Log the user in. A fresh session: nothing that was planted before the login outlives it."""
    key = begin_session(database, user, now_ms=runtime().clock(), is_federated=is_federated)
    session.clear()
    session.permanent = True
    session[SESSION_LOGIN] = key


def arrival(user: User, wanted: str | None = None) -> Response | WerkzeugResponse:
    """Where a login leads: to what was interrupted, to the page that asked for it, or to the duty screen."""
    interrupted = carried_form()
    answer: Response | WerkzeugResponse
    if interrupted is not None:
        g.identity = identify()  # so that the page shows who is logged in now
        answer = Response(continue_page(interrupted))
    else:
        wanted = wanted_page() if wanted is None else wanted
        answer = redirect(wanted if is_local(wanted) else url_for("duty.index"), code=HTTPStatus.SEE_OTHER)
    if user.locale is not None:
        remember_language(answer, user.locale)
    return answer


def cipher() -> SecretCipher:
    """What keeps the secrets of second factors."""
    return SecretCipher(runtime().settings.key_for("totp"))


def _check_code(half_open: dict[str, int]) -> User | None:
    with runtime().changing() as database:
        user = database.get(User, half_open["user"])
        # Whatever changed the user since the password was right, it may have been the password.
        if user is None or user.disabled_at_ms is not None or user.version != half_open["version"]:
            return None
        typed = request.form.get("one_time_code", "")[:64]
        if not verify_code(database, user, typed, cipher=cipher(), now_ms=runtime().clock()):
            return None
        start_session(database, user)
        return user


def _too_many(text: str, wait_s: int) -> Response:
    return Response(text, HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(wait_s)})


def _too_many_text(wait_s: int) -> str:
    if wait_s < 60:  # noqa: PLR2004 -- a minute
        return _("Too many attempts. Please wait %(seconds)s seconds.", seconds=wait_s)
    return _("Too many attempts. Please wait %(minutes)s minutes.", minutes=-(-wait_s // 60))
