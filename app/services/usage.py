"""Kilometres and hours: what the tallies of app.services.usage_tally add up to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.calendar import day_of
from app.models import UsageDay, UsageTally, Vehicle, Zone
from app.models.usage import usage_place_zones


@dataclass(frozen=True, slots=True)
class Usage:
    """What was driven, and of it what was driven in automation."""

    distance_km: float
    hours: float
    autonomous_distance_km: float
    autonomous_hours: float


def usage_of(
    session: Session,
    *,
    organisation_id: int | None = None,
    zone_ids: Collection[str] | None = None,
    since_ms: int | None = None,
    vehicle_ids: Collection[str] | None = None,
) -> Usage:
    """What was driven in any of the zones (None: anywhere), by vehicles of one operator (None: of all).

    `since_ms` counts whole days in Shanghai, that of the instant among them.
    """
    columns = (
        UsageDay.distance_m,
        UsageDay.duration_s,
        UsageDay.autonomous_distance_m,
        UsageDay.autonomous_duration_s,
    )
    sums = [func.coalesce(func.sum(column), 0.0) for column in columns]
    query = select(*sums)
    if organisation_id is not None or vehicle_ids is not None:
        query = query.join(Vehicle, Vehicle.id == UsageDay.vehicle_id)
    if organisation_id is not None:
        query = query.where(Vehicle.organisation_id == organisation_id)
    if vehicle_ids is not None:
        query = query.where(Vehicle.vehicle_id.in_(vehicle_ids))
    if zone_ids is not None:
        there = select(usage_place_zones.c.place_id).join(Zone, Zone.id == usage_place_zones.c.zone_id)
        query = query.where(UsageDay.place_id.in_(there.where(Zone.zone_id.in_(zone_ids))))
    if since_ms is not None:
        query = query.where(UsageDay.day >= day_of(since_ms))
    total: Sequence[float] = session.execute(query).one()
    return Usage(total[0] / 1000, total[1] / 3600, total[2] / 1000, total[3] / 3600)


def drove_elsewhere(session: Session, vehicle_key: int, time_ms: int, zone_ids: Collection[str]) -> bool:
    """Whether the vehicle is known to have driven on the day of the instant, and in none of the zones.

    False where nothing is known: without a tally, or with one made before the instant.
    """
    day = day_of(time_ms)
    is_tallied = select(UsageTally.day).where(
        UsageTally.vehicle_id == vehicle_key, UsageTally.day == day, UsageTally.tallied_at_ms >= time_ms
    )
    if session.scalar(is_tallied) is None:
        return False
    driven = select(UsageDay.place_id).where(UsageDay.vehicle_id == vehicle_key, UsageDay.day == day)
    there = select(usage_place_zones.c.place_id).join(Zone, Zone.id == usage_place_zones.c.zone_id)
    places = set(session.scalars(driven))
    return bool(places) and places.isdisjoint(session.scalars(there.where(Zone.zone_id.in_(zone_ids))))
