"""Users over HTTP: the same as at the desk."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.models import Role, User
from app.schemas.accounts import NewUser, ReasonGiven, UserDetails, UserOut
from app.schemas.base import Identifier, Line, Schema
from app.services import second_factor
from app.services import users as service
from app.web.api.base import PageQuery, Problem, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.ownership import actor
from app.web.runtime import runtime

_R = TypeVar("_R")

users_api = api_blueprint("users", "Who may log in, and as what. A manager has its own organisation's operators.")

_REFUSED: dict[str | int, Any] = {"409": Problem, "422": Problem}
_CHANGED: dict[str | int, Any] = {"409": Problem, "412": Problem, "422": Problem, "428": Problem}


class UserPath(Schema):
    """Which user."""

    user_id: Annotated[int, Field(ge=1, le=2**31 - 1)]


class UserQuery(PageQuery):
    """Which users; `q` is looked for in e-mail addresses and names."""

    organisation: Identifier | None = None
    role: Role | None = None
    disabled: bool | None = None
    q: Line | None = None


class UserList(Schema):
    """One page of users, by id."""

    items: list[UserOut]
    next_cursor: str | None


class Invited(Schema):
    """A user with its temporary password, which is shown this once."""

    user: UserOut
    temporary_password: str


@users_api.get("", responses={"200": UserList, "422": Problem})
def users(query: UserQuery) -> Response:
    """One page of users. A manager sees its own organisation's operators."""
    wanted = service.UserFilter(
        organisation_id=identity().scope,
        organisation=query.organisation,
        role=query.role,
        is_disabled=query.disabled,
        text=query.q,
    )
    with runtime().reading() as database:
        page = service.user_page(database, wanted, limit=query.limit, cursor=query.cursor)
        return answer(UserList(items=page.map(_out).items, next_cursor=page.next_cursor))


@users_api.post("", responses={"201": Invited, **_REFUSED})
def create(body: NewUser) -> Response:
    """Create a user with a temporary password."""
    with runtime().changing() as database:
        user, password = service.invite_user(database, body, actor=actor(database), now_ms=runtime().clock())
    made = Invited(user=_out(user), temporary_password=password)
    return answer(made, HTTPStatus.CREATED, version=user.version)


@users_api.get("/<int:user_id>", responses={"200": UserOut})
def user(path: UserPath) -> Response:
    """One user."""
    with runtime().reading() as database:
        found = _visible(database, path)
        return answer(_out(found), version=found.version)


@users_api.put("/<int:user_id>", responses={"200": UserOut, **_CHANGED})
def change(path: UserPath, body: UserDetails) -> Response:
    """Change a user's name, role, organisation and jurisdictions."""
    with runtime().changing() as database:
        found = _visible(database, path)
        require_match(found.version)
        service.change_user(database, found, body, actor=actor(database), now_ms=runtime().clock())
    return answer(_out(found), version=found.version)


@users_api.post("/<int:user_id>/password", responses={"200": Invited, **_CHANGED})
def reset_password(path: UserPath, body: ReasonGiven) -> Response:
    """A temporary password; sessions end and tokens are revoked."""
    found, password = _acted(path, body, service.reset_password)
    return answer(Invited(user=_out(found), temporary_password=password), version=found.version)


@users_api.post("/<int:user_id>/disable", responses={"200": UserOut, **_CHANGED})
def disable(path: UserPath, body: ReasonGiven) -> Response:
    """Shut a user out at once."""
    found, _result = _acted(path, body, service.disable_user)
    return answer(_out(found), version=found.version)


@users_api.post("/<int:user_id>/enable", responses={"200": UserOut, **_CHANGED})
def enable(path: UserPath, body: ReasonGiven) -> Response:
    """Let a disabled user in again."""
    found, _result = _acted(path, body, service.enable_user)
    return answer(_out(found), version=found.version)


@users_api.post("/<int:user_id>/second-factor/remove", responses={"200": UserOut, **_CHANGED})
def remove_second_factor(path: UserPath, body: ReasonGiven) -> Response:
    """Take a lost second factor away."""
    found, _result = _acted(path, body, second_factor.remove_second_factor)
    return answer(_out(found), version=found.version)


def _acted(path: UserPath, body: ReasonGiven, act: Callable[..., _R]) -> tuple[User, _R]:
    """The user to whom something was done with a reason, in the version that the caller has seen."""
    with runtime().changing() as database:
        found = _visible(database, path)
        require_match(found.version)
        result = act(database, found, actor=actor(database), now_ms=runtime().clock(), reason=body.reason)
    return found, result


def _visible(database: Session, path: UserPath) -> User:
    return service.user_by_id(database, path.user_id, organisation_id=identity().scope)


def _out(row: User) -> UserOut:
    return UserOut(
        id=row.id,
        email=row.email,
        display_name=row.display_name,
        role=row.role.value,
        organisation=None if row.organisation is None else row.organisation.code,
        jurisdictions=tuple(sorted(jurisdiction.code for jurisdiction in row.jurisdictions)),
        has_second_factor=row.totp_secret is not None,
        must_change_password=row.must_change_password,
        created_at_ms=row.created_at_ms,
        disabled_at_ms=row.disabled_at_ms,
        version=row.version,
    )
