"""One's own account: name and language, password, second factor, sessions and tokens."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from http import HTTPStatus

import segno
from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.models import User
from app.schemas.accounts import AccountDetails, PasswordChange, Scope, TokenDetails
from app.services import second_factor as factor
from app.services.logins import end_sessions as end_all
from app.services.logins import sessions_of
from app.services.tokens import issue_token as issue
from app.services.tokens import own_token, tokens_of
from app.services.tokens import revoke_token as revoke
from app.services.users import change_account, change_password
from app.web import access
from app.web.account_words import SCOPES, scope_names, token_state
from app.web.auth import cipher, start_session
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.language import remember_language
from app.web.ownership import actor
from app.web.refusals import REFUSALS
from app.web.runtime import runtime

account = Blueprint("account", __name__, url_prefix="/desk/account")

_ENROLMENT = "enrolment"
_DAY_MS = 86_400_000
_DAYS_OFFERED = (7, 30, 90, 365)


@account.get("")
def index() -> str:
    """The whole account."""
    return _page()


@account.post("")
def change() -> Response | tuple[str, int]:
    """Change the name and the language."""
    details, form = read_form(AccountDetails, request.form)
    if details is None:
        return _page(details=form), HTTPStatus.UNPROCESSABLE_ENTITY
    with runtime().changing() as database:
        change_account(database, actor(database), details, now_ms=runtime().clock())
    flash(_("Saved."))
    answer = _back()
    if details.locale is not None:
        remember_language(answer, details.locale)
    return answer


@account.route("/password", methods=["GET", "POST"])
def password() -> Response | tuple[str, int] | str:
    """Change the password; every session ends, and this browser gets a new one."""
    if request.method == "GET":
        return _password_page(blank())
    wait_s = runtime().throttle.attempt(_caller(), _account("password"))
    change, form = read_form(PasswordChange, request.form)
    if wait_s:
        return _password_page(Form(general=_wait_text(wait_s))), HTTPStatus.TOO_MANY_REQUESTS
    if change is None:
        return _password_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            user, now_ms = actor(database), runtime().clock()
            change_password(database, user, old=change.old_password, new=change.new_password, now_ms=now_ms)
            start_session(database, user)
    except REFUSALS as error:
        return _password_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    runtime().throttle.succeeded(_caller(), _account("password"))
    if identity().duty is not None:  # at a first login: on to what they came for
        return redirect(url_for("duty.index"), HTTPStatus.SEE_OTHER)
    flash(_("The password is changed. You are logged out everywhere else."))
    return _back()


@account.route("/second-factor", methods=["GET", "POST"])
def second_factor() -> tuple[str, int] | str:
    """Enrol an authenticator app; the answer shows the recovery codes once."""
    with runtime().reading() as database:
        user = actor(database)
    if user.totp_secret is not None:
        return _page()
    if request.method == "GET":
        return _enrolment_page(user, _secret_to_enrol(user), blank())
    secret = _secret_to_enrol(user)
    try:
        with runtime().changing() as database:
            code, now_ms = request.form.get("one_time_code", ""), runtime().clock()
            codes = factor.enrol(
                database, actor(database), secret=secret, code=code[:40], cipher=cipher(), now_ms=now_ms
            )
    except REFUSALS as error:
        return _enrolment_page(user, secret, with_error(blank(), error)), HTTPStatus.UNPROCESSABLE_ENTITY
    session.pop(_ENROLMENT, None)
    return render_template("account/recovery_codes.html", codes=codes, is_new=True)


@account.post("/second-factor/remove")
def remove_second_factor() -> Response | tuple[str, int]:
    """Take the second factor away, against a code of it."""
    problem = _code_problem()
    if problem is not None:
        return problem
    with runtime().changing() as database:
        user = actor(database)
        factor.remove_second_factor(database, user, actor=user, now_ms=runtime().clock())
    flash(_("The second factor is removed."))
    return _back()


@account.post("/second-factor/recovery-codes")
def renew_recovery_codes() -> tuple[str, int] | str:
    """New recovery codes, shown once, against a code of the app."""
    problem = _code_problem()
    if problem is not None:
        return problem
    with runtime().changing() as database:
        codes = factor.renew_recovery_codes(database, actor(database), now_ms=runtime().clock())
    return render_template("account/recovery_codes.html", codes=codes, is_new=False)


@account.post("/tokens")
def issue_token() -> tuple[str, int] | str:
    """A new token; the answer shows it once."""
    details, form = read_form(TokenDetails, request.form)
    if details is None:
        return _page(token=form), HTTPStatus.UNPROCESSABLE_ENTITY
    with runtime().changing() as database:
        user, now_ms = actor(database), runtime().clock()
        token = issue(
            database,
            user,
            actor=user,
            name=details.name,
            now_ms=now_ms,
            expires_at_ms=now_ms + details.days * _DAY_MS,
            scopes=details.scopes,
        )
    return render_template("account/token.html", name=details.name, token=token)


@account.post("/tokens/<int:token_id>/revoke")
def revoke_token(token_id: int) -> Response:
    """End a token now."""
    with runtime().changing() as database:
        user = actor(database)
        revoke(database, own_token(database, user, token_id), actor=user, now_ms=runtime().clock())
    flash(_("The token is revoked."))
    return _back()


@account.post("/sessions/end")
def end_sessions() -> Response:
    """Log out everywhere else: this browser gets a new session."""
    with runtime().changing() as database:
        user = actor(database)
        end_all(database, user)
        start_session(database, user)
    flash(_("You are logged out everywhere else."))
    return _back()


def _page(details: Form | None = None, token: Form | None = None, code: Form | None = None) -> str:
    """The account; the forms are those that were refused."""
    now_ms = runtime().clock()
    with runtime().reading() as database:
        user = actor(database)
        tokens = [(each, token_state(each, now_ms), scope_names(each)) for each in tokens_of(database, user)]
        return render_template(
            "account/index.html",
            user=user,
            details=details or blank({"display_name": user.display_name, "locale": user.locale or ""}),
            token=token or blank({"scopes": [Scope.READ.value], "days": "30"}),
            code=code or blank(),
            tokens=tokens,
            sessions=sessions_of(database, user, now_ms=now_ms),
            codes_left=factor.unused_recovery_codes(database, user),
            scopes=[(s.value, f"{name} — {text}") for s, (name, text) in SCOPES.items() if _is_useful(s)],
            language_names={"zh": "简体中文", "en": "English"},
            days=[(str(days), _("%(days)s days", days=days)) for days in _DAYS_OFFERED],
        )


def _is_useful(scope: Scope) -> bool:
    """Whether the role may do anything with the scope."""
    return any(access.scope_of(action) is scope and access.may(identity().role, action) for action in access.Action)


def _password_page(form: Form) -> str:
    return render_template("account/password.html", form=form, duty=identity().duty)


def _enrolment_page(user: User, secret: str, form: Form) -> str:
    picture = segno.make(factor.provisioning_uri(secret, user.email), error="m")
    return render_template(
        "account/second_factor.html",
        form=form,
        duty=identity().duty,
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        picture=Markup(picture.svg_inline(scale=5, border=4, svgclass="qr", light="#fff")),  # noqa: S704 -- drawn here
    )


def _secret_to_enrol(user: User) -> str:
    """The secret that this browser was shown; in its cookie it is encrypted."""
    kept = session.get(_ENROLMENT)
    if kept is None:
        secret = factor.new_secret()
        session[_ENROLMENT] = urlsafe_b64encode(cipher().encrypt(user.id, secret)).decode()
        return secret
    return cipher().decrypt(user.id, urlsafe_b64decode(kept))


def _code_problem() -> tuple[str, int] | None:
    """The account's page with what is wrong with the code that was typed; None: it is right, and used."""
    wait_s = runtime().throttle.attempt(_caller(), _account("code"))
    if wait_s:
        return _page(code=Form(general=_wait_text(wait_s))), HTTPStatus.TOO_MANY_REQUESTS
    with runtime().changing() as database:
        typed, now_ms = request.form.get("one_time_code", "")[:64], runtime().clock()
        is_right = factor.verify_code(database, actor(database), typed, cipher=cipher(), now_ms=now_ms)
    if is_right:
        runtime().throttle.succeeded(_caller(), _account("code"))
        return None
    return _page(code=Form(problems={"one_time_code": _("The code is wrong, or it was used already.")})), (
        HTTPStatus.UNPROCESSABLE_ENTITY
    )


def _caller() -> str:
    return request.remote_addr or ""


def _account(what: str) -> str:
    return f"{what} of {identity().user_id}"


def _wait_text(wait_s: int) -> str:
    return _("Too many attempts. Please wait %(seconds)s seconds.", seconds=wait_s)


def _back() -> Response:
    return redirect(url_for("account.index"), HTTPStatus.SEE_OTHER)
