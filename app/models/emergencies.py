"""Emergency geofences: places closed at once, and the vehicles that were told to leave or to keep out."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Milliseconds, Prose, PublicId, Versioned, by_value
from app.models.directives import DirectiveRow
from app.models.organisations import Jurisdiction
from app.models.places import Zone
from app.models.users import User
from app.models.vehicles import Vehicle


class Concern(StrEnum):
    """Why a vehicle was told of an emergency at first."""

    INSIDE = "inside"
    APPROACHING = "approaching"
    ROUTE = "route"


class Emergency(Versioned, Base):
    """One emergency geofence. `zone` is its restricted zone, whose identifier is its number.

    It is over at `planned_end_ms` (None: when somebody ends it) or by hand before; `ended_by` is
    empty where it ended by itself. `end_reason` is empty as long as it lasts.
    """

    __tablename__ = "emergencies"
    __table_args__ = (
        CheckConstraint("planned_end_ms IS NULL OR planned_end_ms > declared_at_ms", name="end_after_declaration"),
        CheckConstraint("ended_at_ms IS NULL OR end_reason <> ''", name="ended_for_a_reason"),
    )

    id: Mapped[AutoKey]
    number: Mapped[PublicId] = mapped_column(unique=True)
    zone_key: Mapped[int] = mapped_column(ForeignKey("zones.id"), unique=True)
    jurisdiction_id: Mapped[int] = mapped_column(ForeignKey("jurisdictions.id"), index=True)
    reason: Mapped[Prose]
    declared_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    declared_at_ms: Mapped[Milliseconds]
    planned_end_ms: Mapped[Milliseconds | None]
    ended_at_ms: Mapped[Milliseconds | None] = mapped_column(index=True)
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    end_reason: Mapped[Prose]

    zone: Mapped[Zone] = relationship(lazy="joined", innerjoin=True)
    jurisdiction: Mapped[Jurisdiction] = relationship(lazy="joined", innerjoin=True)
    declared_by: Mapped[User] = relationship(lazy="joined", innerjoin=True, foreign_keys=declared_by_id)
    ended_by: Mapped[User | None] = relationship(lazy="joined", foreign_keys=ended_by_id)


class EmergencyVehicle(Base):
    """A vehicle that was told, with the newest directive; those before it are of the same cause.

    `told_at_ms` is when its two minutes began: when it was first told, or told again because it had
    come back. `entered_at_ms` is when it was first seen inside (None: never).
    """

    __tablename__ = "emergency_vehicles"
    __table_args__ = (UniqueConstraint("emergency_key", "vehicle_key"),)

    id: Mapped[AutoKey]
    emergency_key: Mapped[int] = mapped_column(ForeignKey("emergencies.id"))
    vehicle_key: Mapped[int] = mapped_column(ForeignKey("vehicles.id"), index=True)
    directive_key: Mapped[int] = mapped_column(ForeignKey("directives.id"))
    concern: Mapped[Concern] = mapped_column(by_value(Concern, "concern"))
    told_at_ms: Mapped[Milliseconds]
    entered_at_ms: Mapped[Milliseconds | None]

    emergency: Mapped[Emergency] = relationship(lazy="joined", innerjoin=True)
    vehicle: Mapped[Vehicle] = relationship(lazy="joined", innerjoin=True)
    directive: Mapped[DirectiveRow] = relationship(lazy="joined", innerjoin=True)
