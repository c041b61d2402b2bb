"""The duty screen: map and alert board side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _

from app.models import User
from app.services.alert_handling import possible_assignees
from app.web import access
from app.web.access import Action
from app.web.csrf import csrf_token
from app.web.desk.zone_maps import city_map, map_data
from app.web.duty_text import duty_text
from app.web.findings_text import FINDING_TEXTS
from app.web.gate import identity
from app.web.language import language
from app.web.next_steps import next_steps
from app.web.page_text import finding_text, severity_names, zone_kind_names
from app.web.runtime import runtime

duty = Blueprint("duty", __name__)

#: A vehicle whose newest sample is older counts as one that does not send.
LOST_AFTER_S = 15
#: Below this a battery is low, per cent.
LOW_BATTERY_PERCENT = 20
#: Stands for an identifier in addresses that scripts fill in.
_HERE = "HERE"
#: What is done next with an alert: endpoints with their arguments, as scripts fill them in.
_NEXT: Mapping[str, Mapping[str, str]] = {
    "directives.new": {"vehicle": "HERE_VEHICLE"},
    "emergencies.new": {"lat": "HERE_LAT", "lon": "HERE_LON"},
    "incidents.new": {"alert": "HERE_ALERT"},
    "incident_openings.new": {"alert_id": "HERE_ALERT"},
    "evidence.new": {"vehicle_id": "HERE_VEHICLE", "moment_ms": "HERE_MOMENT"},
    "replay.index": {"at_ms": "HERE_MOMENT", "vehicle": "HERE_VEHICLE"},
}


@duty.get("/duty")
def index() -> str:
    """The whole screen; `?alert=` chooses an alert, `?vehicle=` a vehicle, `?wall=1` is for a wall."""
    findings = sorted((text.wording(language()).name, finding.code) for finding, text in FINDING_TEXTS.items())
    return render_template(
        "duty/index.html",
        map=city_map(),
        data=map_data(**_page_data()),
        steps=next_steps(),
        wall=request.args.get("wall") == "1",
        findings=findings,
        zone_kinds=zone_kind_names(),
        severities=severity_names(),
        may=_may(),
        tile_attribution=runtime().settings.tile_attribution if runtime().settings.tile_url else "",
    )


def _page_data() -> dict[str, Any]:
    data = map_data()
    here = request.full_path.rstrip("?")
    vehicle_trail = url_for("api_trails.vehicle_trail", vehicle_id=_HERE)
    return {
        "audience": "staff",
        "locale": "zh-CN" if language() == "zh" else "en-GB",
        "findings": finding_text(language()),
        "text": duty_text(),
        "csrf": csrf_token(),
        "me": identity().user_id,
        "may": _may(),
        "people": _people(),
        "lost_after_s": LOST_AFTER_S,
        "low_battery_percent": LOW_BATTERY_PERCENT,
        "separation": _minima(),
        "urls": data["urls"]
        | {
            "live": url_for("api_live.live"),
            "stream": url_for("api_live.live_stream"),
            "login": url_for("pages.login", next=here),
            "alerts": url_for("api_alerts.alerts"),
            "filters": url_for("api_saved-filters.filters"),
            "trail": vehicle_trail,
            "vehicle": url_for("vehicles.show", vehicle_id=_HERE),
        },
        "next": _next(),
    }


def _minima() -> dict[str, float]:
    """What is too close in the air, in metres."""
    settings = runtime().settings
    return {"horizontal_m": settings.separation_horizontal_m, "vertical_m": settings.separation_vertical_m}


def _may() -> dict[str, bool]:
    """What the reader may do with alerts."""
    actions = {
        "acknowledge": Action.ACKNOWLEDGE_ALERTS,
        "handle": Action.HANDLE_ALERTS,
        "resolve": Action.RESOLVE_ALERTS,
    }
    return {name: access.may(identity().role, action) for name, action in actions.items()}


def _people() -> list[dict[str, Any]]:
    """Whom the reader may charge with an alert."""
    if not access.may(identity().role, Action.HANDLE_ALERTS):
        return []
    with runtime().reading() as session:
        people = possible_assignees(session, session.get_one(User, identity().user_id))
        return [{"id": person.id, "name": person.display_name} for person in people]


def _next() -> list[dict[str, str]]:
    """Where the reader may go from an alert."""
    names = {
        "directives.new": _("Give an order"),
        "emergencies.new": _("Emergency area"),
        "incidents.new": _("Incident"),
        "incident_openings.new": _("Incident"),
        "evidence.new": _("Evidence"),
        "replay.index": _("Replay"),
    }
    return [
        {"label": names[endpoint], "url": url_for(endpoint, **values)}  # type: ignore[arg-type]  # url_for's own options are no values
        for endpoint, values in _NEXT.items()
        if access.may(identity().role, access.PROTECTED[endpoint])
    ]
