"""What the worker writes: samples, rejects, alerts, the outbox and the tracks."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Bytes, Key, Milliseconds, Prose, Versioned, by_value
from app.models.users import User
from app.models.vehicles import Vehicle
from telemetry.findings import Severity
from telemetry.ports import RejectReason
from telemetry.samples import NOT_OBSERVED

_ENDED_UNSEEN = text("closed_at_ms IS NOT NULL AND acknowledged_at_ms IS NULL AND resolved_at_ms IS NULL")


class Sample(Base):
    """One row of telemetry.samples.JudgedBatch; the columns are named and meant as there.

    An absent number is NULL, an absent code -1, as in the batch. The natural key begins with the
    time, so that the newest rows of all vehicles lie side by side: a flush of 500 vehicles writes
    a few pages, not 500. SQLite keeps the table in one b-tree (WITHOUT ROWID), PostgreSQL in one
    partition per day. No foreign keys: the judge knows each vehicle, and a check per row costs.
    """

    __tablename__ = "samples"
    __table_args__ = (
        PrimaryKeyConstraint("timestamp_ms", "vehicle", "seq"),
        Index("ix_samples_vehicle_timestamp_ms", "vehicle", "timestamp_ms").ddl_if(dialect="postgresql"),
        {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (timestamp_ms)"},
    )

    timestamp_ms: Mapped[int] = mapped_column(BigInteger)
    vehicle: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    received_ms: Mapped[int] = mapped_column(BigInteger)
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)
    altitude_m: Mapped[float | None] = mapped_column(Double)
    altitude_datum: Mapped[int] = mapped_column(SmallInteger)
    heading_deg: Mapped[float | None] = mapped_column(Double)
    speed_mps: Mapped[float | None] = mapped_column(Double)
    horizontal_accuracy_m: Mapped[float | None] = mapped_column(Double)
    vertical_accuracy_m: Mapped[float | None] = mapped_column(Double)
    vertical_speed_mps: Mapped[float | None] = mapped_column(Double)
    acceleration_mps2: Mapped[float | None] = mapped_column(Double)
    mode: Mapped[int] = mapped_column(SmallInteger)
    safety_officer: Mapped[int] = mapped_column(SmallInteger)
    officer_id: Mapped[str | None] = mapped_column(Text)
    officer_load: Mapped[int] = mapped_column(BigInteger)
    proximity: Mapped[int] = mapped_column(SmallInteger, server_default=text(str(NOT_OBSERVED)))
    passengers: Mapped[int] = mapped_column(BigInteger)
    battery_percent: Mapped[float | None] = mapped_column(Double)
    faults: Mapped[str | None] = mapped_column(Text)
    verdict: Mapped[int] = mapped_column(BigInteger)
    undecided: Mapped[int] = mapped_column(BigInteger)
    late: Mapped[int] = mapped_column(SmallInteger)
    zone_revision: Mapped[int] = mapped_column(BigInteger)
    permit_revision: Mapped[int] = mapped_column(BigInteger)
    generation: Mapped[int] = mapped_column(BigInteger)


class RejectRow(Base):
    """A payload that was not believed. The same bytes arriving again only count up `arrivals`."""

    __tablename__ = "rejects"
    __table_args__ = (Index(None, "vehicle", "last_received_ms"),)

    id: Mapped[AutoKey]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    topic: Mapped[Prose]
    vehicle: Mapped[int | None] = mapped_column(ForeignKey("vehicles.id"))
    seq: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[RejectReason] = mapped_column(by_value(RejectReason, "reason"))
    detail: Mapped[Prose]
    payload: Mapped[Bytes]
    arrivals: Mapped[int]
    first_received_ms: Mapped[Milliseconds]
    last_received_ms: Mapped[Milliseconds]


class Alert(Versioned, Base):
    """An alert episode. The judge opens, extends and closes it; people handle it.

    `finding` is the single bit of telemetry.findings.Finding; `opened_*` name the sample that
    confirmed it, the revisions what it was judged against (NULL: none). `version` and `handled_at_ms`
    tell of what people did, and of the escalation by time; what the judge does moves neither.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("vehicle_key", "finding", "opened_at_ms", "opened_seq"),
        Index("ix_alerts_open", "closed_at_ms", "opened_at_ms"),
        Index(
            "ix_alerts_ended_unseen",
            *("severity", "closed_at_ms", "vehicle_key"),
            sqlite_where=_ENDED_UNSEEN,
            postgresql_where=_ENDED_UNSEEN,
        ),
        Index(None, "finding", "opened_at_ms"),
        CheckConstraint("(acknowledged_at_ms IS NULL) = (acknowledged_by_id IS NULL)", name="acknowledged_by_someone"),
        CheckConstraint("(assigned_at_ms IS NULL) = (assigned_to_id IS NULL)", name="assigned_to_someone"),
        CheckConstraint("(resolved_at_ms IS NULL) = (resolved_by_id IS NULL)", name="resolved_by_someone"),
    )

    id: Mapped[AutoKey]
    vehicle_key: Mapped[int] = mapped_column(ForeignKey("vehicles.id"))
    finding: Mapped[int] = mapped_column(BigInteger)
    severity: Mapped[Severity] = mapped_column(by_value(Severity, "severity"))
    opened_at_ms: Mapped[Milliseconds]
    opened_seq: Mapped[int] = mapped_column(BigInteger)
    first_seen_ms: Mapped[Milliseconds]
    last_seen_ms: Mapped[Milliseconds]
    closed_at_ms: Mapped[Milliseconds | None]
    zone_revision_id: Mapped[int | None] = mapped_column(ForeignKey("zone_revisions.id"))
    permit_revision_id: Mapped[int | None] = mapped_column(ForeignKey("permit_revisions.id"))
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)
    acknowledged_at_ms: Mapped[Milliseconds | None]
    acknowledged_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    acknowledgement: Mapped[str | None] = mapped_column(String(2000))
    escalated_at_ms: Mapped[Milliseconds | None]
    escalated_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    escalation: Mapped[str | None] = mapped_column(String(2000))
    assigned_at_ms: Mapped[Milliseconds | None]
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    resolved_at_ms: Mapped[Milliseconds | None]
    resolved_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    resolution: Mapped[str | None] = mapped_column(String(2000))
    comment_count: Mapped[int] = mapped_column(default=0, server_default="0")
    handled_at_ms: Mapped[Milliseconds | None] = mapped_column(index=True)

    vehicle: Mapped[Vehicle] = relationship(lazy="joined", innerjoin=True)
    acknowledged_by: Mapped[User | None] = relationship(lazy="selectin", foreign_keys=[acknowledged_by_id])
    escalated_by: Mapped[User | None] = relationship(lazy="selectin", foreign_keys=[escalated_by_id])
    assigned_to: Mapped[User | None] = relationship(lazy="selectin", foreign_keys=[assigned_to_id])
    resolved_by: Mapped[User | None] = relationship(lazy="selectin", foreign_keys=[resolved_by_id])


class AlertComment(Base):
    """What a person wrote about an alert, for everybody who may see it."""

    __tablename__ = "alert_comments"

    id: Mapped[AutoKey]
    alert_key: Mapped[int] = mapped_column(ForeignKey("alerts.id"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    written_at_ms: Mapped[Milliseconds]
    text: Mapped[Prose]

    alert: Mapped[Alert] = relationship(lazy="joined", innerjoin=True)
    author: Mapped[User] = relationship(lazy="selectin")


class OutboxRow(Base):
    """A message that must leave for the broker (telemetry.ports.OutboxMessage); deleted once it has left."""

    __tablename__ = "outbox"

    id: Mapped[AutoKey]
    topic: Mapped[Prose]
    payload: Mapped[Bytes]
    retain: Mapped[bool] = mapped_column(server_default=false())
    partition: Mapped[int | None]


class TrackRow(Base):
    """What the judge remembers of one vehicle (telemetry.ports.TrackState)."""

    __tablename__ = "vehicle_tracks"

    vehicle: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    watermark: Mapped[int] = mapped_column(BigInteger)
    last_timestamp_ms: Mapped[Milliseconds]
    last_seq: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[Bytes]


class RegistryGeneration(Base):
    """The number of the registry's newest change: a single row, raised in each changing transaction."""

    __tablename__ = "registry_generation"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    generation: Mapped[int] = mapped_column(BigInteger)


class JudgedFindings(Base):
    """From `generation` on, samples were judged for the findings of this mask; written by migrations."""

    __tablename__ = "judged_findings"

    generation: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    findings: Mapped[int] = mapped_column(BigInteger)
