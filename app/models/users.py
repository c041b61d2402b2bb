"""People who log in, and the bearer tokens of the programs that act for them."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, LargeBinary, String, Table, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import SECRET, AutoKey, Base, Milliseconds, Name, Versioned, by_value
from app.models.organisations import Jurisdiction, Organisation


class Role(StrEnum):
    """What a user is here to do. Whoever is not logged in is the public."""

    ADMINISTRATOR = "administrator"
    REGULATOR = "regulator"
    OPERATOR_MANAGER = "operator_manager"
    OPERATOR_STAFF = "operator_staff"
    AUDITOR = "auditor"


#: Roles that belong to one organisation and see its objects only.
OPERATORS = frozenset({Role.OPERATOR_MANAGER, Role.OPERATOR_STAFF})

user_jurisdictions = Table(
    "user_jurisdictions",
    Base.metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("jurisdiction_id", ForeignKey("jurisdictions.id"), primary_key=True),
)


class User(Versioned, Base):
    """A person who logs in. An operator belongs to an organisation; a regulator decides in jurisdictions.

    `totp_secret` is encrypted with a key of its own; `totp_last_step` is the last time step that was
    used, so that a code works once. `locale` is the language of the pages, where the user chose one.
    A disabled user keeps its name in the record and can do nothing.
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(
            "role NOT IN ('operator_manager', 'operator_staff') OR organisation_id IS NOT NULL",
            name="operator_has_organisation",
        ),
        CheckConstraint("email = lower(email)", name="email_lower_case"),
        UniqueConstraint("oidc_issuer", "oidc_subject"),
    )

    id: Mapped[AutoKey]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    display_name: Mapped[Name]
    role: Mapped[Role] = mapped_column(by_value(Role, "role"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    password_hash: Mapped[str] = mapped_column(String(200), info=SECRET)
    must_change_password: Mapped[bool] = mapped_column(default=False, server_default=false())
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary, info=SECRET)
    totp_last_step: Mapped[int | None] = mapped_column(info=SECRET)
    locale: Mapped[str | None] = mapped_column(String(8))
    oidc_issuer: Mapped[str | None] = mapped_column(String(200))
    oidc_subject: Mapped[str | None] = mapped_column(String(255))
    created_at_ms: Mapped[Milliseconds]
    disabled_at_ms: Mapped[Milliseconds | None]

    organisation: Mapped[Organisation | None] = relationship(lazy="joined")
    jurisdictions: Mapped[list[Jurisdiction]] = relationship(secondary=user_jurisdictions, lazy="selectin")


class ApiToken(Base):
    """A program's right to act as a user, within `scopes`, until it expires or is revoked.

    `token_hash` is the SHA-256 of a random token of 256 bits (see Vehicle for why not argon2).
    """

    __tablename__ = "api_tokens"
    __table_args__ = (CheckConstraint("expires_at_ms > created_at_ms", name="expires_after_creation"),)

    id: Mapped[AutoKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[Name]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True, info=SECRET)
    scopes: Mapped[list[str]] = mapped_column(JSON, server_default='["read", "write"]')
    created_at_ms: Mapped[Milliseconds]
    expires_at_ms: Mapped[Milliseconds]
    revoked_at_ms: Mapped[Milliseconds | None]
    last_used_at_ms: Mapped[Milliseconds | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class RecoveryCode(Base):
    """Replaces the second factor once, when the telephone is lost. Kept as the SHA-256 of 80 random bits."""

    __tablename__ = "recovery_codes"

    id: Mapped[AutoKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True, info=SECRET)
    used_at_ms: Mapped[Milliseconds | None]


class LoginSession(Base):
    """A browser that is logged in, until it logs out or the row is deleted.

    `key_hash` is the SHA-256 of the random key in the browser's cookie. `is_federated` says that an
    OpenID provider vouches for the user, and for the second factor.
    """

    __tablename__ = "login_sessions"

    id: Mapped[AutoKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True, info=SECRET)
    is_federated: Mapped[bool]
    started_at_ms: Mapped[Milliseconds]
    seen_at_ms: Mapped[Milliseconds]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
