"""The plain base map of the city, shipped as GeoJSON, for when there is no tile server.

Each feature names what it is in `properties.kind`; static/js/city.js draws it, and map.css gives each
kind its colours and, by the map's zoom, its widths.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files

from flask import Response, url_for

from app.web.kept import kept_answer

_MAX_AGE_SECONDS = 86_400


def city_url() -> str:
    """Where the base map is; the address changes with it."""
    _body, _zipped, tag = _shipped()
    return url_for("pages.city_plan", v=tag)


def city_plan() -> Response:
    """The base map: a FeatureCollection in EPSG:4326."""
    body, zipped, tag = _shipped()
    keep = f"public, max-age={_MAX_AGE_SECONDS}"
    return kept_answer(body, zipped, tag, media_type="application/geo+json", cache_control=keep)


@cache
def _shipped() -> tuple[bytes, bytes, str]:
    body = files("app.showcase").joinpath("data", "basemap.geojson").read_bytes()
    return body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:16]
