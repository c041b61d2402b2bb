"""Alerts as lists and to be found, and escalated by the clock when nobody acknowledges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, select, true, update
from sqlalchemy.orm import Session, joinedload, lazyload, selectinload

from app.database import in_parts
from app.errors import NotFound
from app.models import Alert, AlertComment, Organisation, Vehicle, Zone, ZoneRevisionRow
from app.services.pages import Page, read_page
from telemetry.findings import Finding, Severity


class AlertFilter(StrEnum):
    """Which episodes a list holds: what the judge says."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


class Handling(StrEnum):
    """How far people have come with an alert; escalated ones may be of any of the others too."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class WantedAlerts:
    """Which alerts a list holds; None: any. `organisation` is a code, `zone_id` the zone that was breached.

    `assigned_to_id` is a person's key, or 0 for what nobody is charged with. `since_ms` and `until_ms`: those
    that were open at some instant of [since_ms, until_ms).
    """

    state: AlertFilter = AlertFilter.ALL
    handling: Handling | None = None
    finding: Finding | None = None
    severity: Severity | None = None
    assigned_to_id: int | None = None
    organisation_id: int | None = None
    organisation: str | None = None
    vehicle_id: str | None = None
    zone_id: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


#: Episodes that the judge ended before any person had seen them: what migration 0017 has an index for.
ENDED_UNSEEN = and_(Alert.closed_at_ms.is_not(None), Alert.acknowledged_at_ms.is_(None), Alert.resolved_at_ms.is_(None))
_EVERY_ALERT = WantedAlerts()
#: The alerts with which people have come so far.
HANDLED: Mapping[Handling, ColumnElement[bool]] = {
    Handling.NEW: and_(Alert.acknowledged_at_ms.is_(None), Alert.resolved_at_ms.is_(None)),
    Handling.ACKNOWLEDGED: and_(Alert.acknowledged_at_ms.is_not(None), Alert.resolved_at_ms.is_(None)),
    Handling.ESCALATED: and_(Alert.escalated_at_ms.is_not(None), Alert.resolved_at_ms.is_(None)),
    Handling.RESOLVED: Alert.resolved_at_ms.is_not(None),
}


def list_alerts(
    session: Session, wanted: WantedAlerts = _EVERY_ALERT, *, limit: int = 100, cursor: str | None = None
) -> Page[Alert]:
    """One page of alerts, newest first. Raises InvalidChange for a foreign cursor."""
    query: Select[Alert] = select(Alert).join(Alert.vehicle).where(*_conditions(wanted))
    keys = (Alert.opened_at_ms, Alert.id)
    return read_page(session, query, *keys, limit=limit, cursor=cursor, newest_first=True).map(lambda row: row[0])


def alert_rows(*, organisation_id: int | None) -> Select[Alert]:
    """Every alert with its vehicle, operator and who is charged, for a table; of one organisation, or of all (None)."""
    operator = joinedload(Alert.vehicle).joinedload(Vehicle.organisation)
    rows = select(Alert).join(Alert.vehicle).join(Vehicle.organisation)
    rows = rows.options(lazyload("*"), operator, selectinload(Alert.assigned_to))
    return rows if organisation_id is None else rows.where(Vehicle.organisation_id == organisation_id)


def judged_as(state: AlertFilter) -> ColumnElement[bool]:
    """The alerts of which the judge says so."""
    is_open = Alert.closed_at_ms.is_(None)
    return {AlertFilter.OPEN: is_open, AlertFilter.CLOSED: ~is_open, AlertFilter.ALL: true()}[state]


def alert_by_id(session: Session, alert_id: int) -> Alert:
    """Raises NotFound."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise NotFound(f"no alert {alert_id}")
    return alert


def alert_comments(session: Session, alert: Alert, *, limit: int, cursor: str | None) -> Page[AlertComment]:
    """One page of what people wrote about an alert, the oldest first. Raises InvalidChange for a foreign cursor."""
    query = select(AlertComment).where(AlertComment.alert_key == alert.id)
    return read_page(session, query, AlertComment.id, limit=limit, cursor=cursor).map(lambda row: row[0])


def escalate_overdue_alerts(session: Session, *, now_ms: int, after_s: float) -> Sequence[Alert]:
    """Escalate open alerts that nobody acknowledged within `after_s`; each is escalated once."""
    overdue = (
        update(Alert)
        .where(
            Alert.closed_at_ms.is_(None),
            Alert.acknowledged_at_ms.is_(None),
            Alert.resolved_at_ms.is_(None),
            Alert.escalated_at_ms.is_(None),
            Alert.opened_at_ms <= now_ms - round(after_s * 1000),
        )
        .values(escalated_at_ms=now_ms, handled_at_ms=now_ms, version=Alert.version + 1)
        .returning(Alert.id)
    )
    keys = sorted(session.scalars(overdue.execution_options(synchronize_session=False)))
    escalated = select(Alert).order_by(Alert.id)
    return [alert for some in in_parts(keys) for alert in session.scalars(escalated.where(Alert.id.in_(some)))]


def _conditions(wanted: WantedAlerts) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    conditions.append(judged_as(wanted.state))
    if wanted.handling is not None:
        conditions.append(HANDLED[wanted.handling])
    if wanted.assigned_to_id is not None:
        conditions.append(Alert.assigned_to_id.is_not_distinct_from(wanted.assigned_to_id or None))
    if wanted.organisation is not None:
        conditions.append(Vehicle.organisation.has(Organisation.code == wanted.organisation))
    if wanted.zone_id is not None:
        of_zone = select(ZoneRevisionRow.id).join(Zone).where(Zone.zone_id == wanted.zone_id)
        conditions.append(Alert.zone_revision_id.in_(of_zone))
    if wanted.since_ms is not None:
        conditions.append(Alert.closed_at_ms.is_(None) | (Alert.closed_at_ms >= wanted.since_ms))
    if wanted.until_ms is not None:
        conditions.append(Alert.opened_at_ms < wanted.until_ms)
    exact = (
        (Alert.finding, None if wanted.finding is None else int(wanted.finding)),
        (Alert.severity, wanted.severity),
        (Vehicle.organisation_id, wanted.organisation_id),
        (Vehicle.vehicle_id, wanted.vehicle_id),
    )
    return conditions + [column == value for column, value in exact if value is not None]
