"""How many vehicles a remote officer may have at once, by the permits in force."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import in_parts
from app.models import PermitRevisionRow
from app.models.permits import permit_revision_vehicles
from app.services.conditions import Conditions
from app.services.revisions import in_force
from telemetry.ports import PermitState


def remote_officer_limits(session: Session, now_ms: int) -> dict[int, int]:
    """The smallest limit of the permits that name a vehicle and are in force now, by the vehicle's key."""
    columns = (
        PermitRevisionRow.id,
        PermitRevisionRow.permit_id,
        PermitRevisionRow.generation,
        PermitRevisionRow.starts_at_ms,
    )
    periods = in_force(session.execute(select(*columns)).all(), lambda row: row.permit_id)
    limits: dict[int, int] = {}
    for keys in in_parts(row.id for row, start_ms, end_ms in periods if start_ms <= now_ms < end_ms):
        named = (
            select(permit_revision_vehicles.c.vehicle_id, PermitRevisionRow.terms)
            .join(PermitRevisionRow, PermitRevisionRow.id == permit_revision_vehicles.c.revision_id)
            .where(
                PermitRevisionRow.id.in_(keys),
                PermitRevisionRow.state == PermitState.ISSUED,
                PermitRevisionRow.valid_from_ms <= now_ms,
                PermitRevisionRow.valid_until_ms > now_ms,
            )
        )
        for vehicle, terms in session.execute(named):
            limit = Conditions.from_dict(terms).vehicles_per_remote_officer
            if limit is not None:
                limits[vehicle] = min(limit, limits.get(vehicle, limit))
    return limits
