"""Who is asking: detached from the database, the same for a session and for a token."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.models import OPERATORS, Role, User


class Means(StrEnum):
    """How the caller showed who it is."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 -- the name of a means, not a secret


@dataclass(frozen=True, slots=True)
class Identity:
    """A logged-in person or the program that holds its token."""

    user_id: int
    display_name: str
    role: Role
    organisation: int | None
    jurisdictions: frozenset[int]
    means: Means

    @property
    def scope(self) -> int | None:
        """The organisation whose objects it may see; None: everyone's."""
        return self.organisation if self.role in OPERATORS else None

    def decides_in(self, jurisdiction_id: int) -> bool:
        """Whether it is a regulator of this jurisdiction."""
        return self.role is Role.REGULATOR and jurisdiction_id in self.jurisdictions


def identity_of(user: User, means: Means) -> Identity:
    """The identity of a user as it is in the database now."""
    return Identity(
        user_id=user.id,
        display_name=user.display_name,
        role=user.role,
        organisation=user.organisation_id,
        jurisdictions=frozenset(jurisdiction.id for jurisdiction in user.jurisdictions),
        means=means,
    )
