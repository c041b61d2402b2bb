"""Which permits let vehicles drive or fly at an instant."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from app.database import in_parts
from app.models import PermitRevisionRow
from app.models.permits import permit_revision_vehicles
from app.services.conditions import Conditions
from telemetry.ports import PermitState


def permits_in_force(session: Session, now_ms: int) -> list[PermitRevisionRow]:
    """The revision of each permit that is in force, issued and within its period, with its vehicles and zones."""
    loaded = selectinload(PermitRevisionRow.vehicles), selectinload(PermitRevisionRow.zones)
    return list(session.scalars(_in_force(now_ms).options(*loaded)))


def permit_numbers_of(session: Session, vehicle_keys: Collection[int], now_ms: int) -> dict[int, list[str]]:
    """The numbers of the permits in force of each of these vehicles; none for those without one."""
    numbers: dict[int, list[str]] = {}
    revisions = {row.id: row.permit.number for row in session.scalars(_in_force(now_ms))}
    naming = permit_revision_vehicles.c
    for some in in_parts(vehicle_keys):
        pairs = session.execute(select(naming.vehicle_id, naming.revision_id).where(naming.vehicle_id.in_(some)))
        for vehicle_key, revision_id in pairs:
            if revision_id in revisions:
                numbers.setdefault(vehicle_key, []).append(revisions[revision_id])
    return {vehicle_key: sorted(found) for vehicle_key, found in numbers.items()}


def remote_officer_limits(session: Session, now_ms: int) -> dict[int, int]:
    """How many vehicles a remote officer may have by the strictest permit in force of a vehicle, by its key."""
    limits: dict[int, int] = {}
    naming = permit_revision_vehicles.c
    named = select(naming.vehicle_id, PermitRevisionRow.terms).join(
        PermitRevisionRow, PermitRevisionRow.id == naming.revision_id
    )
    in_force = _in_force(now_ms).with_only_columns(PermitRevisionRow.id)
    for vehicle_key, terms in session.execute(named.where(naming.revision_id.in_(in_force))):
        limit = Conditions.from_dict(terms).vehicles_per_remote_officer
        if limit is not None:
            limits[vehicle_key] = min(limit, limits.get(vehicle_key, limit))
    return limits


def _in_force(now_ms: int) -> Select[PermitRevisionRow]:
    begun = PermitRevisionRow.starts_at_ms <= now_ms
    newest = select(func.max(PermitRevisionRow.generation)).where(begun).group_by(PermitRevisionRow.permit_id)
    return select(PermitRevisionRow).where(
        begun,
        PermitRevisionRow.generation.in_(newest),
        PermitRevisionRow.state == PermitState.ISSUED,
        PermitRevisionRow.valid_from_ms <= now_ms,
        PermitRevisionRow.valid_until_ms > now_ms,
    )
