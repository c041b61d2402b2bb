"""Trials (试点项目): what an operator wants to find out, with which vehicles, where and when."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, ForeignKey, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Milliseconds, Name, Prose, PublicId, Versioned, by_value
from app.models.organisations import Organisation
from app.models.permits import Stage
from app.models.places import Zone
from app.models.vehicles import Vehicle


class TrialDomain(StrEnum):
    """Where a trial takes place."""

    ROAD = "road"
    AIR = "air"
    JOINT = "joint"


trial_vehicles = Table(
    "trial_vehicles",
    Base.metadata,
    Column("trial_id", ForeignKey("trials.id"), primary_key=True),
    Column("vehicle_id", ForeignKey("vehicles.id"), primary_key=True),
)

trial_zones = Table(
    "trial_zones",
    Base.metadata,
    Column("trial_id", ForeignKey("trials.id"), primary_key=True),
    Column("zone_id", ForeignKey("zones.id"), primary_key=True),
)


class Trial(Versioned, Base):
    """A trial by its public code. Its name, domain, stage, goal, period and zones are shown to the public."""

    __tablename__ = "trials"
    __table_args__ = (CheckConstraint("ends_at_ms > starts_at_ms", name="period_not_empty"),)

    id: Mapped[AutoKey]
    trial_id: Mapped[PublicId] = mapped_column(unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    name_zh: Mapped[Name]
    name_en: Mapped[Name]
    domain: Mapped[TrialDomain] = mapped_column(by_value(TrialDomain, "domain"))
    stage: Mapped[Stage] = mapped_column(by_value(Stage, "stage"))
    goal: Mapped[Prose]
    starts_at_ms: Mapped[Milliseconds]
    ends_at_ms: Mapped[Milliseconds]

    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    vehicles: Mapped[list[Vehicle]] = relationship(secondary=trial_vehicles)
    zones: Mapped[list[Zone]] = relationship(secondary=trial_zones)
