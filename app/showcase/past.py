"""What the showcase's vehicles drove before the seeding, so that entry gates and statistics have something to say.

Illustrative like everything here: one row a week and vehicle for thirteen weeks, the same each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.calendar import day_of
from app.models import UsageDay, UsagePlace, Vehicle, Zone
from app.showcase.plan import Register
from telemetry.samples import VehicleKind

_WEEKS = 13
_KILOMETRES_A_WEEK = {VehicleKind.ROAD: 150.0, VehicleKind.AIR: 90.0}
_MEAN_SPEED_KMH = {VehicleKind.ROAD: 24.0, VehicleKind.AIR: 75.0}
_AUTONOMOUS = 0.9


def seed_past(session: Session, register: Register, vehicles: Mapping[str, Vehicle], now_ms: int) -> None:
    """Record the past weeks of every vehicle that has a permit, in the first of its zones."""
    places: dict[str, UsagePlace] = {}
    for number, (vehicle_id, vehicle) in enumerate(vehicles.items()):
        permit = register.permit_of(vehicle_id)
        if permit is None:
            continue
        place = places.setdefault(permit.zones[0], _place(session, permit.zones[0]))
        session.flush()
        distance_m = 1000 * _KILOMETRES_A_WEEK[vehicle.kind] * (0.7 + 0.05 * (number % 13))
        duration_s = distance_m / _MEAN_SPEED_KMH[vehicle.kind] * 3.6
        session.add_all(
            UsageDay(
                vehicle_id=vehicle.id,
                day=day_of(now_ms) - timedelta(weeks=week),
                place_id=place.id,
                distance_m=distance_m,
                duration_s=duration_s,
                autonomous_distance_m=distance_m * _AUTONOMOUS,
                autonomous_duration_s=duration_s * _AUTONOMOUS,
                samples=round(duration_s),
            )
            for week in range(1, _WEEKS + 1)
        )
    session.flush()


def _place(session: Session, zone_id: str) -> UsagePlace:
    zone = session.scalars(select(Zone).where(Zone.zone_id == zone_id)).one()
    place = session.scalar(select(UsagePlace).where(UsagePlace.key == str(zone.id)))
    if place is None:
        place = UsagePlace(key=str(zone.id), zones=[zone])
        session.add(place)
        session.flush()
    return place
