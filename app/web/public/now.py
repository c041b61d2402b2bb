"""The live map in words: for screen readers, and for whoever would rather read."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, make_response, render_template, request
from flask_babel import gettext as _

from app.public.now import now
from app.public.places import places
from app.schemas.public import OpenAlert, PublicNow
from app.web.findings_text import FINDING_TEXTS
from app.web.language import language
from app.web.page_text import severity_names
from app.web.public.blueprint import name_in, public_pages, registry_now
from app.web.public.lists import place_url
from app.web.runtime import runtime
from telemetry.findings import Severity

#: How often the page looks again, for those who ask for it.
REFRESH_SECONDS = 30


@public_pages.get("/map/text")
def map_text() -> Response:
    """Counts by place and the open alerts in words; `?refresh=1` looks again by itself."""
    seen = public_now()
    is_refreshing = request.args.get("refresh") == "1"
    answer = make_response(
        render_template(
            "public/map_text.html",
            seen=seen,
            busy=[area for area in seen.areas if area.road or area.air],
            quiet=[area for area in seen.areas if area.place and not area.road and not area.air],
            alerts=[_words(alert) for alert in seen.alerts],
            is_refreshing=is_refreshing,
            refresh_s=REFRESH_SECONDS,
            name_in=name_in,
            place_url=place_url,
        ),
        HTTPStatus.OK,
    )
    answer.headers["Cache-Control"] = "no-store"
    if is_refreshing:
        answer.headers["Refresh"] = str(REFRESH_SECONDS)
    return answer


def public_now() -> PublicNow:
    """The public view counted by place."""
    state = runtime()
    with state.reading() as session:
        drawn = places(session, registry_now(), state.clock())
    return now(state.live.public, drawn, state.settings.public_snap_m)


def _words(alert: OpenAlert) -> dict[str, object]:
    wordings = {finding.code: text.wording(language()).name for finding, text in FINDING_TEXTS.items()}
    return {
        "title": wordings[alert.finding],
        "severity": alert.severity,
        "severity_name": severity_names()[Severity(alert.severity)],
        "kind": _("Self-driving car") if alert.kind == "road" else _("eVTOL aircraft"),
        "place": name_in(alert.place) if alert.place else "",
        "opened_at_ms": alert.opened_at_ms,
    }
