"""Permits and their immutable revisions."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Generation, Milliseconds, Prose, PublicId, by_value
from app.models.officers import Officer
from app.models.organisations import Jurisdiction, Organisation
from app.models.places import Zone
from app.models.vehicles import Vehicle
from telemetry.ports import PermitState


class Stage(StrEnum):
    """Stages of a trial: the first four on roads, the others in the air."""

    ROAD_TEST = "road_test"
    DEMONSTRATION = "demonstration"
    DRIVERLESS_TEST = "driverless_test"
    COMMERCIAL_PILOT = "commercial_pilot"
    FLIGHT_TEST = "flight_test"
    ROUTE_PROVING = "route_proving"
    COMMERCIAL_ROUTE = "commercial_route"


permit_revision_vehicles = Table(
    "permit_revision_vehicles",
    Base.metadata,
    Column("revision_id", ForeignKey("permit_revisions.id"), primary_key=True),
    Column("vehicle_id", ForeignKey("vehicles.id"), primary_key=True),
)

permit_revision_zones = Table(
    "permit_revision_zones",
    Base.metadata,
    Column("revision_id", ForeignKey("permit_revisions.id"), primary_key=True),
    Column("zone_id", ForeignKey("zones.id"), primary_key=True),
)

permit_revision_officers = Table(
    "permit_revision_officers",
    Base.metadata,
    Column("revision_id", ForeignKey("permit_revisions.id"), primary_key=True),
    Column("officer_id", ForeignKey("officers.id"), primary_key=True),
)


class Permit(Base):
    """A permit by number; holder, issuer and the stage granted never change, everything else is in its revisions."""

    __tablename__ = "permits"

    id: Mapped[AutoKey]
    number: Mapped[PublicId] = mapped_column(unique=True)
    stage: Mapped[Stage] = mapped_column(by_value(Stage, "stage"))
    holder_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)

    jurisdiction_id: Mapped[int] = mapped_column(ForeignKey("jurisdictions.id"), index=True)

    holder: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    jurisdiction: Mapped[Jurisdiction] = relationship(lazy="joined", innerjoin=True)


class PermitRevisionRow(Base):
    """One immutable revision of a permit, as telemetry.ports.PermitTerms reads it.

    `number` counts the revisions of one permit from 1. `stage` is the stage allowed now: that of the
    permit, or an earlier one since a restriction. `terms` is the JSON form of
    app.services.conditions.Conditions. In force from `starts_at_ms` until a revision of a later
    generation starts.
    """

    __tablename__ = "permit_revisions"
    __table_args__ = (
        Index(None, "permit_id", "generation"),
        UniqueConstraint("permit_id", "number"),
        CheckConstraint("valid_until_ms > valid_from_ms", name="period_not_empty"),
    )

    id: Mapped[AutoKey]
    permit_id: Mapped[int] = mapped_column(ForeignKey("permits.id"))
    number: Mapped[int]
    state: Mapped[PermitState] = mapped_column(by_value(PermitState, "state"))
    stage: Mapped[Stage] = mapped_column(by_value(Stage, "stage"))
    starts_at_ms: Mapped[Milliseconds]
    valid_from_ms: Mapped[Milliseconds]
    valid_until_ms: Mapped[Milliseconds]
    terms: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[Prose]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at_ms: Mapped[Milliseconds]
    generation: Mapped[Generation]

    permit: Mapped[Permit] = relationship(lazy="joined", innerjoin=True)
    vehicles: Mapped[list[Vehicle]] = relationship(secondary=permit_revision_vehicles)
    zones: Mapped[list[Zone]] = relationship(secondary=permit_revision_zones)
    officers: Mapped[list[Officer]] = relationship(secondary=permit_revision_officers)
