"""What a zone's new revision would touch: permits, and how many vehicles they cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from app.models import PermitRevisionRow, ZoneRevisionRow
from app.services.zones import zones_in_force
from geofences.drawing import outline
from geofences.zones import ZoneKind
from telemetry.ports import PermitState

#: Kinds that no permit names: they act on whoever comes near.
_IMPOSED = frozenset({ZoneKind.RESTRICTED, ZoneKind.SPEED_LIMIT})
#: Permits that may be driven under, now or again.
_LIVE = (PermitState.ISSUED, PermitState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class AffectedPermit:
    """A permit that the change touches."""

    number: str
    holder_zh: str
    holder_en: str
    vehicles: int


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything that a change would touch; a vehicle under two permits counts once."""

    permits: tuple[AffectedPermit, ...]
    vehicles: int


def effects_of(
    session: Session, *, zone_id: str, kind: ZoneKind, geometry: BaseGeometry, half_width_m: float | None, now_ms: int
) -> Effects:
    """The permits in force or suspended that name the zone; of an imposed one, those whose zones it touches."""
    names_it = {zone_id}
    if kind in _IMPOSED:
        names_it = touched_zones(zones_in_force(session, now_ms), outline(geometry, half_width_m))
    affected = [row for row in _live_permits(session, now_ms) if any(z.zone_id in names_it for z in row.zones)]
    permits = tuple(
        AffectedPermit(row.permit.number, row.permit.holder.name_zh, row.permit.holder.name_en, len(row.vehicles))
        for row in sorted(affected, key=lambda row: row.permit.number)
    )
    return Effects(permits, len({vehicle.id for row in affected for vehicle in row.vehicles}))


def _live_permits(session: Session, now_ms: int) -> list[PermitRevisionRow]:
    newest = select(func.max(PermitRevisionRow.generation)).group_by(PermitRevisionRow.permit_id)
    rows = select(PermitRevisionRow).where(
        PermitRevisionRow.generation.in_(newest),
        PermitRevisionRow.state.in_(_LIVE),
        PermitRevisionRow.valid_until_ms > now_ms,
    )
    loaded = rows.options(selectinload(PermitRevisionRow.vehicles), selectinload(PermitRevisionRow.zones))
    return list(session.scalars(loaded))


def touched_zones(rows: Sequence[ZoneRevisionRow], area: BaseGeometry) -> set[str]:
    """Which of these zones share a point with the area; those that no permit names are left out."""
    granted = [row for row in rows if row.zone.kind not in _IMPOSED]
    near = shapely.STRtree([shapely.from_geojson(row.geometry) for row in granted])
    # Half widths are metres: a box wider by far more than any of them finds all candidates.
    west, south, east, north = area.bounds
    margin_deg = 0.1
    candidates = near.query(shapely.box(west - margin_deg, south - margin_deg, east + margin_deg, north + margin_deg))
    return {
        granted[index].zone.zone_id
        for index in candidates
        if outline(shapely.from_geojson(granted[index].geometry), granted[index].half_width_m).intersects(area)
    }
