"""Who is asking: detached from the database, the same for a session and for a token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.models import OPERATORS, Role, User
from app.schemas.accounts import Scope


class Means(StrEnum):
    """How the caller showed who it is."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 -- the name of a means, not a secret


class Duty(StrEnum):
    """What a person has to do after the login, before anything else."""

    CHANGE_PASSWORD = "change_password"  # noqa: S105 -- the name of a duty
    ENROL_SECOND_FACTOR = "enrol_second_factor"


@dataclass(frozen=True, slots=True)
class Identity:
    """A logged-in person or the program that holds its token, which may do what its scopes say."""

    user_id: int
    display_name: str
    role: Role
    organisation: int | None
    jurisdictions: frozenset[int]
    means: Means
    scopes: frozenset[str] = frozenset(Scope)
    duty: Duty | None = None

    @property
    def scope(self) -> int | None:
        """The organisation whose objects it may see; None: everyone's."""
        return self.organisation if self.role in OPERATORS else None

    @property
    def sees_drafts(self) -> bool:
        """Whether it may read what an operator has not submitted yet: whoever decides on it may not."""
        return self.role is not Role.REGULATOR

    def decides_in(self, jurisdiction_id: int) -> bool:
        """Whether it is a regulator of this jurisdiction."""
        return self.role is Role.REGULATOR and jurisdiction_id in self.jurisdictions


def identity_of(
    user: User, means: Means, *, scopes: Iterable[str] = tuple(Scope), duty: Duty | None = None
) -> Identity:
    """The identity of a user as it is in the database now."""
    return Identity(
        user_id=user.id,
        display_name=user.display_name,
        role=user.role,
        organisation=user.organisation_id,
        jurisdictions=frozenset(jurisdiction.id for jurisdiction in user.jurisdictions),
        means=means,
        scopes=frozenset(scopes),
        duty=duty,
    )


def duty_of(user: User, *, is_federated: bool, second_factor_required: bool) -> Duty | None:
    """What the user has to do first. Who comes from a provider has the provider's password and second factor."""
    if is_federated:
        return None
    if user.must_change_password:
        return Duty.CHANGE_PASSWORD
    if second_factor_required and user.role is Role.REGULATOR and user.totp_secret is None:
        return Duty.ENROL_SECOND_FACTOR
    return None
