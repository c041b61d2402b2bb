"""The map as folium draws it: base maps, an empty layer for each kind of zone, layer control, nothing foreign.

folium's own page is not used: its head links content delivery networks and carries inline styles.
`build_map` returns the parts that our template puts together under a strict content policy. The city
plan and the zones are fetched by the browser (static/js/zones.js), which keeps them from page to page.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import folium
from branca.element import Element, Figure, MacroElement
from flask_babel import gettext as _
from folium.template import Template
from markupsafe import Markup

from app.live.atlas import Bounds
from app.web.language import language
from app.web.page_text import zone_kind_names
from geofences.zones import ZoneKind

ASSET_SCRIPTS = (
    "/assets/leaflet/leaflet.js",
    "/assets/jquery/jquery.min.js",
    "/assets/bootstrap/js/bootstrap.bundle.min.js",
    "/static/js/city.js",
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

#: What lies between Leaflet's own panes, by its height: shapes of the page itself are above the zones.
_PANES = {"city": 250, "zones": 350, "city-labels": 450, "vehicles": 620}
_TOUCHED_PANES = frozenset({"zones", "vehicles"})

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
    """A drawn map: links for the head, markup for the body, a script that needs the page's nonce."""

    scripts: tuple[str, ...]
    styles: tuple[str, ...]
    html: Markup
    script: Markup


class DrawnMaps:
    """The newest drawing in each language: it hardly ever changes, and costs more than the page around it."""

    def __init__(self, tiles: TileSource | None, *, fits_zones: bool = True) -> None:
        self._tiles = tiles
        self._fits_zones = fits_zones
        self._drawn: dict[str, tuple[object, MapParts]] = {}

    def draw(self, kinds: Collection[ZoneKind], bounds: Bounds | None) -> MapParts:
        """As `build_map`; drawn anew when the kinds of zones or their bounds are not those of the last time."""
        shown = (frozenset(kinds), bounds)
        known = self._drawn.get(language())
        if known is None or known[0] != shown:
            known = (shown, build_map(kinds, bounds if self._fits_zones else None, self._tiles))
            self._drawn[language()] = known
        return known[1]


class _LocalMap(folium.Map):
    """folium's map with every library from this server; awesome-markers and glyphicons are left out."""

    default_js = [(url, url) for url in ASSET_SCRIPTS]  # noqa: RUF012 -- folium declares them as class attributes
    default_css = [(url, url) for url in ASSET_STYLES]  # noqa: RUF012 -- folium reads it from the class


class _Handover(MacroElement):
    """Gives the finished map and its empty layers to the scripts that fill them and put the legend on it."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            window.pilotageMap = {{ this._parent.get_name() }};
            pilotage.furnish(window.pilotageMap, {{ this.city.get_name() }}, {
                {% for kind, layer in this.zones.items() %}{{ kind }}: {{ layer.get_name() }},
                {% endfor %}
            });
        {% endmacro %}
        """
    )

    def __init__(self, city: folium.FeatureGroup, zones: dict[ZoneKind, folium.FeatureGroup]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # branca has no annotations here
        self.city = city
        self.zones = {kind.value: layer for kind, layer in zones.items()}


def build_map(kinds: Collection[ZoneKind], bounds: Bounds | None, tiles: TileSource | None) -> MapParts:
    """A map with a layer for each of the kinds of zones, in the request's language.

    The plain base map is the only one, or with `tiles` offered beside them. Without `bounds` the
    page's own scripts choose what is seen.
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
    for pane, z_index in _PANES.items():
        folium.map.CustomPane(pane, z_index=z_index, pointer_events=pane in _TOUCHED_PANES).add_to(drawn)
    if tiles is not None:
        folium.TileLayer(tiles.url, attr=tiles.attribution or " ", name=_("Tile map"), max_zoom=_CLOSEST_ZOOM).add_to(
            drawn
        )
    city = folium.FeatureGroup(name=_("City plan"), overlay=False, show=tiles is None)
    names = zone_kind_names()
    zones = {kind: folium.FeatureGroup(name=names[kind]) for kind in DRAWING_ORDER if kind in kinds}
    for layer in (city, *zones.values()):
        layer.add_to(drawn)
    folium.LayerControl(position="topright", collapsed=True).add_to(drawn)
    if bounds is not None:
        drawn.fit_bounds(bounds, padding=(24, 24))
    drawn.add_child(_Handover(city, zones))
    return _parts(drawn)


def _parts(drawn: folium.Map) -> MapParts:
    figure = drawn.get_root()
    assert isinstance(figure, Figure)
    figure.render()
    return MapParts(
        scripts=ASSET_SCRIPTS, styles=ASSET_STYLES, html=_markup(figure.html), script=_markup(figure.script)
    )


def _markup(element: Element) -> Markup:
    return Markup(element.render())  # noqa: S704 -- nothing in it was written by people
