"""The pages: public map, login, about, and the switch of language."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as WerkzeugResponse

from app.live.atlas import ZonePicture
from app.settings import Locale, Settings
from app.web.basemap import city_plan, city_url
from app.web.findings_text import FINDING_TEXTS
from app.web.language import language, remember_language
from app.web.login_pages import login_page
from app.web.map import DrawnMaps, MapParts, TileSource
from app.web.page_text import finding_text, script_text, severity_names, zone_kind_names
from app.web.runtime import runtime
from telemetry.findings import RULES


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is logged in, as far as the header shows it. `role` is the value of the user's role."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class PageSources:
    """What the pages need of the rest of the web edge.

    `zones` gives the picture of the zones in force now, `illustrative` whether the showcase is seeded,
    `csrf_token` the token of the login form, and `nonce` that of the request's content security policy.
    """

    zones: Callable[[], ZonePicture]
    viewer: Callable[[], Viewer | None]
    illustrative: Callable[[], bool]
    csrf_token: Callable[[], str]
    nonce: Callable[[], str]


def create_pages(settings: Settings, sources: PageSources) -> Blueprint:
    """The blueprint `pages`: public_map, city_plan, login, about and language; staff_map leads to the duty screen."""
    pages = Blueprint("pages", __name__)
    tiles = TileSource(settings.tile_url, settings.tile_attribution) if settings.tile_url else None
    maps = DrawnMaps(tiles)

    @pages.app_context_processor
    def page_context() -> dict[str, Any]:
        return {
            "language": language(),
            "html_language": "zh-CN" if language() == "zh" else "en",
            "viewer": sources.viewer(),
            "illustrative": sources.illustrative(),
            "nonce": sources.nonce(),
            "csrf_token": sources.csrf_token,
            "approval_number": settings.map_approval_number,
            "public_delay_s": round(settings.public_delay_s),
            "public_resting": runtime().live.public.is_resting,
        }

    @pages.get("/")
    def public_map() -> str:
        zones = sources.zones()
        return _map_page(maps.draw(zones.kinds, zones.bounds), settings)

    @pages.get("/staff")
    def staff_map() -> WerkzeugResponse:
        return redirect(url_for("duty.index"), code=303)

    pages.add_url_rule("/city-plan.json", "city_plan", city_plan)

    @pages.get("/login")
    def login() -> str:
        return login_page()

    @pages.get("/about")
    def about() -> str:
        findings = [(finding.code, text.wording(language()), RULES[finding]) for finding, text in FINDING_TEXTS.items()]
        return render_template("about.html", findings=findings, severities=severity_names())

    @pages.get("/lang/<code>", endpoint="language")
    def switch_language(code: str) -> Response:
        if code not in set(Locale):
            abort(404)
        answer = make_response(redirect(_page_before(), code=303))
        remember_language(answer, code)
        return answer

    return pages


def _map_page(drawn: MapParts, settings: Settings) -> str:
    data = {
        "language": language(),
        "locale": "zh-CN" if language() == "zh" else "en-GB",
        "urls": {
            "stream": url_for("api_live.public_live_stream"),
            "city": city_url(),
            "zones": url_for("api_zones.public_zones"),
            "centrelines": url_for("api_zones.public_zones", centreline=1),
        },
        "text": script_text(),
        "findings": finding_text(language()),
    }
    return render_template(
        "map.html",
        map=drawn,
        page_data=_embedded_json(data),
        zone_kinds=zone_kind_names(),
        severities=severity_names(),
        tile_attribution=settings.tile_attribution if settings.tile_url else "",
    )


def _embedded_json(data: dict[str, Any]) -> Markup:
    """JSON that can stand inside a script element: nothing in it can end the element."""
    text = json.dumps(data, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 -- escaped just above


def _page_before() -> str:
    """Where the visitor came from, as a path of this server; never another address."""
    before = urlsplit(request.referrer or "")
    if before.netloc != request.host or not before.path.startswith("/") or before.path.startswith("//"):
        return url_for("pages.public_map")
    return before.path + (f"?{before.query}" if before.query else "")
