"""The replay: stored telemetry of a period on the map, as it was."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for

from app.errors import InvalidChange
from app.live.atlas import Bounds
from app.schemas.replay import ReplayView
from app.services.retention import require_present
from app.services.trails import LONGEST_MS, require_period
from app.web.basemap import city_url
from app.web.findings_text import FINDING_TEXTS
from app.web.forms import Form, read_form, with_error
from app.web.language import language
from app.web.map import DrawnMaps, MapParts, TileSource
from app.web.page_text import finding_text, script_text, severity_names
from app.web.replay_text import replay_text
from app.web.runtime import runtime
from geofences.zones import ZoneKind
from telemetry.findings import RULES
from telemetry.thinning import GAP_MS

replay = Blueprint("replay", __name__, url_prefix="/replay")

#: What is shown when a link names no period, or an instant alone.
_USUAL_MS = 1_800_000
_AROUND_MS = 300_000
SPEEDS = (1, 2, 5, 10, 30, 60)


@dataclass(frozen=True, slots=True)
class _Period:
    since_ms: int
    until_ms: int
    at_ms: int


@replay.get("")
def index() -> Response:
    """The period on the map. A link that cannot be shown says why, and offers another period."""
    view, form = read_form(ReplayView, request.args)
    now_ms = runtime().clock()
    period = _period(view or ReplayView(), now_ms)
    try:
        require_period(period.since_ms, period.until_ms)
        with runtime().reading() as session:
            require_present(session, period.since_ms, period.until_ms)
    except InvalidChange as error:
        form = with_error(form, error)
    is_bad = bool(form.problems or form.general)
    if is_bad:
        view, period = None, _period(ReplayView(), now_ms)
    page = render_template(
        "replay/index.html",
        map=_drawn_map(),
        data=_data(view or ReplayView(), period),
        form=Form({**_shown(period), **(form.values if is_bad else {})}, form.problems, form.general),
        period=period,
        speeds=SPEEDS,
        severities=severity_names(),
    )
    return make_response(page, 422 if is_bad else 200)


def _period(view: ReplayView, now_ms: int) -> _Period:
    """The period that is meant: around the instant where there is only one, else the last half hour."""
    since_ms, until_ms, at_ms = view.since_ms, view.until_ms, view.at_ms
    if since_ms is None and until_ms is None:
        if at_ms is None:
            since_ms, until_ms = now_ms - _USUAL_MS, now_ms
        else:
            since_ms, until_ms = max(at_ms - _AROUND_MS, 0), at_ms + _AROUND_MS
    elif since_ms is None:
        since_ms = max((until_ms or 0) - _USUAL_MS, 0)
    elif until_ms is None:
        until_ms = since_ms + _USUAL_MS
    assert until_ms is not None
    begins_ms = since_ms if at_ms is None else at_ms
    return _Period(since_ms, until_ms, min(max(begins_ms, since_ms), until_ms))


def _shown(period: _Period) -> dict[str, Any]:
    """The period in the fields of the form."""
    return {"since_ms": period.since_ms, "until_ms": period.until_ms}


def _data(view: ReplayView, period: _Period) -> dict[str, Any]:
    """What the scripts read."""
    return {
        "audience": "staff",
        "language": language(),
        "locale": "zh-CN" if language() == "zh" else "en-GB",
        "since_ms": period.since_ms,
        "until_ms": period.until_ms,
        "at_ms": period.at_ms,
        "speed": view.speed if view.speed in SPEEDS else 1,
        "vehicle": view.vehicle,
        "view": None if view.lat is None or view.lon is None else [view.lat, view.lon, view.zoom or 15],
        "around": _around(),
        "gap_ms": GAP_MS,
        "severities": {finding.code: RULES[finding].severity for finding in FINDING_TEXTS},
        "urls": {
            "page": url_for(".index"),
            "city": city_url(),
            "zones": url_for("api_replay.zones", at_ms=period.at_ms),
            "past_zones": url_for("api_replay.zones"),
            "section": url_for("api_replay.samples"),
            "alerts": url_for("api_alerts.alerts"),
            "trail": url_for("api_trails.vehicle_trail", vehicle_id="VEHICLE"),
            "vehicle": url_for("vehicles.show", vehicle_id="VEHICLE"),
        },
        "text": script_text() | replay_text(hours=LONGEST_MS // 3_600_000),
        "findings": finding_text(language()),
    }


def _around() -> Bounds | None:
    """What is seen of the map without a view of its own: the zones in force now."""
    with runtime().reading() as session:
        return runtime().atlas.picture(session, runtime().clock()).bounds


def _drawn_map() -> MapParts:
    """A layer for every kind of zone: there may have been others than there are now."""
    settings = runtime().settings
    return _maps(settings.tile_url, settings.tile_attribution).draw(frozenset(ZoneKind), None)


@lru_cache(maxsize=4)
def _maps(tile_url: str | None, attribution: str) -> DrawnMaps:
    return DrawnMaps(TileSource(tile_url, attribution) if tile_url else None, fits_zones=False)
