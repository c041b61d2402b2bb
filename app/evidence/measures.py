"""What came near a bundle's vehicle, and what was done: encounters, emergencies and sanctions, as JSON values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from app.audit import state_of
from app.evidence.scope import Scope
from app.models import Emergency, EmergencyVehicle, EncounterRow, Sanction, SanctionState

Facts = dict[str, Any]
#: Ends after which a sanction has no effect any more.
_WITHOUT_EFFECT = frozenset({SanctionState.DISMISSED, SanctionState.OVERTURNED})


def encounters(session: Session, scope: Scope) -> list[Facts]:
    """Aircraft that came too close in the window; who they were only in the city's bundles."""
    wanted = select(EncounterRow).where(
        EncounterRow.vehicle_key == scope.vehicle,
        EncounterRow.began_ms < scope.until_ms,
        EncounterRow.last_seen_ms >= scope.since_ms,
    )
    rows = session.scalars(
        wanted.options(joinedload(EncounterRow.other)).order_by(EncounterRow.began_ms, EncounterRow.id)
    )
    return [_encounter(row, is_named=scope.is_for_city) for row in rows]


def emergencies(session: Session, scope: Scope) -> list[Facts]:
    """Emergency geofences that lasted in the window and that the vehicle was told of before its end."""
    wanted = (
        select(EmergencyVehicle)
        .join(Emergency, Emergency.id == EmergencyVehicle.emergency_key)
        .where(
            EmergencyVehicle.vehicle_key == scope.vehicle,
            EmergencyVehicle.told_at_ms < scope.until_ms,
            or_(Emergency.ended_at_ms.is_(None), Emergency.ended_at_ms >= scope.since_ms),
        )
        .order_by(Emergency.declared_at_ms, Emergency.id)
    )
    return [_emergency(row, is_for_city=scope.is_for_city) for row in session.scalars(wanted)]


def sanctions(
    session: Session, scope: Scope, permit_ids: Collection[int], grounds: Collection[tuple[str, str]]
) -> list[Facts]:
    """Sanctions against these permits that were open or in effect in the window, or have one of these as a ground.

    The holder sees those that it was told of.
    """
    wanted = select(Sanction).where(Sanction.permit_id.in_(sorted(permit_ids)))
    if not scope.is_for_city:
        wanted = wanted.where(or_(Sanction.noticed_at_ms.is_not(None), Sanction.decided_at_ms.is_not(None)))
    rows = session.scalars(wanted.order_by(Sanction.opened_at_ms, Sanction.id))
    return [_sanction(row, is_for_city=scope.is_for_city) for row in rows if _concerns(row, scope, grounds)]


def _concerns(row: Sanction, scope: Scope, grounds: Collection[tuple[str, str]]) -> bool:
    if any((ground["type"], ground["id"]) in grounds for ground in row.grounds):
        return True
    ended_ms = row.ruled_at_ms or row.decided_at_ms if row.state in _WITHOUT_EFFECT else None
    return row.opened_at_ms < scope.until_ms and (ended_ms is None or ended_ms >= scope.since_ms)


def _encounter(row: EncounterRow, *, is_named: bool) -> Facts:
    facts = state_of(row)
    del facts["other_key"]
    return facts | {"other": row.other.vehicle_id if is_named else None}


def _emergency(row: EmergencyVehicle, *, is_for_city: bool) -> Facts:
    emergency = row.emergency
    people = {
        "declared_by": emergency.declared_by.email,
        "ended_by": emergency.ended_by.email if emergency.ended_by else None,
    }
    return {
        **_without_keys(state_of(emergency), ("declared_by_id", "ended_by_id")),
        "jurisdiction": emergency.jurisdiction.code,
        "zone": emergency.zone.zone_id,
        "concern": row.concern.value,
        "told_at_ms": row.told_at_ms,
        "entered_at_ms": row.entered_at_ms,
        "directive": row.directive.directive_id,
        **(people if is_for_city else {}),
    }


def _sanction(row: Sanction, *, is_for_city: bool) -> Facts:
    people = ("opened_by_id", "decided_by_id", "ruled_by_id", "appealed_by_id")
    facts = state_of(row) if is_for_city else _without_keys(state_of(row), people)
    return facts | {"permit": row.permit.number}


def _without_keys(facts: Mapping[str, Any], left_out: Sequence[str]) -> Facts:
    return {name: value for name, value in facts.items() if name not in left_out}
