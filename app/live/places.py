"""Zones as maps and people know them: the areas that they cover, their names, their centre lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import shapely

from app.live.gazetteer import Gazetteer
from app.live.snapping import Centreline
from app.live.things import Names, Place
from app.models import ZoneRevisionRow
from geofences.drawing import outline
from geofences.zones import ZoneKind
from telemetry.samples import VehicleKind

#: Which lines the public's positions are snapped to.
_LINE_KINDS = {ZoneKind.TEST_ROAD: VehicleKind.ROAD, ZoneKind.AIR_CORRIDOR: VehicleKind.AIR}

#: Zones that people name a place by.
_NAMING_KINDS = frozenset({ZoneKind.TEST_ROAD, ZoneKind.TEST_AREA, ZoneKind.AIR_CORRIDOR, ZoneKind.VERTIPORT})

#: Of drawn outlines, in degrees (0.1 m).
PRECISION_DEG = 1e-6


def area_text(geometry: str, half_width_m: float | None) -> str:
    """The area that a stored geometry covers, as GeoJSON text; without a half width what was drawn."""
    return shapely.to_geojson(outline(shapely.from_geojson(geometry), half_width_m, precision_deg=PRECISION_DEG))


@lru_cache(maxsize=1_024)
def drawn_area(geometry: str, half_width_m: float | None) -> Mapping[str, Any]:
    """The same as an object; one for all who ask, so never to be changed."""
    drawn: Mapping[str, Any] = json.loads(area_text(geometry, half_width_m))
    return drawn


def gazetteer(every: Iterable[ZoneRevisionRow], in_force: Iterable[ZoneRevisionRow]) -> Gazetteer:
    """The names of all revisions, and the zones in force that a place may be near to."""
    return Gazetteer(
        {row.id: _place(row) for row in every},
        [(_place(row), shapely.from_geojson(row.geometry)) for row in in_force if row.zone.kind in _NAMING_KINDS],
    )


def centrelines(rows: Iterable[ZoneRevisionRow]) -> list[Centreline]:
    """The roads and corridors that are lines."""
    return [
        Centreline(_LINE_KINDS[row.zone.kind], shapely.from_geojson(row.geometry), row.half_width_m)
        for row in rows
        if row.zone.kind in _LINE_KINDS and row.half_width_m is not None
    ]


def _place(row: ZoneRevisionRow) -> Place:
    return Place(row.zone.zone_id, Names(zh=row.name_zh, en=row.name_en))
