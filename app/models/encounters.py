"""Aircraft that came too close to each other, or were about to."""

from __future__ import annotations

from sqlalchemy import Double, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Milliseconds
from app.models.vehicles import Vehicle


class EncounterRow(Base):
    """One aircraft and another one, from when they came too close until they were apart, as it was last seen.

    A row of telemetry.ports.Encounter, in the same terms; what the other aircraft's samples showed has a
    row of its own. Distances in metres, NULL where a height was unknown.
    """

    __tablename__ = "encounters"
    __table_args__ = (
        UniqueConstraint("vehicle_key", "other_key", "began_ms"),
        Index(None, "vehicle_key", "last_seen_ms"),
    )

    id: Mapped[AutoKey]
    vehicle_key: Mapped[int] = mapped_column(ForeignKey("vehicles.id"))
    other_key: Mapped[int] = mapped_column(ForeignKey("vehicles.id"))
    began_ms: Mapped[Milliseconds]
    last_seen_ms: Mapped[Milliseconds]
    horizontal_m: Mapped[float] = mapped_column(Double)
    vertical_m: Mapped[float | None] = mapped_column(Double)
    closest_at_ms: Mapped[Milliseconds]
    closest_horizontal_m: Mapped[float] = mapped_column(Double)
    closest_vertical_m: Mapped[float | None] = mapped_column(Double)

    other: Mapped[Vehicle] = relationship(foreign_keys=[other_key])
