"""Sanctions: the steps of the ladder that are taken against the holder of a permit."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Milliseconds, Prose, PublicId, Versioned, by_value
from app.models.permits import Permit


class SanctionStep(StrEnum):
    """The rungs, from the mildest."""

    WARN = "warn"
    RESTRICT = "restrict"
    SUSPEND = "suspend"
    REVOKE = "revoke"


class SanctionState(StrEnum):
    """Where a sanction stands. `dismissed`, `upheld` and `overturned` are its ends, and `in_force` once it is final."""

    PROPOSED = "proposed"
    NOTICED = "noticed"
    DISMISSED = "dismissed"
    IN_FORCE = "in_force"
    APPEALED = "appealed"
    UPHELD = "upheld"
    OVERTURNED = "overturned"


class Sanction(Versioned, Base):
    """One step against one permit.

    `rule` names the rule that proposed it (empty: a person did), `occasion` the newest of its grounds:
    a rule proposes once for the same record. `grounds` are `{"type", "id", "at_ms"}` of alerts, directives
    and incidents. `revision_before` and `revision_after` number the permit's revisions around its effect.
    A revocation suspends at once and revokes when no appeal is possible any more: `final_at_ms`.
    """

    __tablename__ = "sanctions"
    __table_args__ = (
        UniqueConstraint("permit_id", "rule", "occasion"),
        CheckConstraint("(decided_at_ms IS NULL) = (appeal_until_ms IS NULL)", name="decided_with_appeal"),
        CheckConstraint("(appealed_at_ms IS NULL) = (appealed_by_id IS NULL)", name="appealed_by_someone"),
    )

    id: Mapped[AutoKey]
    sanction_id: Mapped[PublicId] = mapped_column(unique=True)
    permit_id: Mapped[int] = mapped_column(ForeignKey("permits.id"), index=True)
    step: Mapped[SanctionStep] = mapped_column(by_value(SanctionStep, "step"))
    state: Mapped[SanctionState] = mapped_column(by_value(SanctionState, "state"), index=True)
    rule: Mapped[str] = mapped_column(String(64))
    occasion: Mapped[str] = mapped_column(String(128))
    grounds: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    reason: Mapped[Prose]
    opened_at_ms: Mapped[Milliseconds]
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    noticed_at_ms: Mapped[Milliseconds | None]
    hearing_at_ms: Mapped[Milliseconds | None]
    hearing_record: Mapped[Prose]
    decided_at_ms: Mapped[Milliseconds | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    revision_before: Mapped[int | None]
    revision_after: Mapped[int | None]
    appeal_until_ms: Mapped[Milliseconds | None]
    final_at_ms: Mapped[Milliseconds | None]
    appealed_at_ms: Mapped[Milliseconds | None]
    appealed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    appeal: Mapped[Prose]
    ruled_at_ms: Mapped[Milliseconds | None]
    ruled_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    ruling: Mapped[Prose]

    permit: Mapped[Permit] = relationship(lazy="joined", innerjoin=True)
