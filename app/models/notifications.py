"""Notifications: channels that lead out of the platform, what waits for each, and the messages that left.

A notice becomes a Notification for each channel that wants it, in the notice's own transaction. What is
due on a channel becomes a Delivery, one message, which is tried until it arrives or is given up.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import SECRET, AutoKey, Base, Milliseconds, Name, Prose, PublicId, Versioned, by_value
from app.models.notices import Notice
from app.models.organisations import Jurisdiction, Organisation
from telemetry.findings import Severity

_HELD = text("delivery_key IS NULL AND spared_at_ms IS NULL")


class ChannelKind(StrEnum):
    """How a channel reaches its reader."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Topic(StrEnum):
    """What a notice is about, as channels choose it."""

    ALERTS = "alerts"
    DIRECTIVES = "directives"
    PERMITS = "permits"
    INCIDENTS = "incidents"
    REMINDERS = "reminders"


class Digest(StrEnum):
    """How long what is not critical is collected into one message."""

    NONE = "none"
    HOURLY = "hourly"
    DAILY = "daily"


class DeliveryState(StrEnum):
    """What became of a message: `waiting` was not tried yet, `failed` will be tried again."""

    WAITING = "waiting"
    FAILED = "failed"
    SENT = "sent"
    GIVEN_UP = "given_up"


class Failure(StrEnum):
    """Why an attempt did not succeed."""

    REFUSED = "refused"
    NO_MAIL_SERVER = "no_mail_server"
    LOGIN_REFUSED = "login_refused"
    ADDRESS = "address"
    PRIVATE_ADDRESS = "private_address"
    UNKNOWN_HOST = "unknown_host"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    TIMEOUT = "timeout"
    REDIRECT = "redirect"
    NO_ANSWER = "no_answer"
    PLATFORM = "platform"


class NotificationChannel(Versioned, Base):
    """Where an organisation or a jurisdiction's regulators are told of what they chose.

    Alerts count from `minimum_severity` on, and wait `delay_minutes`: whoever comes later in the chain is
    told only of what nobody took care of. Quiet hours are minutes of the city's day, and may cross
    midnight. A webhook's secret is derived from `secret_salt` (app.services.channels).
    """

    __tablename__ = "notification_channels"
    __table_args__ = (
        CheckConstraint("(organisation_id IS NULL) <> (jurisdiction_id IS NULL)", name="of_one_owner"),
        CheckConstraint("(quiet_from_minute IS NULL) = (quiet_until_minute IS NULL)", name="quiet_hours_whole"),
        CheckConstraint("(kind = 'webhook') = (secret_salt IS NOT NULL)", name="webhooks_sign"),
        CheckConstraint("delay_minutes >= 0", name="delay_not_negative"),
    )

    id: Mapped[AutoKey]
    channel_id: Mapped[PublicId] = mapped_column(unique=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    jurisdiction_id: Mapped[int | None] = mapped_column(ForeignKey("jurisdictions.id"), index=True)
    name: Mapped[Name]
    kind: Mapped[ChannelKind] = mapped_column(by_value(ChannelKind, "kind"))
    address: Mapped[str] = mapped_column(String(500))
    topics: Mapped[list[str]] = mapped_column(JSON)
    minimum_severity: Mapped[Severity] = mapped_column(by_value(Severity, "minimum_severity"))
    delay_minutes: Mapped[int]
    quiet_from_minute: Mapped[int | None]
    quiet_until_minute: Mapped[int | None]
    digest: Mapped[Digest] = mapped_column(by_value(Digest, "digest"))
    secret_salt: Mapped[bytes | None] = mapped_column(LargeBinary(32), info=SECRET)
    enabled: Mapped[bool]
    #: Since when it rests after too many failures; the platform tries again by itself.
    paused_at_ms: Mapped[Milliseconds | None]
    failures_in_row: Mapped[int] = mapped_column(server_default="0", default=0)
    rests_until_ms: Mapped[Milliseconds | None]
    created_at_ms: Mapped[Milliseconds]

    organisation: Mapped[Organisation | None] = relationship(lazy="joined")
    jurisdiction: Mapped[Jurisdiction | None] = relationship(lazy="joined")


class Delivery(Base):
    """One message to one channel. Whoever holds the `lease` is sending it; a lease that is over counts for nothing.

    `answer` is what the other side said to the last attempt, cut and without control characters; `failure`
    why that attempt did not succeed.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("(state IN ('waiting', 'failed')) = (next_attempt_at_ms IS NOT NULL)", name="open_or_over"),
        CheckConstraint("(lease IS NULL) = (leased_until_ms IS NULL)", name="leased_until_some_time"),
    )

    id: Mapped[AutoKey]
    delivery_id: Mapped[PublicId] = mapped_column(unique=True)
    channel_key: Mapped[int] = mapped_column(ForeignKey("notification_channels.id"), index=True)
    is_test: Mapped[bool] = mapped_column(default=False, server_default=false())
    state: Mapped[DeliveryState] = mapped_column(by_value(DeliveryState, "state"))
    created_at_ms: Mapped[Milliseconds]
    next_attempt_at_ms: Mapped[Milliseconds | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(server_default="0", default=0)
    lease: Mapped[str | None] = mapped_column(String(32), info=SECRET)
    leased_until_ms: Mapped[Milliseconds | None]
    address: Mapped[str] = mapped_column(String(500))
    answered_at_ms: Mapped[Milliseconds | None]
    answer_status: Mapped[int | None]
    answer: Mapped[Prose]
    failure: Mapped[Failure | None] = mapped_column(by_value(Failure, "failure"))
    sent_at_ms: Mapped[Milliseconds | None]

    channel: Mapped[NotificationChannel] = relationship(lazy="joined", innerjoin=True)
    notifications: Mapped[list[Notification]] = relationship(order_by="Notification.id", viewonly=True)


class Notification(Base):
    """One notice for one channel: held until `due_at_ms`, then part of a delivery, or `spared` as no longer needed."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("channel_key", "notice_id"),
        CheckConstraint("delivery_key IS NULL OR spared_at_ms IS NULL", name="sent_or_spared"),
        Index("ix_notifications_held", "due_at_ms", sqlite_where=_HELD, postgresql_where=_HELD),
    )

    id: Mapped[AutoKey]
    channel_key: Mapped[int] = mapped_column(ForeignKey("notification_channels.id"))
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"), index=True)
    due_at_ms: Mapped[Milliseconds]
    delivery_key: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id"), index=True)
    spared_at_ms: Mapped[Milliseconds | None]

    channel: Mapped[NotificationChannel] = relationship(lazy="joined", innerjoin=True)
    notice: Mapped[Notice] = relationship(lazy="joined", innerjoin=True)


class AlertTelling(Base):
    """That an alert, or its escalation, was told of, in the notice about the subject (`alerts`, `batch`)."""

    __tablename__ = "alert_tellings"

    alert_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("alerts.id"), primary_key=True, autoincrement=False)
    is_escalation: Mapped[bool] = mapped_column(primary_key=True)
    batch: Mapped[PublicId] = mapped_column(index=True)
