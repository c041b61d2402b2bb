"""What a decision on a permit demands of the vehicles that drive under it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Cause, DirectiveRow, Permit, PermitRevisionRow, User, Vehicle
from app.models.permits import permit_revision_vehicles
from app.services.conditions import Conditions
from app.services.demanded_places import lost_places
from app.services.directives import demand, release
from app.services.permit_life import Decision
from telemetry.directives import DirectiveKind
from telemetry.ports import PermitState

#: What is demanded, of whom, and what else the directive says.
Consequence: TypeAlias = tuple[DirectiveKind, Collection[Vehicle], Mapping[str, Any]]

_ENDING = frozenset({Decision.SUSPENDED, Decision.REVOKED})


def enforce(
    session: Session,
    decision: Decision,
    before: PermitRevisionRow | None,
    after: PermitRevisionRow,
    *,
    now_ms: int,
    actor: User | None,
) -> None:
    """Tell the vehicles what the decision means for them: halt, leave, slow down, or that they may go on.

    A vehicle that another permit covers now is left alone.
    """
    permit = after.permit
    for kind, vehicles, terms in () if before is None else _consequences(session, decision, before, after):
        covered = _covered_otherwise(session, permit, vehicles, now_ms)
        demand(
            session,
            sorted((each for each in vehicles if each.id not in covered), key=lambda vehicle: vehicle.vehicle_id),
            kind,
            cause=Cause.PERMIT,
            cause_id=permit.number,
            reason=after.reason,
            now_ms=now_ms,
            actor=actor,
            terms=terms,
            jurisdiction=permit.jurisdiction,
        )
    # Last: nobody who is to do something else is told in between that it may go on.
    over = [row for row in _standing(session, after) if _is_over(row, after, now_ms)]
    release(session, over, reason=after.reason, now_ms=now_ms, actor=actor)


def _consequences(
    session: Session, decision: Decision, before: PermitRevisionRow, after: PermitRevisionRow
) -> Iterator[Consequence]:
    if decision in _ENDING:
        yield DirectiveKind.HALT, before.vehicles, {}
        return
    if gone := set(before.vehicles) - set(after.vehicles):
        yield DirectiveKind.HALT, gone, {}
    for lost in lost_places(session, before.zones, after.zones, after.starts_at_ms):
        yield DirectiveKind.LEAVE, after.vehicles, lost
    allowed_mps, cap_mps = (Conditions.from_dict(revision.terms).speed_cap_mps for revision in (before, after))
    if cap_mps is not None and (allowed_mps is None or cap_mps < allowed_mps):
        yield DirectiveKind.SLOW, after.vehicles, {"speed_mps": cap_mps}


def _standing(session: Session, after: PermitRevisionRow) -> list[DirectiveRow]:
    """What stands because of this permit, and the halts of any permit of the vehicles that this one names."""
    keys = {vehicle.id for vehicle in after.vehicles}
    standing = select(DirectiveRow).where(DirectiveRow.settled_at_ms.is_(None), DirectiveRow.cause == Cause.PERMIT)
    return [
        row
        for row in session.scalars(standing.order_by(DirectiveRow.id))
        if row.cause_id == after.permit.number or (row.kind is DirectiveKind.HALT and row.vehicle_key in keys)
    ]


def _is_over(row: DirectiveRow, after: PermitRevisionRow, now_ms: int) -> bool:
    """Whether the permit, as it is now, allows again what the directive took away."""
    begins_at_ms = max(after.starts_at_ms, after.valid_from_ms)
    is_allowed = after.state is PermitState.ISSUED and begins_at_ms <= now_ms < after.valid_until_ms
    if not is_allowed or row.vehicle_key not in {vehicle.id for vehicle in after.vehicles}:
        return False
    if row.kind is DirectiveKind.HALT:
        return True
    if row.kind is DirectiveKind.SLOW:
        cap_mps = Conditions.from_dict(after.terms).speed_cap_mps
        return cap_mps is None or cap_mps > row.terms["speed_mps"]
    lost = row.terms.get("zones", ())
    return bool(lost) and {zone.zone_id for zone in after.zones} >= set(lost)


def _covered_otherwise(session: Session, permit: Permit, vehicles: Collection[Vehicle], now_ms: int) -> set[int]:
    """Keys of those that the newest revision of another permit lets drive now."""
    naming = (
        select(permit_revision_vehicles.c.vehicle_id, PermitRevisionRow)
        .join(PermitRevisionRow)
        .where(
            permit_revision_vehicles.c.vehicle_id.in_([vehicle.id for vehicle in vehicles]),
            PermitRevisionRow.permit_id != permit.id,
            PermitRevisionRow.starts_at_ms <= now_ms,
        )
        .order_by(PermitRevisionRow.generation)
    )
    standing: dict[tuple[int, int], PermitRevisionRow] = {}
    for vehicle_key, revision in session.execute(naming):
        standing[vehicle_key, revision.permit_id] = revision
    return {
        vehicle_key
        for (vehicle_key, _permit), revision in standing.items()
        if revision.state is PermitState.ISSUED
        and revision.valid_from_ms <= now_ms < revision.valid_until_ms
        and _is_newest(session, revision, now_ms)
    }


def _is_newest(session: Session, revision: PermitRevisionRow, now_ms: int) -> bool:
    """Whether no later revision of its permit is in force: one that names the vehicle no more."""
    later = select(PermitRevisionRow.id).where(
        PermitRevisionRow.permit_id == revision.permit_id,
        PermitRevisionRow.generation > revision.generation,
        PermitRevisionRow.starts_at_ms <= now_ms,
    )
    return session.scalar(later.limit(1)) is None
