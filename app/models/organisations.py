"""Organisations, their users, vehicles and officers."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Generation, Milliseconds, Name, PublicId, by_value
from telemetry.samples import VehicleKind


class Role(StrEnum):
    """What a user is here to do."""

    ADMINISTRATOR = "administrator"
    REGULATOR = "regulator"
    OPERATOR = "operator"


class Organisation(Base):
    """An authority, or a company that runs vehicles."""

    __tablename__ = "organisations"

    id: Mapped[AutoKey]
    code: Mapped[PublicId] = mapped_column(unique=True)
    name_zh: Mapped[Name]
    name_en: Mapped[Name]


class User(Base):
    """A person who logs in. An operator belongs to an organisation and sees its own fleet only."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role <> 'operator' OR organisation_id IS NOT NULL", name="operator_has_organisation"),
        CheckConstraint("email = lower(email)", name="email_lower_case"),
    )

    id: Mapped[AutoKey]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    display_name: Mapped[Name]
    role: Mapped[Role] = mapped_column(by_value(Role, "role"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at_ms: Mapped[Milliseconds]

    organisation: Mapped[Organisation | None] = relationship(lazy="joined")


class Vehicle(Base):
    """A registered vehicle: `id` is the integer key of telemetry, `vehicle_id` the public name in topics.

    `credential_hash` is the SHA-256 of a random token of 256 bits. A slow hash such as argon2 guards
    secrets that people choose; a token of full entropy cannot be guessed from its hash, and a broker
    that reconnects ten thousand vehicles must check it in microseconds.
    """

    __tablename__ = "vehicles"

    id: Mapped[AutoKey]
    vehicle_id: Mapped[PublicId] = mapped_column(unique=True)
    kind: Mapped[VehicleKind] = mapped_column(by_value(VehicleKind, "kind"))
    partition: Mapped[int]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    plate: Mapped[str | None] = mapped_column(String(64))
    model: Mapped[str | None] = mapped_column(String(200))
    credential_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    registered_at_ms: Mapped[Milliseconds]
    generation: Mapped[Generation]

    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)


class Officer(Base):
    """A safety officer or pilot, onboard or remote, as named by `officer_id` of the payload."""

    __tablename__ = "officers"

    id: Mapped[AutoKey]
    officer_id: Mapped[PublicId] = mapped_column(unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))

    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)


class LicenceRevision(Base):
    """One immutable entry of an officer's licence; the newest known generation counts."""

    __tablename__ = "licence_revisions"
    __table_args__ = (UniqueConstraint("officer_id", "generation"),)

    id: Mapped[AutoKey]
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    expires_at_ms: Mapped[Milliseconds]
    generation: Mapped[Generation]

    officer: Mapped[Officer] = relationship(lazy="joined", innerjoin=True)
