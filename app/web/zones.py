"""The zones in force over HTTP, for drawing them: the same for staff and public."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, request

from app.live.places import zone_features
from app.web.runtime import runtime

zones_api = Blueprint("api_zones", __name__, url_prefix="/api/v1")

_MAX_AGE_SECONDS = 10


@zones_api.get("/zones")
def zones() -> Response:
    """GeoJSON areas; `?centreline=1` gives lines as lines."""
    return _answer("private")


@zones_api.get("/public/zones")
def public_zones() -> Response:
    """The same without a login."""
    return _answer("public")


def zones_now() -> dict[str, Any]:
    """The zones as these endpoints give them, for a page that is rendered here."""
    with runtime().reading() as database:
        return zone_features(database, runtime().clock())


def _answer(audience: str) -> Response:
    with runtime().reading() as database:
        found = zone_features(database, runtime().clock(), centreline=request.args.get("centreline") == "1")
    answer = Response(msgspec.json.encode(found), mimetype="application/geo+json")
    answer.headers["Cache-Control"] = f"{audience}, max-age={_MAX_AGE_SECONDS}"
    return answer
