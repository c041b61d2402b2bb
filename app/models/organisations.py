"""Organisations and the jurisdictions in which authorities decide."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Generation, Milliseconds, Name, Prose, PublicId, Text200, Versioned


class Organisation(Versioned, Base):
    """An authority, or a company that runs vehicles. What an operator states of itself may change."""

    __tablename__ = "organisations"

    id: Mapped[AutoKey]
    code: Mapped[PublicId] = mapped_column(unique=True)
    name_zh: Mapped[Name]
    name_en: Mapped[Name]
    credit_code: Mapped[str | None] = mapped_column(String(32), unique=True)
    address: Mapped[Text200]
    contact_name: Mapped[Text200]
    contact_email: Mapped[Text200]
    contact_phone: Mapped[Text200]
    emergency_phone: Mapped[Text200]
    website: Mapped[Text200]


class Jurisdiction(Versioned, Base):
    """Where one authority decides: the value of `jurisdiction` in its zones is its `code`.

    `thresholds` is the JSON form of app.schemas.jurisdictions.Thresholds: what the entry gates demand;
    `deadlines` that of ReportingDeadlines: by when incidents are to be reported.
    """

    __tablename__ = "jurisdictions"

    id: Mapped[AutoKey]
    code: Mapped[PublicId] = mapped_column(unique=True)
    name_zh: Mapped[Name]
    name_en: Mapped[Name]
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    number_prefix: Mapped[str] = mapped_column(String(16))
    thresholds: Mapped[dict[str, Any]] = mapped_column(JSON)
    deadlines: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")

    authority: Mapped[Organisation | None] = relationship(lazy="joined")


class RecognitionRevision(Base):
    """One immutable decision of `recogniser` on the permits that `issuer` issues.

    From `starts_at_ms` until a revision of the same pair with a later generation starts, a permit of
    one of the `stages` is valid in the recogniser's zones that it names, within
    [valid_from_ms, valid_until_ms). No stages: no longer recognised.
    """

    __tablename__ = "recognition_revisions"
    __table_args__ = (
        Index(None, "recogniser_id", "issuer_id", "generation"),
        CheckConstraint("recogniser_id <> issuer_id", name="of_another"),
        CheckConstraint("valid_until_ms IS NULL OR valid_until_ms > valid_from_ms", name="period_not_empty"),
    )

    id: Mapped[AutoKey]
    recogniser_id: Mapped[int] = mapped_column(ForeignKey("jurisdictions.id"))
    issuer_id: Mapped[int] = mapped_column(ForeignKey("jurisdictions.id"))
    stages: Mapped[list[str]] = mapped_column(JSON)
    starts_at_ms: Mapped[Milliseconds]
    valid_from_ms: Mapped[Milliseconds]
    valid_until_ms: Mapped[Milliseconds | None]
    reason: Mapped[Prose]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at_ms: Mapped[Milliseconds]
    generation: Mapped[Generation]

    recogniser: Mapped[Jurisdiction] = relationship(foreign_keys=[recogniser_id], lazy="joined", innerjoin=True)
    issuer: Mapped[Jurisdiction] = relationship(foreign_keys=[issuer_id], lazy="joined", innerjoin=True)
