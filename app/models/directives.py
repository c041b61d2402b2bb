"""Directives: what the platform demands of vehicles, and what they answered."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Generation, Milliseconds, Prose, PublicId, Versioned, by_value
from app.models.organisations import Jurisdiction
from app.models.users import User
from app.models.vehicles import Vehicle
from telemetry.directives import DirectiveKind, Reply


class Cause(StrEnum):
    """Why something is demanded; `cause_id` names the permit or the emergency, or is empty."""

    PERMIT = "permit"
    ORDER = "order"
    EMERGENCY = "emergency"


class Outcome(StrEnum):
    """How a directive ended: RELEASED after it was complied with, WITHDRAWN before."""

    RELEASED = "released"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"


class DirectiveRow(Versioned, Base):
    """One demand on one vehicle. The worker notes `sent_at_ms` and `complied_*`; people and the platform the rest.

    `terms` is what else telemetry.directives.Directive says. It stands until it is settled, also when it
    is complied with; overdue is one that was not complied with at its deadline. `release_owed`: it is
    over, and the vehicle has not said yet that it knows. The regulators of `jurisdiction` follow it:
    `refused_at_ms`, `unanswered_at_ms` and `overdue_at_ms` are when they and the operator were told.
    """

    __tablename__ = "directives"
    __table_args__ = (
        CheckConstraint("(settled_at_ms IS NULL) = (outcome IS NULL)", name="settled_somehow"),
        CheckConstraint("deadline_ms > issued_at_ms", name="deadline_after_issue"),
    )

    id: Mapped[AutoKey]
    directive_id: Mapped[PublicId] = mapped_column(unique=True)
    vehicle_key: Mapped[int] = mapped_column(ForeignKey("vehicles.id"), index=True)
    kind: Mapped[DirectiveKind] = mapped_column(by_value(DirectiveKind, "kind"))
    cause: Mapped[Cause] = mapped_column(by_value(Cause, "cause"))
    cause_id: Mapped[str] = mapped_column(String(64))
    reason: Mapped[Prose]
    terms: Mapped[dict[str, Any]] = mapped_column(JSON)
    issued_at_ms: Mapped[Milliseconds]
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    deadline_ms: Mapped[Milliseconds]
    jurisdiction_id: Mapped[int] = mapped_column(ForeignKey("jurisdictions.id"), index=True)
    generation: Mapped[Generation]
    sent_at_ms: Mapped[Milliseconds | None]
    complied_at_ms: Mapped[Milliseconds | None]
    complied_seq: Mapped[int | None] = mapped_column(BigInteger)
    refused_at_ms: Mapped[Milliseconds | None]
    unanswered_at_ms: Mapped[Milliseconds | None]
    overdue_at_ms: Mapped[Milliseconds | None]
    settled_at_ms: Mapped[Milliseconds | None] = mapped_column(index=True)
    outcome: Mapped[Outcome | None] = mapped_column(by_value(Outcome, "outcome"))
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    settled_reason: Mapped[Prose] = mapped_column(default="", server_default="")
    release_owed: Mapped[bool] = mapped_column(default=False, server_default=false(), index=True)

    vehicle: Mapped[Vehicle] = relationship(lazy="joined", innerjoin=True)
    jurisdiction: Mapped[Jurisdiction] = relationship(lazy="joined", innerjoin=True)
    issued_by: Mapped[User | None] = relationship(lazy="joined", foreign_keys=[issued_by_id])
    settled_by: Mapped[User | None] = relationship(lazy="joined", foreign_keys=[settled_by_id])
    answers: Mapped[list[DirectiveAnswer]] = relationship(order_by="DirectiveAnswer.id", viewonly=True)


class DirectiveAnswer(Base):
    """What a vehicle answered. The same answer arriving again changes nothing."""

    __tablename__ = "directive_answers"
    __table_args__ = (UniqueConstraint("directive_key", "reply", "answered_at_ms"),)

    id: Mapped[AutoKey]
    directive_key: Mapped[int] = mapped_column(ForeignKey("directives.id"))
    reply: Mapped[Reply] = mapped_column(by_value(Reply, "reply"))
    detail: Mapped[Prose]
    answered_at_ms: Mapped[Milliseconds]
    received_at_ms: Mapped[Milliseconds]
