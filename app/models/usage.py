"""What was driven: kilometres and hours by vehicle, place and day, tallied from the stored samples."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Column, Double, ForeignKey, Index, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Milliseconds, Prose
from app.models.places import Zone

usage_place_zones = Table(
    "usage_place_zones",
    Base.metadata,
    Column("place_id", ForeignKey("usage_places.id"), primary_key=True),
    Column("zone_id", ForeignKey("zones.id"), primary_key=True, index=True),
)


class UsagePlace(Base):
    """A set of zones in which a vehicle was at once; `key` is their row ids in order, `` for none of them.

    Counting by sets, a stretch where two roads overlap counts once for both of them together and
    once for each of them alone.
    """

    __tablename__ = "usage_places"

    id: Mapped[AutoKey]
    key: Mapped[Prose] = mapped_column(unique=True)

    zones: Mapped[list[Zone]] = relationship(secondary=usage_place_zones)


class UsageDay(Base):
    """What one vehicle drove in one place on one day in Shanghai; `autonomous_*` the part driven in automation."""

    __tablename__ = "usage_days"
    __table_args__ = (
        Index(None, "place_id", "day"),
        CheckConstraint("autonomous_distance_m <= distance_m", name="distance_part_of_whole"),
        CheckConstraint("autonomous_duration_s <= duration_s", name="duration_part_of_whole"),
    )

    vehicle_id: Mapped[int] = mapped_column(ForeignKey("vehicles.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("usage_places.id"), primary_key=True)
    distance_m: Mapped[float] = mapped_column(Double)
    duration_s: Mapped[float] = mapped_column(Double)
    autonomous_distance_m: Mapped[float] = mapped_column(Double)
    autonomous_duration_s: Mapped[float] = mapped_column(Double)
    samples: Mapped[int]


class UsageTally(Base):
    """How many samples of a vehicle's day were stored when it was tallied: with more of them, it is tallied anew."""

    __tablename__ = "usage_tallies"

    vehicle_id: Mapped[int] = mapped_column(ForeignKey("vehicles.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    samples: Mapped[int]
    tallied_at_ms: Mapped[Milliseconds]
