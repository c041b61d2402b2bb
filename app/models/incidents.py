"""Incidents of vehicles: reported by their operator, with the fault decided by a regulator."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Milliseconds, Prose, PublicId, Versioned, by_value
from app.models.organisations import Jurisdiction
from app.models.vehicles import Vehicle


class IncidentKind(StrEnum):
    """What happened. The first two are accidents in the sense of the entry gates."""

    COLLISION = "collision"
    EMERGENCY_LANDING = "emergency_landing"
    NEAR_MISS = "near_miss"
    SYSTEM_FAILURE = "system_failure"
    OTHER = "other"


class Harm(StrEnum):
    """The worst that came of it."""

    NONE = "none"
    DAMAGE = "damage"
    INJURY = "injury"
    DEATH = "death"


class Fault(StrEnum):
    """Whether the vehicle, or who steered it, was at fault."""

    UNDECIDED = "undecided"
    YES = "yes"
    NO = "no"


class Incident(Versioned, Base):
    """One incident. `fault` stays undecided until a regulator of `jurisdiction` decides it, with a reason."""

    __tablename__ = "incidents"
    __table_args__ = (CheckConstraint("(fault = 'undecided') = (decided_at_ms IS NULL)", name="decided_at_some_time"),)

    id: Mapped[AutoKey]
    incident_id: Mapped[PublicId] = mapped_column(unique=True)
    vehicle_key: Mapped[int] = mapped_column(ForeignKey("vehicles.id"), index=True)
    jurisdiction_id: Mapped[int] = mapped_column(ForeignKey("jurisdictions.id"), index=True)
    occurred_at_ms: Mapped[Milliseconds]
    kind: Mapped[IncidentKind] = mapped_column(by_value(IncidentKind, "kind"))
    harm: Mapped[Harm] = mapped_column(by_value(Harm, "harm"))
    summary: Mapped[Prose]
    fault: Mapped[Fault] = mapped_column(by_value(Fault, "fault"))
    fault_reason: Mapped[Prose]
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reported_at_ms: Mapped[Milliseconds]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at_ms: Mapped[Milliseconds | None]

    vehicle: Mapped[Vehicle] = relationship(lazy="joined", innerjoin=True)
    jurisdiction: Mapped[Jurisdiction] = relationship(lazy="joined", innerjoin=True)
