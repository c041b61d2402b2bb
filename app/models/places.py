"""Zones and their immutable revisions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import AutoKey, Base, Generation, Milliseconds, Name, Prose, PublicId, by_value
from geofences.zones import Datum, Unit, ZoneKind


class Zone(Base):
    """A place with a public identifier and a kind; all that may change is in its revisions."""

    __tablename__ = "zones"

    id: Mapped[AutoKey]
    zone_id: Mapped[PublicId] = mapped_column(unique=True)
    kind: Mapped[ZoneKind] = mapped_column(by_value(ZoneKind, "kind"))


class ZoneRevisionRow(Base):
    """One immutable revision of a zone, as geofences.zones.ZoneRevision reads it.

    `geometry` is GeoJSON text in EPSG:4326, lon then lat. In force from `starts_at_ms` until a
    revision of a later generation starts, or until its own `ends_at_ms`.
    """

    __tablename__ = "zone_revisions"
    __table_args__ = (
        Index(None, "zone_id", "generation"),
        CheckConstraint("ends_at_ms IS NULL OR ends_at_ms > starts_at_ms", name="ends_after_start"),
        CheckConstraint(
            "(band_lower IS NULL AND band_upper IS NULL) OR (band_datum IS NOT NULL AND band_unit IS NOT NULL)",
            name="band_has_datum_and_unit",
        ),
        CheckConstraint("half_width_m IS NULL OR half_width_m > 0", name="half_width_positive"),
        CheckConstraint("speed_limit_mps IS NULL OR speed_limit_mps >= 0", name="speed_limit_not_negative"),
    )

    id: Mapped[AutoKey]
    zone_id: Mapped[int] = mapped_column(ForeignKey("zones.id"))
    name_zh: Mapped[Name]
    name_en: Mapped[Name]
    geometry: Mapped[Prose]
    half_width_m: Mapped[float | None]
    band_lower: Mapped[float | None]
    band_upper: Mapped[float | None]
    band_datum: Mapped[Datum | None] = mapped_column(by_value(Datum, "band_datum"))
    band_unit: Mapped[Unit | None] = mapped_column(by_value(Unit, "band_unit"))
    schedule: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    speed_limit_mps: Mapped[float | None]
    authority: Mapped[Name]
    jurisdiction: Mapped[Name]
    starts_at_ms: Mapped[Milliseconds]
    ends_at_ms: Mapped[Milliseconds | None]
    reason: Mapped[Prose]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at_ms: Mapped[Milliseconds]
    generation: Mapped[Generation]

    zone: Mapped[Zone] = relationship(lazy="joined", innerjoin=True)
