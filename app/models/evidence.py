"""Evidence bundles that were exported: kept as they left, so that their hash can be recognised later."""

from __future__ import annotations

from sqlalchemy import JSON, CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from app.models.base import AutoKey, Base, Bytes, Milliseconds, Prose, PublicId
from app.models.users import User
from app.models.vehicles import Vehicle


class EvidenceBundle(Base):
    """One bundle. `organisation_id` is the operator that it was made for, NULL: the city, with all identities.

    The bytes are kept: what they were made of moves on (an alert closes, a sample goes into the archive),
    and the audit log names their SHA-256. `faults` is what verification found wrong when it was made.
    """

    __tablename__ = "evidence_bundles"
    __table_args__ = (
        CheckConstraint("until_ms > since_ms", name="window_not_empty"),
        CheckConstraint("size_bytes > 0", name="not_empty"),
    )

    id: Mapped[AutoKey]
    bundle_id: Mapped[PublicId] = mapped_column(unique=True)
    vehicle_key: Mapped[int] = mapped_column(ForeignKey("vehicles.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    moment_ms: Mapped[Milliseconds]
    since_ms: Mapped[Milliseconds]
    until_ms: Mapped[Milliseconds]
    reason: Mapped[Prose]
    samples: Mapped[int]
    faults: Mapped[list[str]] = mapped_column(JSON)
    size_bytes: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    content: Mapped[Bytes] = deferred(mapped_column(LargeBinary, nullable=False))
    exported_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    exported_at_ms: Mapped[Milliseconds]

    vehicle: Mapped[Vehicle] = relationship(lazy="joined", innerjoin=True)
    exported_by: Mapped[User] = relationship(lazy="joined", innerjoin=True)
