"""Whether one permit is valid, for whoever has its number."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.public.suppression import group_count
from app.schemas.permits import BilingualName, Verification
from app.services.permit_register import standing_permit
from app.services.zones import zones_in_force


def verification(session: Session, number: str, *, now_ms: int) -> Verification:
    """What anybody may know of a permit. Raises NotFound."""
    found = standing_permit(session, number, now_ms=now_ms)
    permit, current = found.permit, found.current
    names = {row.zone_id: BilingualName(zh=row.name_zh, en=row.name_en) for row in zones_in_force(session, now_ms)}
    return Verification(
        number=permit.number,
        standing=found.standing,
        stage=current.stage,
        holder=BilingualName(zh=permit.holder.name_zh, en=permit.holder.name_en),
        jurisdiction=BilingualName(zh=permit.jurisdiction.name_zh, en=permit.jurisdiction.name_en),
        valid_from_ms=current.valid_from_ms,
        valid_until_ms=current.valid_until_ms,
        zones=[
            names.get(zone.id, BilingualName(zh=zone.zone_id, en=zone.zone_id))
            for zone in sorted(current.zones, key=lambda zone: zone.zone_id)
        ],
        vehicle_count=group_count(found.vehicle_count),
        revision=current.number,
        revised_at_ms=current.recorded_at_ms,
    )
