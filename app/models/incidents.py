"""Incidents of vehicles: reported by their operator or proposed by the platform, closed by a regulator."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Double, ForeignKey, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.attachments import Attachment
from app.models.base import AutoKey, Base, Milliseconds, Prose, PublicId, Versioned, by_value
from app.models.organisations import Jurisdiction
from app.models.telemetry import Alert
from app.models.users import User
from app.models.vehicles import Vehicle


class IncidentKind(StrEnum):
    """What happened. Which of them are accidents in the sense of the entry gates: app.services.accidents."""

    COLLISION = "collision"
    INJURY = "injury"
    DISENGAGEMENT = "disengagement"
    LOSS_OF_LINK = "loss_of_link"
    NEAR_MISS = "near_miss"
    CYBER = "cyber"
    EMERGENCY_LANDING = "emergency_landing"
    SYSTEM_FAILURE = "system_failure"
    OTHER = "other"


class IncidentState(StrEnum):
    """The life of an incident. A proposal is the platform's: the operator reports it, or dismisses it with a reason."""

    PROPOSED = "proposed"
    DISMISSED = "dismissed"
    REPORTED = "reported"
    UNDER_REVIEW = "under_review"
    CLOSED = "closed"


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


incident_attachments = Table(
    "incident_attachments",
    Base.metadata,
    Column("incident_key", ForeignKey("incidents.id"), primary_key=True),
    Column("attachment_key", ForeignKey("attachments.id"), primary_key=True),
)

#: An alert belongs to one incident at most.
incident_alerts = Table(
    "incident_alerts",
    Base.metadata,
    Column("alert_key", ForeignKey("alerts.id"), primary_key=True),
    Column("incident_key", ForeignKey("incidents.id"), nullable=False, index=True),
)


class Incident(Versioned, Base):
    """One incident as it stands; every state before is one of its revisions.

    `fault` stays undecided until a regulator of `jurisdiction` decides it, with a reason. `lon`, `lat` are
    where telemetry had the vehicle then (WGS-84 degrees; NULL: nowhere). `disengagement` is the JSON form of
    app.schemas.incidents.Disengagement. The two `*_due_ms` are the jurisdiction's deadlines as of the
    first report or proposal; `complete_at_ms` is when the operator's report was complete. `opened_by` is the
    regulator who wants it reported: such a proposal cannot be dismissed.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        CheckConstraint("(fault = 'undecided') = (decided_at_ms IS NULL)", name="decided_at_some_time"),
        CheckConstraint("(state IN ('proposed', 'dismissed')) = (reported_at_ms IS NULL)", name="reported_or_not"),
        CheckConstraint("(state = 'closed') = (closed_at_ms IS NOT NULL)", name="closed_at_some_time"),
        CheckConstraint("injured >= 0 AND killed >= 0", name="people_counted"),
        CheckConstraint("(lon IS NULL) = (lat IS NULL)", name="whole_place"),
    )

    id: Mapped[AutoKey]
    incident_id: Mapped[PublicId] = mapped_column(unique=True)
    vehicle_key: Mapped[int] = mapped_column(ForeignKey("vehicles.id"), index=True)
    jurisdiction_id: Mapped[int] = mapped_column(ForeignKey("jurisdictions.id"), index=True)
    state: Mapped[IncidentState] = mapped_column(by_value(IncidentState, "state"), index=True)
    occurred_at_ms: Mapped[Milliseconds]
    kind: Mapped[IncidentKind] = mapped_column(by_value(IncidentKind, "kind"))
    harm: Mapped[Harm] = mapped_column(by_value(Harm, "harm"))
    injured: Mapped[int] = mapped_column(server_default="0")
    killed: Mapped[int] = mapped_column(server_default="0")
    summary: Mapped[Prose]
    lon: Mapped[float | None] = mapped_column(Double)
    lat: Mapped[float | None] = mapped_column(Double)
    disengagement: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    fault: Mapped[Fault] = mapped_column(by_value(Fault, "fault"))
    fault_reason: Mapped[Prose]
    proposed_at_ms: Mapped[Milliseconds | None]
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reported_at_ms: Mapped[Milliseconds | None]
    first_due_ms: Mapped[Milliseconds]
    full_due_ms: Mapped[Milliseconds]
    complete_at_ms: Mapped[Milliseconds | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at_ms: Mapped[Milliseconds | None]
    closed_at_ms: Mapped[Milliseconds | None]
    conclusion: Mapped[Prose] = mapped_column(server_default="")

    vehicle: Mapped[Vehicle] = relationship(lazy="joined", innerjoin=True)
    jurisdiction: Mapped[Jurisdiction] = relationship(lazy="joined", innerjoin=True)
    opened_by: Mapped[User | None] = relationship(lazy="joined", foreign_keys=[opened_by_id])
    attachments: Mapped[list[Attachment]] = relationship(secondary=incident_attachments, order_by=Attachment.id)
    alerts: Mapped[list[Alert]] = relationship(secondary=incident_alerts, order_by=Alert.opened_at_ms)
    revisions: Mapped[list[IncidentRevision]] = relationship(
        order_by="IncidentRevision.number", back_populates="incident"
    )


class IncidentRevision(Base):
    """An immutable state of an incident (app.schemas.incidents.IncidentContent), what led to it, and why.

    `change` is the last part of the audit log's action: `proposed`, `reported`, `amended`, ...
    """

    __tablename__ = "incident_revisions"
    __table_args__ = (UniqueConstraint("incident_key", "number"),)

    id: Mapped[AutoKey]
    incident_key: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    number: Mapped[int]
    change: Mapped[str] = mapped_column(String(32))
    reason: Mapped[Prose]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at_ms: Mapped[Milliseconds]

    incident: Mapped[Incident] = relationship(back_populates="revisions")
    actor: Mapped[User | None] = relationship(lazy="joined")
