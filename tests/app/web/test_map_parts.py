"""What folium draws: everything that is wanted, and nothing from anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from app.settings import Locale
from app.web.language import install
from app.web.map import DRAWING_ORDER, DrawnMaps, MapParts, TileSource, build_map
from geofences.zones import ZoneKind

pytestmark = pytest.mark.usefixtures("chinese_request")

BOUNDS = [[22.52, 113.88], [22.6, 114.0]]


@pytest.fixture
def chinese_request() -> Iterator[None]:
    app = Flask(__name__)
    install(app, Locale.CHINESE)
    with app.test_request_context("/"):
        yield


def drawn(*kinds: ZoneKind, tiles: TileSource | None = None) -> MapParts:
    return build_map(kinds, BOUNDS if kinds else None, tiles)


def test_every_kind_of_zone_has_a_place_in_the_drawing_order() -> None:
    assert set(DRAWING_ORDER) == set(ZoneKind)


def test_a_layer_for_each_kind_that_there_is() -> None:
    script = drawn(ZoneKind.RESTRICTED, ZoneKind.TEST_ROAD).script
    control = script[script.index("overlays :") :]
    names = [name.encode().decode("unicode_escape") for name in re.findall(r'"(.*?)" : feature_group', control)]
    assert names == ["测试道路", "禁行区"]


def test_the_layers_are_handed_over_by_their_kinds_in_the_drawing_order() -> None:
    script = drawn(*ZoneKind).script
    handed = script[script.index("pilotage.furnish(") :]
    assert re.findall(r"(\w+): feature_group", handed) == [kind.value for kind in DRAWING_ORDER]


def test_nothing_of_it_is_foreign() -> None:
    parts = drawn(*ZoneKind)
    assert all(url.startswith("/") for url in (*parts.scripts, *parts.styles))
    assert not re.search(r"https?:|//[a-z]+\.", parts.html + parts.script)


def test_it_needs_no_inline_style() -> None:
    parts = drawn(ZoneKind.VERTIPORT)
    assert "<style" not in parts.html
    assert "style=" not in parts.html


def test_both_base_maps_with_a_tile_server_and_one_without() -> None:
    assert "L.tileLayer" not in drawn().script
    both = drawn(tiles=TileSource("https://tiles.example/{z}/{x}/{y}.png", "© Example")).script
    base_layers = both[both.index("base_layers :") : both.index("overlays :")]
    assert both.count("L.tileLayer") == 1
    assert len(re.findall(r'" : (tile_layer|feature_group)', base_layers)) == 2


def test_a_map_without_zones_shows_where_the_city_is() -> None:
    assert "fitBounds" not in drawn().script


def test_the_view_fits_the_zones() -> None:
    assert re.search(r"fitBounds\(\s*\[\[22\.52, 113\.88\], \[22\.6, 114\.0\]\]", drawn(ZoneKind.TEST_AREA).script)


def test_a_map_is_drawn_again_only_when_it_would_be_another() -> None:
    maps = DrawnMaps(None)
    first = maps.draw([ZoneKind.TEST_ROAD], BOUNDS)
    assert maps.draw([ZoneKind.TEST_ROAD], [list(corner) for corner in BOUNDS]) is first
    assert maps.draw([ZoneKind.TEST_ROAD, ZoneKind.RESTRICTED], BOUNDS) is not first
