"""Alerts over HTTP: listed page by page, and acknowledged."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from app.errors import InvalidChange, NotFound
from app.live import staff
from app.live.loading import alert_of, vehicle_of
from app.models import Alert, User
from app.services.alert_ids import alert_by_public_id
from app.services.alerts import AlertFilter, acknowledge_alert, list_alerts
from app.web.gate import identity
from app.web.runtime import runtime

alerts_api = Blueprint("api_alerts", __name__, url_prefix="/api/v1/alerts")

_LIMIT = 100
_MOST = 500
_NOTE_CHARACTERS = 2_000


@alerts_api.get("")
def alerts() -> Response:
    """One page, newest first: `?state=open|closed|all&limit=&cursor=`. An operator sees its own."""
    with runtime().reading() as database:
        page = list_alerts(
            database,
            state=_state(),
            organisation_id=identity().scope,
            limit=_limit(),
            cursor=request.args.get("cursor"),
        )
        found = [_fields(alert) for alert in page.alerts]
    return _json({"alerts": found, "next_cursor": page.next_cursor})


@alerts_api.post("/<alert_id>/acknowledge")
def acknowledge(alert_id: str) -> Response:
    """Note that the caller has seen it; `note` is an optional JSON or form field."""
    note = _note()
    with runtime().changing() as database:
        alert = _own_alert(database, alert_id)
        actor = database.get_one(User, identity().user_id)
        acknowledge_alert(database, alert.id, actor=actor, now_ms=runtime().clock(), note=note)
        fields = _fields(alert)
        seen = alert_of(alert)
    runtime().live.picture.observe_alert(seen)
    return _json(fields)


def _own_alert(database: Session, alert_id: str) -> Alert:
    """The alert, if it is the caller's; another organisation's does not exist for an operator."""
    alert = alert_by_public_id(database, alert_id)
    scope = identity().scope
    if scope is not None and alert.vehicle.organisation_id != scope:
        raise NotFound("There is no such alert.")
    return alert


def _fields(alert: Alert) -> dict[str, Any]:
    seen = alert_of(alert)
    acknowledged_by = None if alert.acknowledged_by is None else alert.acknowledged_by.display_name
    return staff.alert_fields(vehicle_of(alert.vehicle), seen, runtime().live.picture.place_of(seen)) | {
        "acknowledged_by": acknowledged_by,
        "note": alert.acknowledgement,
        "zone_revision": alert.zone_revision_id,
        "permit_revision": alert.permit_revision_id,
    }


def _state() -> AlertFilter:
    try:
        return AlertFilter(request.args.get("state", AlertFilter.OPEN))
    except ValueError as error:
        raise InvalidChange("state is open, closed or all") from error


def _limit() -> int:
    text = request.args.get("limit", str(_LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST):
        raise InvalidChange(f"limit is a whole number from 1 to {_MOST}")
    return int(text)


def _note() -> str | None:
    body = request.get_json() if request.is_json else request.form
    note = body.get("note") if hasattr(body, "get") else None
    if note is not None and (not isinstance(note, str) or len(note) > _NOTE_CHARACTERS):
        raise InvalidChange(f"note is a text of at most {_NOTE_CHARACTERS} characters")
    return note


def _json(body: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(body), mimetype="application/json")
