"""The zones in force over HTTP, for drawing them: the same for staff and public."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from app.schemas.base import Schema
from app.schemas.zone_features import ZoneCollection
from app.web.api.base import OPEN, PREFIX, Problem, Responses, api_blueprint, media
from app.web.kept import kept_answer
from app.web.runtime import runtime

zones_in_force_api = api_blueprint("zones", "Roads, corridors and other places.", PREFIX)

_GEOJSON = "application/geo+json"
_RESPONSES: Responses = {"200": media(ZoneCollection, _GEOJSON), "422": Problem}


class DrawingQuery(Schema):
    """How to draw lines."""

    centreline: Annotated[bool, Field(description="lines as lines, not widened by their half width")] = False


@zones_in_force_api.get("/zones", responses=_RESPONSES)
def zones(query: DrawingQuery) -> Response:
    """The zones in force as GeoJSON areas, with an ETag: whoever sends it again is told 304 until they change."""
    return _answer(query, "private")


@zones_in_force_api.get("/public/zones", responses=_RESPONSES, security=OPEN)
def public_zones(query: DrawingQuery) -> Response:
    """The same without a login."""
    return _answer(query, "public")


def _answer(query: DrawingQuery, audience: str) -> Response:
    with runtime().reading() as database:
        drawn = runtime().atlas.picture(database, runtime().clock(), centreline=query.centreline)
    # Kept by the browser and asked about each time: what has just been published is on the next page.
    keep = f"{audience}, no-cache"
    return kept_answer(drawn.body, drawn.zipped, drawn.tag, media_type=_GEOJSON, cache_control=keep)
