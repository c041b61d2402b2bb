"""The zones in force as a zone file (geofences.formats), which an import reads back."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.registry import zone_revision
from app.services.zones import zones_in_force
from geofences.formats import ZoneFeature, write_zones
from geofences.zones import FOREVER_MS


def zone_file(session: Session, at_ms: int) -> bytes:
    """Every zone in force at an instant, with its lines as lines and its half widths beside them."""
    return write_zones(
        ZoneFeature(
            zone_revision(row, row.starts_at_ms, FOREVER_MS if row.ends_at_ms is None else row.ends_at_ms),
            {"zh": row.name_zh, "en": row.name_en},
        )
        for row in zones_in_force(session, at_ms)
    )
