"""Zones as maps draw them: GeoJSON areas with names, of the revisions in force now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import shapely
from sqlalchemy.orm import Session

from app.live.gazetteer import Gazetteer
from app.live.snapping import Centreline
from app.live.things import Names
from app.models import ZoneRevisionRow
from app.services.zones import zones_in_force
from geofences.drawing import outline
from geofences.zones import ZoneKind
from telemetry.samples import VehicleKind

#: Which lines the public's positions are snapped to.
_LINE_KINDS = {ZoneKind.TEST_ROAD: VehicleKind.ROAD, ZoneKind.AIR_CORRIDOR: VehicleKind.AIR}

#: Zones that people name a place by.
_NAMING_KINDS = frozenset({ZoneKind.TEST_ROAD, ZoneKind.TEST_AREA, ZoneKind.AIR_CORRIDOR, ZoneKind.VERTIPORT})

#: Of drawn outlines, in degrees (0.1 m).
PRECISION_DEG = 1e-6


def zone_features(session: Session, now_ms: int, *, centreline: bool = False) -> dict[str, Any]:
    """The zones in force as a FeatureCollection in EPSG:4326.

    The geometry is the area, a line widened by its half width; with `centreline` it is the line
    itself. A zone that is in force by its revision but not by its schedule is listed too.
    """
    rows = zones_in_force(session, now_ms)
    return {
        "type": "FeatureCollection",
        "generated_at_ms": now_ms,
        "features": [_feature(row, centreline=centreline) for row in rows],
    }


@lru_cache(maxsize=4_096)
def drawn_area(geometry: str, half_width_m: float | None) -> Mapping[str, Any]:
    """The area that a stored geometry covers, as GeoJSON; one object for all who ask, so never to be changed."""
    area = outline(shapely.from_geojson(geometry), half_width_m, precision_deg=PRECISION_DEG)
    drawn: Mapping[str, Any] = json.loads(shapely.to_geojson(area))
    return drawn


def gazetteer(every: Iterable[ZoneRevisionRow], in_force: Iterable[ZoneRevisionRow]) -> Gazetteer:
    """The names of all revisions, and the zones in force that a place may be near to."""
    return Gazetteer(
        {row.id: _names(row) for row in every},
        [(_names(row), shapely.from_geojson(row.geometry)) for row in in_force if row.zone.kind in _NAMING_KINDS],
    )


def centrelines(rows: Iterable[ZoneRevisionRow]) -> list[Centreline]:
    """The roads and corridors that are lines."""
    return [
        Centreline(_LINE_KINDS[row.zone.kind], shapely.from_geojson(row.geometry), row.half_width_m)
        for row in rows
        if row.zone.kind in _LINE_KINDS and row.half_width_m is not None
    ]


def _names(row: ZoneRevisionRow) -> Names:
    return Names(zh=row.name_zh, en=row.name_en)


def _feature(row: ZoneRevisionRow, *, centreline: bool) -> dict[str, Any]:
    half_width_m = None if centreline else row.half_width_m
    return {
        "type": "Feature",
        "id": row.zone.zone_id,
        "geometry": drawn_area(row.geometry, half_width_m),
        "properties": {
            "id": row.zone.zone_id,
            "kind": row.zone.kind,
            "names": _names(row).fields(),
            "band": _band(row),
            "half_width_m": row.half_width_m,
            "speed_limit_mps": row.speed_limit_mps,
            "schedule": row.schedule,
            "authority": row.authority,
            "starts_at_ms": row.starts_at_ms,
        },
    }


def _band(row: ZoneRevisionRow) -> dict[str, Any] | None:
    if row.band_lower is None and row.band_upper is None:
        return None
    return {"lower": row.band_lower, "upper": row.band_upper, "datum": row.band_datum, "unit": row.band_unit}
