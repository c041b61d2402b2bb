"""Files of the XStatic packages, and nothing else of the disk."""

from __future__ import annotations

import pytest

from tests.app.web.cast import City


@pytest.mark.parametrize(
    "path",
    [
        "leaflet/leaflet.js",
        "leaflet/leaflet.css",
        "leaflet/images/layers.png",
        "jquery/jquery.min.js",
        "bootstrap/css/bootstrap.min.css",
        "bootstrap/js/bootstrap.bundle.min.js",
        "font-awesome/css/all.min.css",
        "font-awesome/webfonts/fa-solid-900.woff2",
    ],
)
def test_what_the_pages_need_is_served_and_may_be_kept(city: City, path: str) -> None:
    with city.client().get(f"/assets/{path}") as answer:
        assert answer.status_code == 200
        assert len(answer.data) > 100
        assert answer.headers["Cache-Control"].startswith("public, max-age=")
        etag = answer.headers["ETag"]
    with city.client().get(f"/assets/{path}", headers={"If-None-Match": etag}) as answer:
        assert answer.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "leaflet/../__init__.py",
        "leaflet/%2e%2e/__init__.py",
        "leaflet/..%2f..%2f..%2f..%2fapp/settings.py",
        "leaflet//etc/passwd",
        "leaflet/",
        "leaflet/images",
        "leaflet/__init__.py",
        "flask/app.py",
        "../leaflet/leaflet.js",
    ],
)
def test_nothing_else_is_served(city: City, path: str) -> None:
    assert city.client().get(f"/assets/{path}").status_code in {308, 404}
