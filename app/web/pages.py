"""The pages: public map, staff map, login, about, and the switch of language."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from markupsafe import Markup

from app.live.atlas import ZonePicture
from app.settings import Locale, Settings
from app.web.basemap import city_plan, city_url
from app.web.findings_text import FINDING_TEXTS
from app.web.language import language, remember_language
from app.web.login_pages import login_page
from app.web.map import DrawnMaps, MapParts, TileSource
from app.web.next_steps import Step
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

    `zones` gives the picture of the zones in force now, `next_steps` what a new operator does next,
    `illustrative` whether the showcase is seeded, `csrf_token` the token of the login form, and
    `nonce` that of the request's content security policy.
    """

    zones: Callable[[], ZonePicture]
    viewer: Callable[[], Viewer | None]
    next_steps: Callable[[], Sequence[Step]]
    illustrative: Callable[[], bool]
    csrf_token: Callable[[], str]
    nonce: Callable[[], str]


def create_pages(settings: Settings, sources: PageSources) -> Blueprint:
    """The blueprint `pages`: public_map, staff_map, city_plan, login, about and language."""
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

    def map_page(*, staff: bool) -> str:
        zones = sources.zones()
        steps = sources.next_steps() if staff else ()
        return _map_page(maps.draw(zones.kinds, zones.bounds), settings, staff=staff, steps=steps)

    @pages.get("/")
    def public_map() -> str:
        return map_page(staff=False)

    @pages.get("/staff")
    def staff_map() -> str:
        return map_page(staff=True)

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


def _map_page(drawn: MapParts, settings: Settings, *, staff: bool, steps: Sequence[Step]) -> str:
    prefix = "/api/v1" if staff else "/api/v1/public"
    data = {
        "audience": "staff" if staff else "public",
        "language": language(),
        "locale": "zh-CN" if language() == "zh" else "en-GB",
        "urls": {
            "live": f"{prefix}/live",
            "stream": f"{prefix}/live/stream",
            "city": city_url(),
            "zones": f"{prefix}/zones",
            "centrelines": f"{prefix}/zones?centreline=1",
            "login": url_for("pages.login", next=url_for("pages.staff_map")),
        },
        "text": script_text(),
        "findings": finding_text(language()),
    }
    return render_template(
        "map.html",
        staff=staff,
        steps=steps,
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
