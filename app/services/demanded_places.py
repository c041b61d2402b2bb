"""Places as directives name them: an area with its vertical limits, and what a restricted permit no longer grants."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from app.models import Zone, ZoneRevisionRow
from app.registry import zone_revision
from app.schemas.geometry import written_geometry
from app.services.zones import zones_in_force
from geofences.datum import limits_m
from geofences.drawing import area_m2, outline
from geofences.zones import FOREVER_MS, VerticalBand

#: What is left between two areas by the rounding of their edges is no place.
_PRECISION_DEG = 1e-6
_SMALLEST_M2 = 1.0


def place_terms(area: BaseGeometry, band: VerticalBand | None) -> dict[str, Any]:
    """What a Directive says of a place: an area in EPSG:4326, and the limits of its band in metres."""
    terms: dict[str, Any] = {"place": written_geometry(area)}
    if band is not None:
        lower_m, upper_m = (limit if math.isfinite(limit) else None for limit in limits_m(band))
        terms |= {"lower_m": lower_m, "upper_m": upper_m, "altitude_datum": str(band.datum)}
    return terms


def zone_terms(row: ZoneRevisionRow) -> dict[str, Any]:
    """The same of the whole zone, by its name too."""
    return {"zones": [row.zone.zone_id]} | place_terms(area_of(row), band_of(row))


def lost_places(
    session: Session, before: Collection[Zone], after: Collection[Zone], now_ms: int
) -> list[dict[str, Any]]:
    """What a permit with the zones `after` no longer grants of those `before`: a place for each band among them.

    Where a zone that is still granted crosses one that is not, the vehicle may be. Without a `place`
    nothing is left of the zones but that: what counts then is that the vehicle keeps to its permit.
    """
    kept = {zone.zone_id for zone in after}
    lost = {zone.zone_id for zone in before} - kept
    if not lost:
        return []
    rows = zones_in_force(session, now_ms)
    granted = [row for row in rows if row.zone.zone_id in kept]
    by_band: defaultdict[VerticalBand | None, list[ZoneRevisionRow]] = defaultdict(list)
    for row in rows:
        if row.zone.zone_id in lost:
            by_band[band_of(row)].append(row)
    return [_lost(band, of_band, granted) for band, of_band in by_band.items()]


def area_of(row: ZoneRevisionRow) -> BaseGeometry:
    """The area that a revision covers, EPSG:4326."""
    return outline(shapely.from_geojson(row.geometry), row.half_width_m)


def band_of(row: ZoneRevisionRow) -> VerticalBand | None:
    """Its vertical limits, if it has any."""
    return zone_revision(row, 0, FOREVER_MS).band


def _lost(
    band: VerticalBand | None, rows: Iterable[ZoneRevisionRow], granted: Iterable[ZoneRevisionRow]
) -> dict[str, Any]:
    rows = list(rows)
    names = {"zones": sorted(row.zone.zone_id for row in rows)}
    allowed = [area_of(row) for row in granted if _may_meet(band, band_of(row))]
    left = shapely.union_all([area_of(row) for row in rows]).difference(shapely.union_all(allowed))
    parts = shapely.get_parts(shapely.set_precision(left, _PRECISION_DEG))
    areas = [part for part in parts if part.geom_type == "Polygon" and area_m2(part) >= _SMALLEST_M2]
    return names | (place_terms(shapely.union_all(areas), band) if areas else {})


def _may_meet(one: VerticalBand | None, other: VerticalBand | None) -> bool:
    """Whether bands share a height; those of different datums may."""
    if one is None or other is None or one.datum is not other.datum:
        return True
    (lower_m, upper_m), (other_lower_m, other_upper_m) = limits_m(one), limits_m(other)
    return other_lower_m <= upper_m and lower_m <= other_upper_m
