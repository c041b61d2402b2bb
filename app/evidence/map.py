"""The map of a bundle: folium's, with everything in the page itself, and the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

import folium
import shapely
from branca.element import Element, Figure
from markupsafe import Markup
from shapely.geometry.base import BaseGeometry

from app.documents.wording import Words
from app.evidence.content import Content
from app.evidence.track import Row, value_of
from app.live.places import drawn_area

#: Around the tracks, in degrees: what the city plan shows of the city.
_AROUND_DEG = 0.02
_CLOSEST_ZOOM = 19
_MOST_POINTS = 2_000


@dataclass(frozen=True, slots=True)
class MapParts:
    """Markup for the body, and the script that fills it; Leaflet must be there before."""

    html: Markup
    script: Markup


class _BareMap(folium.Map):
    """folium's map without the libraries of its head: the page has what is needed."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 -- folium declares them as class attributes
    default_css: list[tuple[str, str]] = []  # noqa: RUF012 -- folium reads it from the class


def drawn_map(content: Content, shown_as: dict[int, Words]) -> MapParts:
    """Zones, the way of the vehicle, and those near it; `shown_as` is what the others are called."""
    rows = content.tracks.own
    first = rows[len(rows) // 2] if rows else None
    place = (value_of(first, "lat"), value_of(first, "lon")) if first else (0.0, 0.0)
    drawn = _BareMap(
        location=place, zoom_start=17, max_zoom=_CLOSEST_ZOOM, tiles=None, attribution_control=False, zoom_snap=0.5
    )
    for features, prefix in ((_city(rows), "city city-"), (_zones(content.record.zones), "zone zone-")):
        for feature in features:
            _add(drawn, feature, prefix)
    for key, others in content.tracks.neighbours.items():
        _line(others, "track is-other").add_to(drawn).add_child(folium.Tooltip(_said(shown_as[key])))
    if rows:
        _line(rows, "track is-own").add_to(drawn)
        for row, kind in _marked(content):
            _point(row, kind).add_to(drawn)
        drawn.fit_bounds(_bounds(rows), padding=(40, 40), max_zoom=18)
    return _parts(drawn)


def _add(drawn: folium.Map, feature: dict[str, Any], prefix: str) -> None:
    kind = feature["properties"]["kind"]
    layer = folium.GeoJson(feature, style_function=lambda _: {"className": f"{prefix}{kind}"}, interactive=True)
    if feature["properties"].get("label"):
        layer.add_child(folium.GeoJsonTooltip(fields=["label"], labels=False, sticky=True))
    layer.add_to(drawn)


def _zones(zones: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Their areas with their names; what people wrote is no markup."""
    for number, zone in enumerate(zones):
        terms = zone["properties"]
        label = f"{escape(terms['zone'])}<br>{escape(terms['name_zh'])}<br>{escape(terms['name_en'])}"
        area = dict(drawn_area(json.dumps(zone["geometry"]), terms["half_width_m"]))  # one for all: copied
        yield _feature(f"z{number}", area, terms["kind"], label)


def _city(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """The city plan around the track, one feature for each kind of thing."""
    if not rows:
        return
    (south, west), (north, east) = _bounds(rows)
    around = shapely.box(west - _AROUND_DEG, south - _AROUND_DEG, east + _AROUND_DEG, north + _AROUND_DEG)
    plan = json.loads(files("app.showcase").joinpath("data", "basemap.geojson").read_text("utf-8"))
    for kind in ("land", "water", "green", "road_minor", "road_major"):
        shapes = [_geometry(each) for each in plan["features"] if each["properties"]["kind"] == kind]
        seen: BaseGeometry = shapely.intersection(shapely.union_all(shapes), around)
        if not seen.is_empty:
            yield _feature(kind, json.loads(shapely.to_geojson(shapely.set_precision(seen, 1e-6))), kind, "")


def _geometry(feature: dict[str, Any]) -> BaseGeometry:
    found: BaseGeometry = shapely.from_geojson(json.dumps(feature["geometry"]))
    return found


def _feature(name: str, geometry: dict[str, Any], kind: str, label: str) -> dict[str, Any]:
    return {"type": "Feature", "id": name, "properties": {"kind": kind, "label": label}, "geometry": geometry}


def _line(rows: Sequence[Row], name: str) -> folium.PolyLine:
    step = max(1, len(rows) // _MOST_POINTS)
    places = [(value_of(row, "lat"), value_of(row, "lon")) for row in rows[::step]]
    return folium.PolyLine(places, class_name=name, weight=4)  # type: ignore[no-untyped-call]  # it has no annotations


def _marked(content: Content) -> Iterator[tuple[Row, str]]:
    """Where something was found; where the vehicle was at first, at the moment, and at last."""
    rows, moment_ms = content.tracks.own, content.scope.moment_ms
    found = [row for row in rows if value_of(row, "verdict")]
    for row in found[:: max(1, len(found) // _MOST_POINTS)]:
        yield row, "is-found"
    yield rows[0], "is-first"
    yield rows[-1], "is-last"
    yield min(rows, key=lambda row: abs(value_of(row, "timestamp_ms") - moment_ms)), "is-moment"


def _point(row: Row, kind: str) -> folium.CircleMarker:
    radius = 8 if kind == "is-moment" else 4
    return folium.CircleMarker((value_of(row, "lat"), value_of(row, "lon")), radius=radius, class_name=f"point {kind}")


def _bounds(rows: Sequence[Row]) -> tuple[tuple[float, float], tuple[float, float]]:
    lon, lat = ([value_of(row, name) for row in rows] for name in ("lon", "lat"))
    return (min(lat), min(lon)), (max(lat), max(lon))


def _said(words: Words) -> str:
    return escape(words.zh if words.zh == words.en else f"{words.zh} / {words.en}")


def _parts(drawn: folium.Map) -> MapParts:
    figure = drawn.get_root()
    assert isinstance(figure, Figure)
    for number, element in enumerate(_all_of(figure)):
        element._id = f"{number:04d}"  # noqa: SLF001 -- by chance otherwise: the same content gives the same bytes
    figure.render()
    return MapParts(html=_markup(figure.html), script=_markup(figure.script))


def _all_of(element: Element) -> Iterator[Element]:
    yield element
    for child in element._children.values():  # noqa: SLF001 -- branca has no other way to its elements
        yield from _all_of(child)


def _markup(element: Element) -> Markup:
    return Markup(element.render())  # noqa: S704 -- labels are escaped above, all else is numbers and our own names
