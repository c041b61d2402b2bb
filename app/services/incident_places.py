"""Where telemetry had a vehicle at a moment."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Sample

#: A sample further away in time says nothing about where the vehicle was.
_NEAR_MS = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A vehicle as one sample shows it: WGS-84 degrees, and the permit revision it was judged against (-1: none)."""

    lon: float
    lat: float
    permit_revision: int


def sample_near(session: Session, vehicle_key: int, at_ms: int) -> Seen | None:
    """The sample of the vehicle that is nearest in time, if one is near."""
    period = Sample.timestamp_ms.between(at_ms - _NEAR_MS, at_ms + _NEAR_MS)
    columns = select(Sample.timestamp_ms, Sample.lon, Sample.lat, Sample.permit_revision)
    rows = session.execute(columns.where(period, Sample.vehicle == vehicle_key)).all()
    nearest = min(rows, key=lambda row: abs(row.timestamp_ms - at_ms), default=None)
    return Seen(nearest.lon, nearest.lat, nearest.permit_revision) if nearest is not None else None
