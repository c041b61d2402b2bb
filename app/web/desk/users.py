"""Users at the desk: an administrator's of all roles, a manager's of its own organisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TypeVar

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import OPERATORS, Jurisdiction, Organisation, Role, User
from app.schemas.accounts import NewUser, ReasonGiven, UserDetails
from app.services.second_factor import remove_second_factor as remove_factor
from app.services.users import (
    change_user,
    disable_user,
    enable_user,
    invite_user,
    list_users,
    user_by_id,
)
from app.services.users import (
    reset_password as reset,
)
from app.web import access
from app.web.account_words import ROLES
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.ownership import actor
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.states import role_label
from app.web.tables import Column, Filter, Kind, Table, table_answer

_R = TypeVar("_R")

users = Blueprint("users", __name__, url_prefix="/desk/users")


@users.get("")
def index() -> Response | str:
    """Who may log in; a manager sees its organisation's operators."""
    with runtime().reading() as database:
        table = _table(list_users(database, organisation_id=identity().scope))
        return table_answer(table, "users/index.html", may_change=_may_change())


@users.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | str:
    """Create a user; the answer shows the temporary password once."""
    if request.method == "GET":
        return _form_page(blank({"role": "" if identity().scope is None else Role.OPERATOR_STAFF.value}))
    details, form = read_form(NewUser, _sent())
    if details is None:
        return _form_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            user, password = invite_user(database, details, actor=actor(database), now_ms=runtime().clock())
    except REFUSALS as error:
        return _form_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    return render_template("users/password.html", user=user, password=password, is_new=True)


@users.get("/<int:user_id>")
def show(user_id: int) -> str:
    """One user."""
    return _page(user_id)


@users.route("/<int:user_id>/edit", methods=["GET", "POST"])
def edit(user_id: int) -> WerkzeugResponse | tuple[str, int] | str:
    """Change a user's name, role, organisation and jurisdictions."""
    with runtime().reading() as database:
        before = _visible(database, user_id)
    if request.method == "GET":
        return _form_page(blank(_stated(before)), before)
    details, form = read_form(UserDetails, _sent())
    if details is None:
        return _form_page(form, before), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            user = _visible(database, user_id)
            require_seen(user.version)
            change_user(database, user, details, actor=actor(database), now_ms=runtime().clock())
    except REFUSALS as error:
        return _form_page(with_error(form, error), before), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Saved."))
    return redirect(url_for("users.show", user_id=user_id), HTTPStatus.SEE_OTHER)


@users.post("/<int:user_id>/password")
def reset_password(user_id: int) -> WerkzeugResponse | tuple[str, int] | str:
    """A temporary password in the place of the forgotten one; the answer shows it once."""
    return _acted(user_id, "password", reset, _temporary)


@users.post("/<int:user_id>/disable")
def disable(user_id: int) -> WerkzeugResponse | tuple[str, int] | str:
    """Shut a user out at once."""
    text = _("The user is shut out: sessions have ended and tokens are revoked.")
    return _acted(user_id, "disable", disable_user, lambda user, _result: _done(user.id, text))


@users.post("/<int:user_id>/enable")
def enable(user_id: int) -> WerkzeugResponse | tuple[str, int] | str:
    """Let a disabled user in again."""
    text = _("The user may log in again.")
    return _acted(user_id, "enable", enable_user, lambda user, _result: _done(user.id, text))


@users.post("/<int:user_id>/second-factor")
def remove_second_factor(user_id: int) -> WerkzeugResponse | tuple[str, int] | str:
    """Take a lost second factor away."""
    text = _("The second factor is removed.")
    return _acted(user_id, "factor", remove_factor, lambda user, _result: _done(user.id, text))


def _acted(
    user_id: int, action: str, act: Callable[..., _R], done: Callable[[User, _R], WerkzeugResponse | str]
) -> WerkzeugResponse | tuple[str, int] | str:
    """What is done to a user with a reason; the page again where that is refused."""
    given, form = read_form(ReasonGiven, request.form)
    if given is None:
        return _page(user_id, form, action), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            user = _visible(database, user_id)
            result = act(database, user, actor=actor(database), now_ms=runtime().clock(), reason=given.reason)
    except REFUSALS as error:
        return _page(user_id, with_error(form, error), action), HTTPStatus.UNPROCESSABLE_ENTITY
    return done(user, result)


def _temporary(user: User, password: str) -> str:
    return render_template("users/password.html", user=user, password=password, is_new=False)


def _visible(database: Session, user_id: int) -> User:
    return user_by_id(database, user_id, organisation_id=identity().scope)


def _may_change() -> bool:
    return access.may(identity().role, access.Action.CHANGE_USERS)


def _done(user_id: int, text: str) -> WerkzeugResponse:
    flash(text)
    return redirect(url_for("users.show", user_id=user_id), HTTPStatus.SEE_OTHER)


def _sent() -> MultiDict[str, str]:
    """What the form sent; a manager's users belong to its own organisation, which the form does not ask."""
    sent = MultiDict(request.form)
    if identity().scope is not None:
        with runtime().reading() as database:
            sent["organisation"] = database.get_one(Organisation, identity().scope).code
    return sent


def _page(user_id: int, form: Form | None = None, refused_action: str = "") -> str:
    """The user's page; `form` is that of the action that was refused."""
    with runtime().reading() as database:
        user = _visible(database, user_id)
        return render_template(
            "users/show.html",
            user=user,
            may_change=_may_change(),
            is_self=user.id == identity().user_id,
            form=form,
            refused_action=refused_action,
        )


def _form_page(form: Form, user: User | None = None) -> str:
    own = identity().scope
    with runtime().reading() as database:
        return render_template(
            "users/form.html",
            form=form,
            user=user,
            roles=[
                (role.value, role_label(role), text) for role, text in ROLES.items() if not own or role in OPERATORS
            ],
            organisations=[]
            if own
            else _options(database.scalars(select(Organisation).order_by(Organisation.code)).all()),
            jurisdictions=[]
            if own
            else _options(database.scalars(select(Jurisdiction).order_by(Jurisdiction.code)).all()),
            is_manager=own is not None,
        )


def _options(rows: Sequence[Organisation] | Sequence[Jurisdiction]) -> list[tuple[str, str]]:
    return [(row.code, row.name_zh if language() == "zh" else row.name_en) for row in rows]


def _stated(user: User) -> dict[str, object]:
    return {
        "email": user.email,
        "display_name": user.display_name,
        "role": user.role.value,
        "organisation": "" if user.organisation is None else user.organisation.code,
        "jurisdictions": [jurisdiction.code for jurisdiction in user.jurisdictions],
    }


def _table(rows: Sequence[User]) -> Table[User]:
    return Table(
        name="users",
        caption=_("Users"),
        columns=[
            Column("name", _("Name"), lambda u: u.display_name, link=lambda u: url_for("users.show", user_id=u.id)),
            Column("email", _("E-mail"), lambda u: u.email),
            Column("role", _("Role"), lambda u: role_label(u.role), note=_belongs_to),
            Column("factor", _("Second factor"), lambda u: "no" if u.totp_secret is None else "yes", kind=Kind.BADGE),
            Column("status", _("Status"), _status, kind=Kind.BADGE),
            Column("since", _("Since"), lambda u: u.created_at_ms, kind=Kind.WHEN),
        ],
        rows=rows,
        filters=[
            Filter(
                "role", _("Role"), [(r.value, role_label(r)) for r in Role], matches=lambda u, value: u.role == value
            ),
            Filter("status", _("Status"), [("active", _("Active")), ("disabled", _("Disabled"))]),
        ],
        order="name",
        empty_text=_("No users yet"),
    )


def _status(user: User) -> str:
    return "active" if user.disabled_at_ms is None else "disabled"


def _belongs_to(user: User) -> str:
    places: list[Jurisdiction | Organisation] = list(user.jurisdictions)
    if not places and user.organisation is not None:
        places = [user.organisation]
    return _(", ").join(place.name_zh if language() == "zh" else place.name_en for place in places)
