"""Permits: issuing them and deciding on them. Every decision is a new immutable revision."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import AlreadyRegistered, Conflict, InvalidChange, NotFound
from app.models import Jurisdiction, Officer, Organisation, Permit, PermitRevisionRow, Stage, User, Vehicle, Zone
from app.services.conditions import Conditions
from app.services.enforcement import enforce
from app.services.generations import next_generation, require_future_start
from app.services.notices import notify
from app.services.permit_life import Decision, decision_of, require_transition
from telemetry.ports import PermitState

#: Decisions that the regulators of the permit's jurisdiction are told of too: others took them.
_TOLD_TO_REGULATORS = frozenset({Decision.SURRENDERED, Decision.EXPIRED})


def issue_permit(
    session: Session,
    *,
    number: str,
    stage: Stage,
    jurisdiction: Jurisdiction,
    holder: Organisation,
    vehicles: Collection[Vehicle],
    zone_ids: Collection[str],
    conditions: Conditions,
    valid_from_ms: int,
    valid_until_ms: int,
    now_ms: int,
    officers: Collection[Officer] = (),
    starts_at_ms: int | None = None,
    reason: str = "",
    actor: User | None = None,
    imported: bool = False,
) -> PermitRevisionRow:
    """Issue a permit, in force from `starts_at_ms` (None: now). Its holder is told.

    Without `officers` every officer of the holder may steer. Raises AlreadyRegistered, NotFound for
    an unknown zone, InvalidChange for a vehicle or an officer of somebody else, RevisionInPast
    unless `imported` (see publish_zone_revision).
    """
    generation = next_generation(session)
    if session.scalar(select(Permit.id).where(Permit.number == number)) is not None:
        raise AlreadyRegistered(f"permit {number} exists")
    revision = PermitRevisionRow(
        permit=Permit(number=number, stage=stage, holder=holder, jurisdiction=jurisdiction),
        number=1,
        state=PermitState.ISSUED,
        stage=stage,
        starts_at_ms=now_ms if starts_at_ms is None else starts_at_ms,
        valid_from_ms=valid_from_ms,
        valid_until_ms=valid_until_ms,
        terms=conditions.to_dict(),
        vehicles=list(vehicles),
        zones=zones_by_id(session, zone_ids),
        officers=list(officers),
        generation=generation,
    )
    return _record(session, None, revision, now_ms=now_ms, reason=reason, actor=actor, imported=imported)


def revise_permit(
    session: Session,
    permit: Permit,
    *,
    reason: str,
    now_ms: int,
    state: PermitState | None = None,
    stage: Stage | None = None,
    conditions: Conditions | None = None,
    vehicles: Collection[Vehicle] | None = None,
    zone_ids: Collection[str] | None = None,
    officers: Collection[Officer] | None = None,
    valid_from_ms: int | None = None,
    valid_until_ms: int | None = None,
    starts_at_ms: int | None = None,
    expected_revision: int | None = None,
    actor: User | None = None,
    imported: bool = False,
) -> PermitRevisionRow:
    """Suspend, revoke, restrict or extend a permit; what is None stays as the newest revision has it.

    `expected_revision` is the number of the newest revision that the caller has seen. Raises Conflict
    when there is a newer one, InvalidChange without a reason and for a state that may not follow,
    NotFound for an unknown zone, RevisionInPast unless `imported` (see publish_zone_revision).
    """
    if not reason.strip():
        raise InvalidChange("a decision on a permit needs a reason", code="reason_missing", field="reason")
    # The generation first: from here on no other decision can come between.
    generation = next_generation(session)
    last = newest_revision(session, permit)
    if expected_revision is not None and last.number != expected_revision:
        raise Conflict(f"permit {permit.number} is at revision {last.number}, not {expected_revision}")
    require_transition(last.state, last.state if state is None else state)
    revision = PermitRevisionRow(
        permit=permit,
        number=last.number + 1,
        state=last.state if state is None else state,
        stage=last.stage if stage is None else stage,
        starts_at_ms=now_ms if starts_at_ms is None else starts_at_ms,
        valid_from_ms=last.valid_from_ms if valid_from_ms is None else valid_from_ms,
        valid_until_ms=last.valid_until_ms if valid_until_ms is None else valid_until_ms,
        terms=last.terms if conditions is None else conditions.to_dict(),
        vehicles=list(last.vehicles if vehicles is None else vehicles),
        zones=list(last.zones) if zone_ids is None else zones_by_id(session, zone_ids),
        officers=list(last.officers if officers is None else officers),
        generation=generation,
    )
    return _record(session, last, revision, now_ms=now_ms, reason=reason, actor=actor, imported=imported)


def permit_by_number(session: Session, number: str) -> Permit:
    """Raises NotFound."""
    permit = session.scalar(select(Permit).where(Permit.number == number))
    if permit is None:
        raise NotFound(f"no permit {number}")
    return permit


def newest_revision(session: Session, permit: Permit) -> PermitRevisionRow:
    """The newest decision on a permit, whether or not it has started."""
    newest = select(PermitRevisionRow).where(PermitRevisionRow.permit_id == permit.id)
    return session.scalars(newest.order_by(PermitRevisionRow.generation.desc()).limit(1)).one()


def zones_by_id(session: Session, zone_ids: Collection[str]) -> list[Zone]:
    """All of these zones. Raises NotFound naming the unknown ones."""
    zones = list(session.scalars(select(Zone).where(Zone.zone_id.in_(zone_ids))))
    unknown = set(zone_ids) - {zone.zone_id for zone in zones}
    if unknown:
        raise NotFound(f"no zone {', '.join(sorted(unknown))}")
    return zones


def _record(
    session: Session,
    before: PermitRevisionRow | None,
    revision: PermitRevisionRow,
    *,
    now_ms: int,
    reason: str,
    actor: User | None,
    imported: bool,
) -> PermitRevisionRow:
    _check(revision)
    if not imported:
        require_future_start(revision.starts_at_ms, now_ms)
    revision.reason = reason
    revision.actor_id = actor.id if actor else None
    revision.recorded_at_ms = now_ms
    session.add(revision)
    session.flush()
    decision = decision_of(before, revision)
    record(
        session,
        f"permit.{decision}",
        Subject("permit", revision.permit.number),
        actor=actor,
        now_ms=now_ms,
        reason=reason,
        before=None if before is None else _described(before),
        after=_described(revision),
    )
    if not imported:
        _tell(session, decision, revision, now_ms)
        enforce(session, decision, before, revision, now_ms=now_ms, actor=actor)
    return revision


def _check(revision: PermitRevisionRow) -> None:
    if revision.valid_until_ms <= revision.valid_from_ms:
        raise InvalidChange("a permit's period ends after it begins", code="period_empty", field="valid_until_ms")
    holder = revision.permit.holder
    if any(vehicle.organisation is not holder for vehicle in revision.vehicles):
        raise InvalidChange("a permit covers vehicles of its holder only", code="not_the_holders", field="vehicles")
    if any(officer.organisation is not holder for officer in revision.officers):
        raise InvalidChange("a permit names officers of its holder only", code="not_the_holders", field="officers")


def _tell(session: Session, decision: Decision, revision: PermitRevisionRow, now_ms: int) -> None:
    permit = revision.permit
    notify(
        session,
        kind=f"permit.{decision}",
        subject=Subject("permit", permit.number),
        occasion=str(revision.number),
        params={"number": permit.number, "reason": revision.reason},
        now_ms=now_ms,
        organisation=permit.holder,
        jurisdiction=permit.jurisdiction if decision in _TOLD_TO_REGULATORS else None,
    )


def _described(revision: PermitRevisionRow) -> dict[str, Any]:
    return state_of(revision) | {
        "vehicles": sorted(vehicle.vehicle_id for vehicle in revision.vehicles),
        "zones": sorted(zone.zone_id for zone in revision.zones),
        "officers": sorted(officer.officer_id for officer in revision.officers),
    }
