"""The map under the zone pages: what is in force, and the shapes that the page is about."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import shapely
from flask import url_for
from shapely.geometry.base import BaseGeometry

from app.live.atlas import ZonePicture
from app.live.places import PRECISION_DEG, drawn_area
from app.models import ZoneRevisionRow
from app.web.basemap import city_url
from app.web.language import language
from app.web.map import DrawnMaps, MapParts, TileSource
from app.web.page_text import script_text
from app.web.runtime import runtime
from geofences.drawing import outline


def drawn_map() -> MapParts:
    """Base maps and empty layers for the zones in force, in the request's language."""
    settings, picture = runtime().settings, _picture()
    return _maps(settings.tile_url, settings.tile_attribution).draw(picture.kinds, picture.bounds)


def city_map() -> MapParts:
    """The same, showing all zones in force at first."""
    settings, picture = runtime().settings, _picture()
    return _maps(settings.tile_url, settings.tile_attribution, fits_zones=True).draw(picture.kinds, picture.bounds)


def map_data(**more: Any) -> dict[str, Any]:
    """What the map's scripts read; `around` is shown when there is no shape yet."""
    return {
        "language": language(),
        "text": script_text(),
        "around": _picture().bounds,
        "urls": {
            "city": city_url(),
            "zones": url_for("api_zones.zones"),
            "centrelines": url_for("api_zones.zones", centreline=1),
        },
        **more,
    }


def drawn_revision(row: ZoneRevisionRow, tone: str) -> dict[str, Any]:
    """A revision's outline as a feature; `tone` is the name of its colours."""
    return {"type": "Feature", "properties": {"tone": tone}, "geometry": drawn_area(row.geometry, row.half_width_m)}


def drawn_offers(rows: Iterable[ZoneRevisionRow]) -> dict[str, Any]:
    """Zones to choose from: `ids` of those that the map draws anyway, `others` as features with their names."""
    drawn = _picture().revisions
    ids, others = [], []
    for row in rows:
        if drawn.get(row.zone.zone_id) == row.id:
            ids.append(row.zone.zone_id)
        else:
            properties = {"id": row.zone.zone_id, "names": {"zh": row.name_zh, "en": row.name_en}}
            area = drawn_area(row.geometry, row.half_width_m)
            others.append({"type": "Feature", "properties": properties, "geometry": area})
    return {"ids": ids, "others": others}


def drawn_feature(geometry: BaseGeometry, half_width_m: float | None, **properties: Any) -> dict[str, Any]:
    """The area that a zone covers, as a feature."""
    area = outline(geometry, half_width_m, precision_deg=PRECISION_DEG)
    return {"type": "Feature", "properties": properties, "geometry": json.loads(shapely.to_geojson(area))}


def _picture() -> ZonePicture:
    with runtime().reading() as database:
        return runtime().atlas.picture(database, runtime().clock())


@lru_cache(maxsize=4)
def _maps(tile_url: str | None, attribution: str, *, fits_zones: bool = False) -> DrawnMaps:
    return DrawnMaps(TileSource(tile_url, attribution) if tile_url else None, fits_zones=fits_zones)
