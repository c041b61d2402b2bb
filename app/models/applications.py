"""Applications for permits: drafts that may change, and the immutable revisions that were submitted."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.attachments import Attachment
from app.models.base import AutoKey, Base, Milliseconds, Prose, PublicId, Text200, Versioned, by_value
from app.models.organisations import Jurisdiction, Organisation
from app.models.permits import Permit
from app.models.users import User


class ApplicationState(StrEnum):
    """The part of a permit's life before a decision (DESIGN.md, "Permits and findings")."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    UNDER_REVIEW = "under_review"
    CHANGES_REQUESTED = "changes_requested"
    GRANTED = "granted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


application_attachments = Table(
    "application_attachments",
    Base.metadata,
    Column("application_id", ForeignKey("applications.id"), primary_key=True),
    Column("attachment_id", ForeignKey("attachments.id"), primary_key=True),
)


class Application(Versioned, Base):
    """An application for a new permit, or for a change of `permit`.

    `draft` is what is being filled in: the JSON form of app.schemas.applications.ApplicationDraft,
    where anything may still be missing.
    """

    __tablename__ = "applications"

    id: Mapped[AutoKey]
    number: Mapped[PublicId] = mapped_column(unique=True)
    holder_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    jurisdiction_id: Mapped[int] = mapped_column(ForeignKey("jurisdictions.id"), index=True)
    permit_id: Mapped[int | None] = mapped_column(ForeignKey("permits.id"))
    state: Mapped[ApplicationState] = mapped_column(by_value(ApplicationState, "state"))
    draft: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at_ms: Mapped[Milliseconds]
    changed_at_ms: Mapped[Milliseconds]

    holder: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    jurisdiction: Mapped[Jurisdiction] = relationship(lazy="joined", innerjoin=True)
    permit: Mapped[Permit | None] = relationship()
    attachments: Mapped[list[Attachment]] = relationship(secondary=application_attachments)
    revisions: Mapped[list[ApplicationRevision]] = relationship(
        order_by="ApplicationRevision.number", back_populates="application"
    )


class ApplicationRevision(Base):
    """What was submitted, complete (app.schemas.applications.ApplicationContent), with its entry gates."""

    __tablename__ = "application_revisions"
    __table_args__ = (UniqueConstraint("application_id", "number"),)

    id: Mapped[AutoKey]
    application_id: Mapped[int] = mapped_column(ForeignKey("applications.id"))
    number: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    gates: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    submitted_at_ms: Mapped[Milliseconds]

    application: Mapped[Application] = relationship(back_populates="revisions")


class ApplicationEvent(Base):
    """A step in an application's life, or a comment on one field of a revision (`field`; empty: on the whole)."""

    __tablename__ = "application_events"

    id: Mapped[AutoKey]
    application_id: Mapped[int] = mapped_column(ForeignKey("applications.id"), index=True)
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("application_revisions.id"))
    state: Mapped[ApplicationState] = mapped_column(by_value(ApplicationState, "state"))
    field: Mapped[Text200]
    comment: Mapped[Prose]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at_ms: Mapped[Milliseconds]

    application: Mapped[Application] = relationship()
    actor: Mapped[User | None] = relationship(lazy="joined")
