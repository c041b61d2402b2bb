"""Alerts over HTTP: listed page by page, and acknowledged."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.live import staff
from app.live.loading import alert_of, vehicle_of
from app.models import Alert
from app.schemas.base import Identifier, Schema
from app.schemas.live import AlertList, AlertNote, AlertState, ListedAlert
from app.services.alert_ids import alert_by_public_id
from app.services.alerts import AlertFilter, acknowledge_alert, list_alerts
from app.web.api.base import PageQuery, Problem, answer, api_blueprint
from app.web.gate import identity
from app.web.ownership import actor, require_own
from app.web.runtime import runtime

alerts_api = api_blueprint("alerts", "Alert episodes: opened and closed by the judge, acknowledged by people.")


class AlertQuery(PageQuery):
    """Which alerts."""

    state: AlertState = "open"
    organisation: Annotated[Identifier | None, Field(description="the operator's code")] = None
    vehicle_id: Identifier | None = None


class AlertPath(Schema):
    """Which alert."""

    alert_id: Annotated[str, Field(max_length=100)]


class Acknowledgement(Schema):
    """What the person who has seen it says."""

    note: AlertNote = None


@alerts_api.get("", responses={"200": AlertList, "422": Problem})
def alerts(query: AlertQuery) -> Response:
    """One page, newest first. An operator sees its own."""
    with runtime().reading() as database:
        page = list_alerts(
            database,
            state=AlertFilter(query.state),
            organisation_id=identity().scope,
            organisation=query.organisation,
            vehicle_id=query.vehicle_id,
            limit=query.limit,
            cursor=query.cursor,
        )
        return answer(AlertList(items=page.map(_listed).items, next_cursor=page.next_cursor))


@alerts_api.post("/<alert_id>/acknowledge", responses={"200": ListedAlert, "422": Problem})
def acknowledge(path: AlertPath, body: Acknowledgement) -> Response:
    """Note that the caller has seen it. The first acknowledgement stands."""
    with runtime().changing() as database:
        alert = _own_alert(database, path.alert_id)
        acknowledge_alert(database, alert.id, actor=actor(database), now_ms=runtime().clock(), note=body.note)
        listed, seen = _listed(alert), alert_of(alert)
    runtime().live.picture.observe_alert(seen)
    return answer(listed)


def _own_alert(database: Session, alert_id: str) -> Alert:
    alert = alert_by_public_id(database, alert_id)
    require_own(alert.vehicle.organisation_id)
    return alert


def _listed(alert: Alert) -> ListedAlert:
    seen = alert_of(alert)
    acknowledged_by = None if alert.acknowledged_by is None else alert.acknowledged_by.display_name
    fields = staff.alert_fields(vehicle_of(alert.vehicle), seen, runtime().live.picture.place_of(seen))
    return ListedAlert.model_validate(
        fields
        | {
            "acknowledged_by": acknowledged_by,
            "note": alert.acknowledgement,
            "zone_revision": alert.zone_revision_id,
            "permit_revision": alert.permit_revision_id,
        }
    )
