"""People who steer: safety officers and pilots, onboard or remote, with their licences."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import (
    AutoKey,
    Base,
    Generation,
    Milliseconds,
    Prose,
    PublicId,
    Text200,
    Versioned,
    by_value,
)
from app.models.organisations import Organisation


class Capacity(StrEnum):
    """In which capacity a person steers or watches over a vehicle."""

    ONBOARD_SAFETY_OFFICER = "onboard_safety_officer"
    REMOTE_SAFETY_OFFICER = "remote_safety_officer"
    ONBOARD_PILOT = "onboard_pilot"
    REMOTE_PILOT = "remote_pilot"


class Officer(Versioned, Base):
    """A safety officer or pilot, as named by `officer_id` of the payload."""

    __tablename__ = "officers"

    id: Mapped[AutoKey]
    officer_id: Mapped[PublicId] = mapped_column(unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[Text200]
    capacity: Mapped[Capacity] = mapped_column(
        by_value(Capacity, "capacity"), server_default=Capacity.ONBOARD_SAFETY_OFFICER.value
    )

    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)


class LicenceRevision(Base):
    """One immutable entry of an officer's licence; the newest known generation counts."""

    __tablename__ = "licence_revisions"
    __table_args__ = (UniqueConstraint("officer_id", "generation"),)

    id: Mapped[AutoKey]
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    licence_class: Mapped[Text200]
    licence_number: Mapped[Text200]
    expires_at_ms: Mapped[Milliseconds]
    reason: Mapped[Prose] = mapped_column(server_default="")
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at_ms: Mapped[Milliseconds | None]
    generation: Mapped[Generation]

    officer: Mapped[Officer] = relationship(lazy="joined", innerjoin=True)
