"""Alerts as people see them: listed, acknowledged, escalated when nobody does."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.database import in_parts
from app.errors import NotFound
from app.models import Alert, Organisation, User, Vehicle
from app.services.alert_ids import alert_public_id
from app.services.pages import Page, read_page
from telemetry.findings import Finding


class AlertFilter(StrEnum):
    """Which alerts a list holds."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


def list_alerts(
    session: Session,
    *,
    state: AlertFilter = AlertFilter.ALL,
    organisation_id: int | None = None,
    organisation: str | None = None,
    vehicle_id: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Page[Alert]:
    """One page of alerts, newest first; `organisation_id` or `organisation` (a code): of one operator's fleet.

    Raises InvalidChange for a foreign cursor.
    """
    query = select(Alert).join(Alert.vehicle)
    if state is not AlertFilter.ALL:
        is_open = Alert.closed_at_ms.is_(None)
        query = query.where(is_open if state is AlertFilter.OPEN else ~is_open)
    if organisation_id is not None:
        query = query.where(Vehicle.organisation_id == organisation_id)
    if organisation is not None:
        query = query.where(Vehicle.organisation.has(Organisation.code == organisation))
    if vehicle_id is not None:
        query = query.where(Vehicle.vehicle_id == vehicle_id)
    keys = (Alert.opened_at_ms, Alert.id)
    return read_page(session, query, *keys, limit=limit, cursor=cursor, newest_first=True).map(lambda row: row[0])


def alert_by_id(session: Session, alert_id: int) -> Alert:
    """Raises NotFound."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise NotFound(f"no alert {alert_id}")
    return alert


def acknowledge_alert(session: Session, alert_id: int, *, actor: User, now_ms: int, note: str | None = None) -> Alert:
    """Note who has seen the alert, and when; the first acknowledgement stands. Raises NotFound."""
    alert = session.get(Alert, alert_id, with_for_update={"of": Alert}, populate_existing=True)
    if alert is None:
        raise NotFound(f"no alert {alert_id}")
    if alert.acknowledged_at_ms is None:
        alert.acknowledged_at_ms = now_ms
        alert.acknowledged_by = actor
        alert.acknowledgement = note
        session.flush()
        record(
            session,
            "alert.acknowledged",
            Subject(
                "alert",
                alert_public_id(alert.vehicle_key, Finding(alert.finding), alert.opened_at_ms, alert.opened_seq),
            ),
            actor=actor,
            now_ms=now_ms,
            reason=note or "",
        )
    return alert


def escalate_overdue_alerts(session: Session, *, now_ms: int, after_s: float) -> Sequence[Alert]:
    """Escalate open alerts that nobody acknowledged within `after_s`; each is escalated once."""
    overdue = (
        update(Alert)
        .where(
            Alert.closed_at_ms.is_(None),
            Alert.acknowledged_at_ms.is_(None),
            Alert.escalated_at_ms.is_(None),
            Alert.opened_at_ms <= now_ms - round(after_s * 1000),
        )
        .values(escalated_at_ms=now_ms)
        .returning(Alert.id)
    )
    keys = sorted(session.scalars(overdue.execution_options(synchronize_session=False)))
    escalated = select(Alert).order_by(Alert.id)
    return [alert for some in in_parts(keys) for alert in session.scalars(escalated.where(Alert.id.in_(some)))]
