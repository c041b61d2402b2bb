"""From the database into the picture: what the bus cannot tell a process that has just started."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.live.places import centrelines, place_names
from app.live.snapping import Centreline
from app.live.things import Alert, Names, Vehicle
from app.models import Alert as AlertRow
from app.models import Vehicle as VehicleRow
from app.models import ZoneRevisionRow
from app.services.zones import zones_in_force
from telemetry.findings import Finding


def known_vehicles(session: Session) -> list[Vehicle]:
    """Every registered vehicle with its operator's name."""
    return [vehicle_of(row) for row in session.scalars(select(VehicleRow))]


def vehicle_of(row: VehicleRow) -> Vehicle:
    """The vehicle as the live picture names it."""
    return Vehicle(
        key=row.id,
        vehicle_id=row.vehicle_id,
        kind=row.kind,
        organisation=row.organisation_id,
        operator=Names(zh=row.organisation.name_zh, en=row.organisation.name_en),
    )


def known_places(session: Session) -> dict[int, Names]:
    """The names of all zone revisions, also of past ones: an alert may be open since then."""
    return place_names(session.scalars(select(ZoneRevisionRow)))


def known_centrelines(session: Session, now_ms: int) -> list[Centreline]:
    """The lines of roads and corridors in force now."""
    return centrelines(zones_in_force(session, now_ms))


def stored_open_alerts(session: Session) -> list[Alert]:
    """Every alert that is open in the database."""
    return [alert_of(row) for row in session.scalars(select(AlertRow).where(AlertRow.closed_at_ms.is_(None)))]


def alert_of(row: AlertRow) -> Alert:
    """The alert as the live picture holds it."""
    return Alert(
        vehicle=row.vehicle_key,
        finding=Finding(row.finding),
        severity=row.severity,
        opened_at_ms=row.opened_at_ms,
        opened_seq=row.opened_seq,
        last_seen_ms=row.last_seen_ms,
        lon=row.lon,
        lat=row.lat,
        zone_revision=-1 if row.zone_revision_id is None else row.zone_revision_id,
        closed_at_ms=row.closed_at_ms,
        acknowledged_at_ms=row.acknowledged_at_ms,
        escalated_at_ms=row.escalated_at_ms,
    )
