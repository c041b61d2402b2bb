"""Alerts over HTTP: listed page by page, and handled by people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Literal

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.errors import InvalidChange
from app.live import staff
from app.live.loading import alert_of, vehicle_of
from app.live.things import Alert as LiveAlert
from app.models import Alert, AlertComment, EncounterRow, User
from app.schemas.alerts import (
    Acknowledgement,
    Acknowledgements,
    AlertId,
    AlertList,
    AlertReason,
    Assignment,
    CommentList,
    CommentOut,
    ListedAlert,
    NewComment,
    SeenAlert,
    SeenAlerts,
    UserKey,
)
from app.schemas.base import Identifier, Milliseconds, Schema
from app.services.alert_acknowledging import Seen, acknowledge_alerts
from app.services.alert_handling import (
    acknowledge_alert,
    assign_alert,
    comment_on_alert,
    escalate_alert,
    jurisdiction_of,
    resolve_alert,
)
from app.services.alert_ids import alert_by_public_id
from app.services.alerts import AlertFilter, Handling, WantedAlerts, alert_comments, list_alerts
from app.services.encounters import nearest_encounters
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.ownership import actor, require_decider, require_own, signature
from app.web.runtime import runtime
from telemetry.findings import Finding, Severity

alerts_api = api_blueprint("alerts", "Alert episodes: opened and ended by the judge, handled by people.")

_CHANGED: Responses = {"200": ListedAlert, "409": Problem, "412": Problem, "422": Problem, "428": Problem}


class AlertQuery(PageQuery):
    """Which alerts."""

    state: AlertFilter = AlertFilter.OPEN
    handling: Handling | None = None
    finding: Annotated[Identifier | None, Field(description="a code of docs/findings.md")] = None
    severity: Severity | None = None
    assignee: Annotated[Literal["me", "nobody"] | UserKey | None, Field(description="a person's number")] = None
    organisation: Annotated[Identifier | None, Field(description="the operator's code")] = None
    vehicle_id: Identifier | None = None
    zone_id: Annotated[Identifier | None, Field(description="the zone that was breached")] = None
    since_ms: Annotated[Milliseconds | None, Field(description="open at this time, or later")] = None
    until_ms: Annotated[Milliseconds | None, Field(description="opened before this time")] = None

    def wanted(self) -> WantedAlerts:
        """The same for the service, for this caller, who sees its own as an operator. Raises InvalidChange."""
        findings = {finding.code: finding for finding in Finding}
        if self.finding is not None and self.finding not in findings:
            raise InvalidChange(f"no finding {self.finding}", code="unknown_finding", field="finding")
        keys = {"me": identity().user_id, "nobody": 0}
        return WantedAlerts(
            state=self.state,
            handling=self.handling,
            finding=None if self.finding is None else findings[self.finding],
            severity=self.severity,
            assigned_to_id=keys[self.assignee] if isinstance(self.assignee, str) else self.assignee,
            organisation_id=identity().scope,
            organisation=self.organisation,
            vehicle_id=self.vehicle_id,
            zone_id=self.zone_id,
            since_ms=self.since_ms,
            until_ms=self.until_ms,
        )


class AlertPath(Schema):
    """Which alert."""

    alert_id: AlertId


@alerts_api.get("", responses={"200": AlertList, "422": Problem})
def alerts(query: AlertQuery) -> Response:
    """One page, newest first. An operator sees its own."""
    with runtime().reading() as database:
        page = list_alerts(database, query.wanted(), limit=query.limit, cursor=query.cursor)
        return answer(AlertList(items=_listed_all(database, page.items), next_cursor=page.next_cursor))


@alerts_api.post("/acknowledge", responses={"200": SeenAlerts, "422": Problem})
def acknowledge_many(body: Acknowledgements) -> Response:
    """Note that the caller has seen all of these, or none. The first acknowledgement of each stands."""
    with runtime().changing() as database:
        seen = acknowledge_alerts(
            database,
            body.alert_ids,
            organisation_id=identity().scope,
            actor=actor(database),
            now_ms=runtime().clock(),
            note=body.note,
        )
    by_id = {each.alert_id: each for each in seen}
    standing = runtime().live.picture.standing(by_id)
    _show([_as_seen(known, by_id[known.alert_id]) for known in standing])
    return answer(
        SeenAlerts(
            alerts=[
                SeenAlert(id=each.alert_id, acknowledged_at_ms=each.acknowledged_at_ms, version=each.version)
                for each in seen
            ]
        )
    )


@alerts_api.get("/<alert_id>", responses={"200": ListedAlert, "422": Problem})
def alert(path: AlertPath) -> Response:
    """One alert, open or closed."""
    with runtime().reading() as database:
        found = _own_alert(database, path.alert_id)
        return answer(_listed(database, found), version=found.version)


@alerts_api.post("/<alert_id>/acknowledge", responses={"200": ListedAlert, "422": Problem})
def acknowledge(path: AlertPath, body: Acknowledgement) -> Response:
    """Note that the caller has seen it. The first acknowledgement stands."""

    def handle(database: Session, found: Alert) -> None:
        acknowledge_alert(database, found.id, actor=actor(database), now_ms=runtime().clock(), note=body.note)

    return _handled(path, handle)


@alerts_api.post("/<alert_id>/assign", responses=_CHANGED)
def assign(path: AlertPath, body: Assignment) -> Response:
    """Charge a person with it: regulators one another, operators their organisation's people."""

    def handle(database: Session, found: Alert) -> None:
        require_match(found.version)
        assign_alert(database, found.id, body.assignee_id, **signature(database, found.version))

    return _handled(path, handle)


@alerts_api.post("/<alert_id>/escalate", responses=_CHANGED)
def escalate(path: AlertPath, body: AlertReason) -> Response:
    """Call for more attention; the operator and the jurisdiction's regulators are told."""

    def handle(database: Session, found: Alert) -> None:
        require_match(found.version)
        escalate_alert(database, found.id, body.reason, **signature(database, found.version))

    return _handled(path, handle)


@alerts_api.post("/<alert_id>/resolve", responses=_CHANGED)
def resolve(path: AlertPath, body: AlertReason) -> Response:
    """Close it with a reason: for regulators, of the permit's jurisdiction where there is one."""

    def handle(database: Session, found: Alert) -> None:
        jurisdiction = jurisdiction_of(database, found)
        if jurisdiction is not None:
            require_decider(jurisdiction)
        require_match(found.version)
        resolve_alert(database, found.id, body.reason, **signature(database, found.version))

    return _handled(path, handle)


@alerts_api.get("/<alert_id>/comments", responses={"200": CommentList, "422": Problem})
def comments(path: AlertPath, query: PageQuery) -> Response:
    """What people wrote about it, the oldest first."""
    with runtime().reading() as database:
        found = _own_alert(database, path.alert_id)
        page = alert_comments(database, found, limit=query.limit, cursor=query.cursor)
        return answer(CommentList(items=page.map(_comment).items, next_cursor=page.next_cursor))


@alerts_api.post("/<alert_id>/comments", responses={"201": CommentOut, "422": Problem})
def comment(path: AlertPath, body: NewComment) -> Response:
    """Write about it, for everybody who may see it."""
    with runtime().changing() as database:
        found = _own_alert(database, path.alert_id)
        written = comment_on_alert(database, found.id, body.text, actor=actor(database), now_ms=runtime().clock())
        made, seen = _comment(written), alert_of(found)
    _show([seen])
    return answer(made, HTTPStatus.CREATED)


def _handled(path: AlertPath, handle: Callable[[Session, Alert], None]) -> Response:
    with runtime().changing() as database:
        found = _own_alert(database, path.alert_id)
        handle(database, found)
        listed, seen, version = _listed(database, found), alert_of(found), found.version
    _show([seen])
    return answer(listed, version=version)


def _show(seen: Sequence[LiveAlert]) -> None:
    """Every reader of this process sees it at once; those of others when they look into the database."""
    runtime().live.picture.observe_alerts(seen)


def _as_seen(known: LiveAlert, seen: Seen) -> LiveAlert:
    return replace(known, acknowledged_at_ms=seen.acknowledged_at_ms, version=seen.version)


def _own_alert(database: Session, alert_id: str) -> Alert:
    found = alert_by_public_id(database, alert_id)
    require_own(found.vehicle.organisation_id)
    return found


def _comment(row: AlertComment) -> CommentOut:
    return CommentOut(id=row.id, author=row.author.display_name, written_at_ms=row.written_at_ms, text=row.text)


def _listed(database: Session, row: Alert) -> ListedAlert:
    return _listed_all(database, [row])[0]


def _listed_all(database: Session, rows: Sequence[Alert]) -> list[ListedAlert]:
    met = nearest_encounters(database, rows)
    return [_listed_with(row, met.get(row.id)) for row in rows]


def _listed_with(row: Alert, met: EncounterRow | None) -> ListedAlert:
    seen = alert_of(row, met)
    other = None if met is None or identity().scope not in {None, met.other.organisation_id} else vehicle_of(met.other)
    fields = staff.alert_fields(vehicle_of(row.vehicle), seen, runtime().live.picture.place_of(seen), other)
    return ListedAlert.model_validate(
        fields
        | {
            "acknowledged_by": _name(row.acknowledged_by),
            "note": row.acknowledgement,
            "escalated_by": _name(row.escalated_by),
            "escalation": row.escalation,
            "resolved_by": _name(row.resolved_by),
            "resolution": row.resolution,
            "zone_revision": row.zone_revision_id,
            "permit_revision": row.permit_revision_id,
        }
    )


def _name(person: User | None) -> str | None:
    return None if person is None else person.display_name
