"""Users, their accounts and their tokens, as the API and the forms give them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.schemas.base import Identifier, Milliseconds, Reason, Schema, Title

#: One `@`, no spaces and no control characters: whether it reaches anybody only a message can tell.
_EMAIL = r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"
_LONGEST_TOKEN_DAYS = 366

RoleName = Literal["administrator", "regulator", "operator_manager", "operator_staff", "auditor"]
_OPERATORS = ("operator_manager", "operator_staff")


class Scope(StrEnum):
    """What a token may be used for; the roles of its user limit it besides."""

    READ = "read"
    WRITE = "write"
    DECIDE = "decide"
    USERS = "users"


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


Email = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=200, pattern=_EMAIL)]
#: Passwords are taken as they are. Neither end is stripped, and none is ever shown. Which are good enough says
#: app.services.passwords.
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class UserDetails(Schema):
    """What an administrator or an operator's manager decides about a user.

    Operators belong to the organisation with this code; regulators decide in at least one jurisdiction.
    """

    display_name: Title
    role: RoleName
    organisation: Identifier | None = None
    jurisdictions: Annotated[tuple[Identifier, ...], Field(max_length=100), AfterValidator(_distinct)] = ()

    @model_validator(mode="after")
    def _role_fits(self) -> Self:
        if self.role in _OPERATORS and self.organisation is None:
            raise PydanticCustomError("operator_without_organisation", "an operator belongs to an organisation")
        if self.role == "regulator" and not self.jurisdictions:
            raise PydanticCustomError("regulator_without_jurisdiction", "a regulator decides in a jurisdiction")
        if self.role != "regulator" and self.jurisdictions:
            raise PydanticCustomError("jurisdictions_of_no_regulator", "only regulators decide in jurisdictions")
        return self


class NewUser(UserDetails):
    """A user to be created."""

    email: Email


class AccountDetails(Schema):
    """What users decide about themselves. Without `locale` the browser's language counts."""

    display_name: Title
    locale: Literal["zh_CN", "en"] | None = None


class PasswordChange(Schema):
    """A new password, with the old one as proof."""

    old_password: Password
    new_password: Password
    repeated: Annotated[str, StringConstraints(max_length=1024)]

    @model_validator(mode="after")
    def _is_repeated(self) -> Self:
        if self.new_password != self.repeated:
            raise PydanticCustomError("password_not_repeated", "the two new passwords differ")
        return self


class TokenDetails(Schema):
    """A token to be issued."""

    name: Title
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=10), AfterValidator(_distinct)]
    days: Annotated[int, Field(ge=1, le=_LONGEST_TOKEN_DAYS, description="how long it is good for")] = 30


class ReasonGiven(Schema):
    """Why something is done to a user."""

    reason: Reason


class UserOut(Schema):
    """A user, without any secret."""

    id: int
    email: str
    display_name: str
    role: RoleName
    organisation: str | None
    jurisdictions: tuple[str, ...]
    has_second_factor: bool
    must_change_password: bool
    created_at_ms: Milliseconds
    disabled_at_ms: Milliseconds | None
    version: int


class TokenOut(Schema):
    """A token as its owner sees it later."""

    id: int
    name: str
    scopes: tuple[str, ...]
    created_at_ms: Milliseconds
    expires_at_ms: Milliseconds
    last_used_at_ms: Milliseconds | None
    revoked_at_ms: Milliseconds | None
