"""Which aircraft an alert of too little separation is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, joinedload

from app.database import in_parts
from app.models import Alert, EncounterRow
from telemetry.findings import Finding

_NEVER_MS = 2**62


def nearest_encounters(session: Session, alerts: Iterable[Alert]) -> Mapping[int, EncounterRow]:
    """By the key of the alert: of the aircraft met in its time, the newest one, and of several the nearest."""
    of_alert = and_(
        EncounterRow.vehicle_key == Alert.vehicle_key,
        EncounterRow.last_seen_ms >= Alert.first_seen_ms,
        EncounterRow.began_ms <= func.coalesce(Alert.closed_at_ms, _NEVER_MS),
    )
    query = (
        select(Alert.id, EncounterRow)
        .join(EncounterRow, of_alert)
        .order_by(EncounterRow.last_seen_ms, EncounterRow.closest_horizontal_m.desc())
        .options(joinedload(EncounterRow.other))
    )
    alert_ids = [alert.id for alert in alerts if alert.finding == Finding.SEPARATION]
    return {
        alert_id: encounter
        for some in in_parts(alert_ids)
        for alert_id, encounter in session.execute(query.where(Alert.id.in_(some)))
    }
