"""The map as folium draws it: base maps, zones, legend and layer control, without anything foreign.

folium's own page is not used: its head links content delivery networks and carries inline styles.
`build_map` returns the parts that our template puts together under a strict content policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import folium
from branca.element import Element, Figure, MacroElement
from flask_babel import gettext as _
from folium.template import Template
from folium.utilities import JsCode
from markupsafe import Markup

from app.web import basemap
from app.web.language import language
from app.web.page_text import zone_kind_names
from geofences.zones import ZoneKind

#: A GeoJSON FeatureCollection in EPSG:4326, lon then lat.
FeatureCollection = Mapping[str, Any]

ASSET_SCRIPTS = (
    "/assets/leaflet/leaflet.js",
    "/assets/jquery/jquery.min.js",
    "/assets/bootstrap/js/bootstrap.bundle.min.js",
    "/static/js/zones.js",
)
ASSET_STYLES = (
    "/assets/leaflet/leaflet.css",
    "/assets/bootstrap/css/bootstrap.min.css",
    "/assets/font-awesome/css/all.min.css",
)

#: From the bottom up: what matters most is drawn last.
DRAWING_ORDER = (
    ZoneKind.TEST_AREA,
    ZoneKind.TEST_ROAD,
    ZoneKind.AIR_CORRIDOR,
    ZoneKind.VERTIPORT,
    ZoneKind.SPEED_LIMIT,
    ZoneKind.RESTRICTED,
)

#: How a Jinja tag begins. branca compiles the script that it has rendered, data and all, as a template.
_TAG_BEGINS = re.compile(r"\{(?=[{%#])")
_WORD_JOINER = "\u2060"

_QIANHAI = (22.5300, 113.8960)
_START_ZOOM = 14
_CLOSEST_ZOOM = 19
_FARTHEST_ZOOM = 12


@dataclass(frozen=True, slots=True)
class TileSource:
    """A raster base map: Leaflet address template and attribution, from the settings."""

    url: str
    attribution: str


@dataclass(frozen=True, slots=True)
class MapParts:
    """A drawn map: links for the head, markup for the body, a script that needs the page's nonce.

    `bounds` are those of its zones, south-west and north-east as [lat, lon]; None without zones.
    """

    scripts: tuple[str, ...]
    styles: tuple[str, ...]
    html: Markup
    script: Markup
    bounds: list[list[float]] | None


class DrawnMaps:
    """The newest drawing in each language: zones change rarely, and drawing them costs far more than the page."""

    def __init__(self, tiles: TileSource | None, *, fits_zones: bool = True) -> None:
        self._tiles = tiles
        self._fits_zones = fits_zones
        self._drawn: dict[str, tuple[Sequence[Any], MapParts]] = {}

    def draw(self, zones: FeatureCollection, city: FeatureCollection) -> MapParts:
        """As `build_map`; drawn anew when the zones are not those of the last time."""
        features = zones["features"]
        known = self._drawn.get(language())
        if known is None or known[0] != features:
            known = (features, build_map(zones, city, self._tiles, fits_zones=self._fits_zones))
            self._drawn[language()] = known
        return known[1]


class _LocalMap(folium.Map):
    """folium's map with every library from this server; awesome-markers and glyphicons are left out."""

    default_js = [(url, url) for url in ASSET_SCRIPTS]  # noqa: RUF012 -- folium declares them as class attributes
    default_css = [(url, url) for url in ASSET_STYLES]  # noqa: RUF012 -- folium reads it from the class


class _Handover(MacroElement):
    """Gives the finished map to the live layer and puts the page's legend on it."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            window.pilotageMap = {{ this._parent.get_name() }};
            pilotage.furnish(window.pilotageMap);
        {% endmacro %}
        """
    )


def build_map(
    zones: FeatureCollection, city: FeatureCollection, tiles: TileSource | None, *, fits_zones: bool = True
) -> MapParts:
    """Draw `zones` (properties as /api/v1/public/zones gives them) over the base maps, in the request's language.

    `city` is the plain base map (app.web.basemap); with `tiles` it is offered beside them. Without
    `fits_zones` the page's own scripts choose what is seen.
    """
    drawn = _LocalMap(
        location=_QIANHAI,
        zoom_start=_START_ZOOM,
        min_zoom=_FARTHEST_ZOOM,
        max_zoom=_CLOSEST_ZOOM,
        tiles=None,
        zoom_control="bottomright",
        zoom_snap=0.5,
        attribution_control=False,
    )
    for pane, z_index in (("city", 250), ("city-labels", 450), ("vehicles", 620)):
        folium.map.CustomPane(pane, z_index=z_index, pointer_events=pane == "vehicles").add_to(drawn)
    if tiles is not None:
        folium.TileLayer(tiles.url, attr=tiles.attribution or " ", name=_("Tile map"), max_zoom=_CLOSEST_ZOOM).add_to(
            drawn
        )
    basemap.city_layer(city, name=_("City plan"), show=tiles is None).add_to(drawn)
    for layer in _zone_layers(inert(zones["features"])):
        layer.add_to(drawn)
    folium.LayerControl(position="topright", collapsed=True).add_to(drawn)
    bounds = zones_bounds(zones["features"])
    if bounds is not None and fits_zones:
        drawn.fit_bounds(bounds, padding=(24, 24))
    drawn.add_child(_Handover())  # type: ignore[no-untyped-call]  # branca has no annotations here
    return _parts(drawn, bounds)


def _zone_layers(features: Sequence[Mapping[str, Any]]) -> Iterable[folium.FeatureGroup]:
    names = zone_kind_names()
    for kind in DRAWING_ORDER:
        members = [feature for feature in features if feature["properties"]["kind"] == kind]
        if not members:
            continue
        group = folium.FeatureGroup(name=names[kind])
        folium.GeoJson(
            {"type": "FeatureCollection", "features": members},
            style_function=_zone_style,
            on_each_feature=JsCode("pilotage.describeZone"),
            smooth_factor=0.5,
        ).add_to(group)
        yield group


def inert(data: Any) -> Any:
    """The same data with an invisible character in each `{{`, `{%` and `{#` of its texts: no template any more."""
    if isinstance(data, str):
        return _TAG_BEGINS.sub("{" + _WORD_JOINER, data)
    if isinstance(data, Mapping):
        return {inert(name): inert(value) for name, value in data.items()}
    return [inert(part) for part in data] if isinstance(data, list | tuple) else data


def _zone_style(feature: Mapping[str, Any]) -> dict[str, Any]:
    """Colours are in map.css; only the hatching must be named here, a fill of the page's own drawings."""
    kind = feature["properties"]["kind"]
    style: dict[str, Any] = {"className": f"zone zone-{kind}"}
    if kind == ZoneKind.RESTRICTED:
        style |= {"fillColor": "url(#hatch-restricted)", "fillOpacity": 1.0}
    return style


def zones_bounds(features: Iterable[Mapping[str, Any]]) -> list[list[float]] | None:
    """South-west and north-east corner as folium wants them: [lat, lon]."""
    points = [point for feature in features for point in _points(feature["geometry"]["coordinates"])]
    if not points:
        return None
    lons, lats = zip(*points, strict=True)
    return [[min(lats), min(lons)], [max(lats), max(lons)]]


def _points(coordinates: Sequence[Any]) -> Iterable[tuple[float, float]]:
    if isinstance(coordinates[0], int | float):
        yield (coordinates[0], coordinates[1])
        return
    for part in coordinates:
        yield from _points(part)


def _parts(drawn: folium.Map, bounds: list[list[float]] | None) -> MapParts:
    figure = drawn.get_root()
    assert isinstance(figure, Figure)
    figure.render()
    return MapParts(
        scripts=ASSET_SCRIPTS,
        styles=ASSET_STYLES,
        html=_markup(figure.html),
        script=_markup(figure.script),
        bounds=bounds,
    )


def _markup(element: Element) -> Markup:
    # folium escapes the data in it: JSON with <, > and & as \\u sequences.
    return Markup(element.render())  # noqa: S704 -- folium escaped it, and `inert` what people wrote
