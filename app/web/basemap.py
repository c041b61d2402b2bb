"""The plain base map of the city, drawn from a shipped GeoJSON when there is no tile server.

Each feature names what it is in `properties.kind`; map.css gives each kind its colours and, by the
map's zoom, its widths. Roads are drawn twice: a wide casing under all of them, then the carriageway.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import folium
from markupsafe import Markup

from app.web.language import language

#: Areas from the bottom up, then lines, each with the kinds that belong to it.
_AREAS = ("land", "water", "green", "district")
_ROADS = ("road_minor", "road_major")


@cache
def shipped_city() -> Mapping[str, Any]:
    """The base map of the showcase: a FeatureCollection in EPSG:4326."""
    text = files("app.showcase").joinpath("data", "basemap.geojson").read_text("utf-8")
    document: Mapping[str, Any] = json.loads(text)
    return document


def city_layer(city: Mapping[str, Any], *, name: str, show: bool) -> folium.FeatureGroup:
    """The whole base map as one base layer of the layer control."""
    features = city["features"]
    layer = folium.FeatureGroup(name=name, overlay=False, show=show)
    for kind in _AREAS:
        _add(layer, _of_kind(features, kind), f"city city-{kind}")
    for suffix in ("casing", "fill"):
        for kind in _ROADS:
            _add(layer, _of_kind(features, kind), f"city city-{kind} is-{suffix}")
    for feature in _of_kind(features, "place"):
        _label(feature).add_to(layer)
    return layer


def _of_kind(features: Iterable[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [feature for feature in features if feature["properties"]["kind"] == kind]


def _add(layer: folium.FeatureGroup, features: list[Mapping[str, Any]], class_name: str) -> None:
    if not features:
        return
    shapes = [{"type": "Feature", "properties": {}, "geometry": feature["geometry"]} for feature in features]
    folium.GeoJson(
        {"type": "FeatureCollection", "features": shapes},
        style_function=lambda _feature: {"className": class_name},
        interactive=False,
        pane="city",
    ).add_to(layer)


def _label(feature: Mapping[str, Any]) -> folium.Marker:
    lon, lat = feature["geometry"]["coordinates"]
    properties = feature["properties"]
    text = Markup("<span>{}</span>").format(properties[f"name_{language()}"])
    rank = properties.get("rank", "place")
    icon = folium.DivIcon(html=str(text), icon_size=(0, 0), class_name=f"city-label city-label-{rank}")
    return folium.Marker((lat, lon), icon=icon, interactive=False, keyboard=False, pane="city-labels")
