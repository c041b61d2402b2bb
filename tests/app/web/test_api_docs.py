"""docs/api.md names every route that a program may call."""

from __future__ import annotations

from pathlib import Path

from app.models import Role
from tests.app.web.cast import City

DOCS = Path(__file__).parents[3] / "docs" / "api.md"


def test_every_route_of_the_api_is_described(city: City) -> None:
    text = DOCS.read_text(encoding="utf-8")
    described = {"health", "live", "alerts", "zones"}
    for rule in city.app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in described:
            method = "POST" if "POST" in (rule.methods or ()) else "GET"
            assert f"`{method} {rule}`" in text, rule


def test_every_field_of_the_live_picture_is_described(city: City) -> None:
    text = DOCS.read_text(encoding="utf-8")
    city.observe("NORTH-R1")
    city.store_alert("NORTH-R1")
    city.feed().step()
    city.time.pass_ms(30_000)
    for path in ("/api/v1/live", "/api/v1/public/live"):
        headers = {} if "public" in path else city.bearer(Role.REGULATOR)
        document = city.client().get(path, headers=headers).get_json(force=True)
        for field in (*document["features"][0]["properties"], *document["alerts"][0]):
            assert f"`{field}`" in text, field
