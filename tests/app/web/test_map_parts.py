"""What folium draws: everything that is wanted, and nothing from anywhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.settings import Locale
from app.web.basemap import shipped_city
from app.web.language import install
from app.web.map import DRAWING_ORDER, DrawnMaps, MapParts, TileSource, build_map
from geofences.zones import ZoneKind

pytestmark = pytest.mark.usefixtures("chinese_request")


@pytest.fixture
def chinese_request() -> Iterator[None]:
    app = Flask(__name__)
    install(app, Locale.CHINESE)
    with app.test_request_context("/"):
        yield


def zone(kind: ZoneKind, name: str = "某区") -> dict[str, Any]:
    square = [[113.88, 22.52], [113.89, 22.52], [113.89, 22.53], [113.88, 22.53], [113.88, 22.52]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [square]},
        "properties": {"id": f"z-{kind}", "kind": kind.value, "names": {"zh": name, "en": name}, "band": None},
    }


def drawn(*features: dict[str, Any], tiles: TileSource | None = None) -> MapParts:
    return build_map({"type": "FeatureCollection", "features": list(features)}, shipped_city(), tiles)


def test_every_kind_of_zone_has_a_place_in_the_drawing_order() -> None:
    assert set(DRAWING_ORDER) == set(ZoneKind)


def test_a_layer_for_each_kind_that_there_is() -> None:
    script = drawn(zone(ZoneKind.TEST_ROAD), zone(ZoneKind.RESTRICTED)).script
    control = script[script.index("overlays :") :]
    names = [name.encode().decode("unicode_escape") for name in re.findall(r'"(.*?)" : feature_group', control)]
    assert names == ["测试道路", "禁行区"]


def test_nothing_of_it_is_foreign() -> None:
    parts = drawn(*(zone(kind) for kind in ZoneKind))
    assert all(url.startswith("/") for url in (*parts.scripts, *parts.styles))
    assert not re.search(r"https?:|//[a-z]+\.", parts.html + parts.script)


def test_it_needs_no_inline_style() -> None:
    parts = drawn(zone(ZoneKind.VERTIPORT))
    assert "<style" not in parts.html
    assert "style=" not in parts.html


def test_both_base_maps_with_a_tile_server_and_one_without() -> None:
    assert "L.tileLayer" not in drawn().script
    both = drawn(tiles=TileSource("https://tiles.example/{z}/{x}/{y}.png", "© Example")).script
    base_layers = both[both.index("base_layers :") : both.index("overlays :")]
    assert both.count("L.tileLayer") == 1
    assert len(re.findall(r'" : (tile_layer|feature_group)', base_layers)) == 2


def test_a_name_cannot_end_the_script() -> None:
    assert "</script>" not in drawn(zone(ZoneKind.TEST_ROAD, "</script><b>")).script


@pytest.mark.parametrize("name", ["{{ 7*7 }}", "{{{7*7}}}", "{% x %}", "{# x", "{%raw%}"])
def test_a_name_is_no_template(name: str) -> None:
    """Branca compiles what it has rendered as a template: a name of a zone could run anything in the server."""
    shown = re.search(r'"zh": "([^"]*)"', drawn(zone(ZoneKind.TEST_ROAD, name)).script)
    assert shown is not None
    assert json.loads(f'"{shown[1]}"').replace("\u2060", "") == name


def test_a_map_without_zones_still_shows_the_city() -> None:
    parts = drawn()
    assert "city-water" in parts.script
    assert "fitBounds" not in parts.script


def test_the_view_fits_the_zones() -> None:
    far = replace_corner(zone(ZoneKind.TEST_AREA), [114.0, 22.6])
    assert re.search(r"fitBounds\(\s*\[\[22\.52, 113\.88\], \[22\.6, 114\.0\]\]", drawn(far).script)


def replace_corner(feature: dict[str, Any], corner: list[float]) -> dict[str, Any]:
    feature["geometry"]["coordinates"][0][2] = corner
    return feature


def test_a_map_is_drawn_again_only_when_its_zones_change() -> None:
    maps, city = DrawnMaps(None), shipped_city()
    road = zone(ZoneKind.TEST_ROAD) | {"id": "z-1"}
    first = maps.draw({"features": [road], "generated_at_ms": 1}, city)
    assert maps.draw({"features": [road | {}], "generated_at_ms": 2}, city) is first
    renamed = zone(ZoneKind.TEST_ROAD, "新名") | {"id": "z-1"}
    again = maps.draw({"features": [renamed]}, city)
    assert again is not first
    assert json.dumps("新名") in again.script
