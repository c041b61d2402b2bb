"""Emergency geofences: declaring one, ordering again, and its end.

Everybody takes the emergency's row before the registry's generation: the watch, and who ends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.calendar import wall_time
from app.errors import Conflict, InvalidChange, NotFound
from app.models import (
    Cause,
    Emergency,
    EmergencyVehicle,
    Jurisdiction,
    Organisation,
    User,
    Vehicle,
)
from app.schemas.emergencies import Declaration, Prolongation
from app.schemas.zones import ZoneEnd
from app.services.directives import release, restate, standing_because_of
from app.services.emergency_sightings import Senses
from app.services.emergency_watch import look, order, tell, vehicles_told
from app.services.generations import next_generation
from app.services.jurisdictions import jurisdiction_by_code
from app.services.notices import notify
from app.services.pages import Page, read_page
from app.services.zone_history import end_zone, prolong_zone
from app.services.zones import newest_zone_revision, publish_zone_revision
from geofences.zones import ZoneKind

_ENDED_BY_ITSELF = "按计划时间结束。It ended as planned."


@dataclass(frozen=True, slots=True)
class EmergencyFilter:
    """Which emergencies a list holds; None: any. `organisation_id`: those of which its vehicles were told."""

    organisation_id: int | None = None
    jurisdiction: str | None = None
    is_active: bool | None = None


def declare(session: Session, declaration: Declaration, *, senses: Senses, actor: User, now_ms: int) -> Emergency:
    """Close the place from now on, and tell the vehicles that it concerns.

    The zone takes its place in judgement with the commit: the next sample meets it. Raises NotFound
    for an unknown jurisdiction, and InvalidChange for a shape that nothing can be judged against.
    """
    generation = next_generation(session)  # first: numbers are given one after another
    number = _next_number(session, now_ms)
    jurisdiction = jurisdiction_by_code(session, declaration.jurisdiction)
    ends_at_ms = declaration.ends_at_ms(now_ms)
    revision = publish_zone_revision(
        session,
        zone_id=number,
        kind=ZoneKind.RESTRICTED,
        geometry=declaration.area,
        name_zh=f"紧急围栏 {number}",
        name_en=f"Emergency geofence {number}",
        starts_at_ms=now_ms,
        ends_at_ms=ends_at_ms,
        now_ms=now_ms,
        band=declaration.band,
        authority=jurisdiction.name_zh,
        jurisdiction=jurisdiction.code,
        reason=declaration.reason,
        actor=actor,
        generation=generation,
    )
    emergency = Emergency(
        number=number,
        zone=revision.zone,
        jurisdiction=jurisdiction,
        reason=declaration.reason,
        declared_by=actor,
        declared_at_ms=now_ms,
        planned_end_ms=ends_at_ms,
        end_reason="",
    )
    session.add(emergency)
    session.flush()
    _record(session, "emergency.declared", emergency, actor=actor, now_ms=now_ms, reason=declaration.reason)
    _tell_regulators(session, emergency, "emergency.declared", now_ms)
    tell(session, emergency, look(session, emergency, senses, now_ms), actor=actor, now_ms=now_ms)
    return emergency


def end(
    session: Session, emergency: Emergency, *, reason: str, expected_version: int, actor: User, now_ms: int
) -> None:
    """It is over: the zone ends, nothing is demanded any more, and everybody is told.

    Raises Conflict for another version than the one that was seen, InvalidChange when it is over already.
    """
    _require_active(session, emergency)
    if emergency.version != expected_version:
        raise Conflict("the emergency has changed meanwhile")
    newest = newest_zone_revision(session, emergency.zone)
    end_zone(
        session,
        zone_id=emergency.zone.zone_id,
        details=ZoneEnd(reason=reason),
        seen=newest.id,
        now_ms=now_ms,
        actor=actor,
    )
    _end(session, emergency, at_ms=now_ms, reason=reason, actor=actor, now_ms=now_ms)


def prolong(
    session: Session,
    emergency: Emergency,
    prolongation: Prolongation,
    *,
    expected_version: int,
    actor: User,
    now_ms: int,
) -> None:
    """It ends later than was planned, or when somebody ends it; vehicles and everybody else are told.

    The two minutes of nobody begin anew. Raises Conflict for another version than the one that was seen,
    InvalidChange when it is over, or would not last longer.
    """
    _require_active(session, emergency)
    if emergency.version != expected_version:
        raise Conflict("the emergency has changed meanwhile")
    planned_ms, ends_at_ms = emergency.planned_end_ms, prolongation.ends_at_ms(now_ms)
    if planned_ms is not None and planned_ms <= now_ms:
        raise InvalidChange("the emergency is over already", code="emergency_over")
    if planned_ms is None or (ends_at_ms is not None and ends_at_ms <= planned_ms):
        raise InvalidChange("it lasts as long already", code="emergency_not_longer", field="duration_min")
    reason = prolongation.reason
    prolong_zone(session, emergency.zone, ends_at_ms=ends_at_ms, reason=reason, now_ms=now_ms, actor=actor)
    before = state_of(emergency)
    emergency.planned_end_ms = ends_at_ms
    session.flush()
    standing = standing_because_of(session, Cause.EMERGENCY, emergency.number)
    restate(session, standing, {"until_ms": ends_at_ms}, reason=reason, now_ms=now_ms, actor=actor)
    _record(session, "emergency.prolonged", emergency, actor=actor, now_ms=now_ms, reason=reason, before=before)
    _tell_all(session, emergency, "emergency.prolonged", reason, now_ms, occasion=f"{emergency.version}")


def end_as_planned(session: Session, emergency: Emergency, now_ms: int) -> None:
    """Its time is over: it ends by itself, as its zone has. The caller holds it locked."""
    assert emergency.planned_end_ms is not None
    _end(session, emergency, at_ms=emergency.planned_end_ms, reason=_ENDED_BY_ITSELF, actor=None, now_ms=now_ms)


def lock_active(session: Session, emergency: Emergency) -> bool:
    """Keep everybody else from it until the transaction ends; whether it still lasts."""
    session.refresh(emergency, with_for_update={"of": Emergency})
    return emergency.ended_at_ms is None


def order_again(session: Session, emergency: Emergency, vehicle_id: str, *, actor: User, now_ms: int) -> None:
    """Tell one of its vehicles once more. Its two minutes go on. Raises NotFound, and InvalidChange when it is over."""
    _require_active(session, emergency)
    told = next((row for row in told_vehicles(session, emergency) if row.vehicle.vehicle_id == vehicle_id), None)
    if told is None:
        raise NotFound(f"emergency {emergency.number} does not concern {vehicle_id}")
    order(session, emergency, [told], actor=actor, now_ms=now_ms)
    subject = Subject("emergency", emergency.number)
    record(session, "emergency.ordered_again", subject, actor=actor, now_ms=now_ms, after={"vehicle": vehicle_id})


def emergency_by_number(session: Session, number: str) -> Emergency:
    """Raises NotFound."""
    emergency = session.scalar(select(Emergency).where(Emergency.number == number))
    if emergency is None:
        raise NotFound(f"no emergency {number}")
    return emergency


def active_emergencies(session: Session) -> Sequence[Emergency]:
    """Those that are not over, the oldest first."""
    return session.scalars(select(Emergency).where(Emergency.ended_at_ms.is_(None)).order_by(Emergency.id)).all()


def emergencies_of(organisation_id: int | None = None) -> Select[Emergency]:
    """All, or those of which vehicles of one operator were told, in no order."""
    statement = select(Emergency)
    if organisation_id is None:
        return statement
    own = select(EmergencyVehicle.emergency_key).join(Vehicle).where(Vehicle.organisation_id == organisation_id)
    return statement.where(Emergency.id.in_(own))


def emergency_page(session: Session, wanted: EmergencyFilter, *, limit: int, cursor: str | None) -> Page[Emergency]:
    """One page of emergencies, the newest first. Raises InvalidChange for a foreign cursor."""
    statement = emergencies_of(wanted.organisation_id)
    if wanted.jurisdiction is not None:
        statement = statement.where(Emergency.jurisdiction.has(Jurisdiction.code == wanted.jurisdiction))
    if wanted.is_active is not None:
        over = Emergency.ended_at_ms.is_not(None)
        statement = statement.where(~over if wanted.is_active else over)
    page = read_page(session, statement, Emergency.id, limit=limit, cursor=cursor, newest_first=True)
    return page.map(lambda row: row[0])


def told_vehicles(
    session: Session, emergency: Emergency, organisation_id: int | None = None
) -> Sequence[EmergencyVehicle]:
    """The vehicles that were told, in that order; those of one operator."""
    query = vehicles_told(emergency)
    if organisation_id is not None:
        query = query.join(Vehicle).where(Vehicle.organisation_id == organisation_id)
    return session.scalars(query).all()


def _next_number(session: Session, now_ms: int) -> str:
    beginning = f"E-{wall_time(now_ms).year}-"
    taken = session.scalars(select(Emergency.number).where(Emergency.number.startswith(beginning, autoescape=True)))
    return f"{beginning}{max((int(number.removeprefix(beginning)) for number in taken), default=0) + 1:04d}"


def _require_active(session: Session, emergency: Emergency) -> None:
    if not lock_active(session, emergency):
        raise InvalidChange("the emergency is over already", code="emergency_over")


def _end(session: Session, emergency: Emergency, *, at_ms: int, reason: str, actor: User | None, now_ms: int) -> None:
    before = state_of(emergency)
    emergency.ended_at_ms, emergency.end_reason = at_ms, reason
    emergency.ended_by = actor
    session.flush()
    standing = standing_because_of(session, Cause.EMERGENCY, emergency.number)
    release(session, standing, reason=reason, now_ms=now_ms, actor=actor)
    _record(session, "emergency.ended", emergency, actor=actor, now_ms=now_ms, reason=reason, before=before)
    _tell_all(session, emergency, "emergency.ended", reason, now_ms)


def _tell_all(
    session: Session, emergency: Emergency, kind: str, reason: str, now_ms: int, *, occasion: str = ""
) -> None:
    """The regulators, and the operators whose vehicles were told."""
    _tell_regulators(session, emergency, kind, now_ms, occasion=occasion)
    told = select(Vehicle.organisation_id).join(EmergencyVehicle).where(EmergencyVehicle.emergency_key == emergency.id)
    for organisation in session.scalars(select(Organisation).where(Organisation.id.in_(told))):
        notify(
            session,
            kind=kind,
            subject=Subject("emergency", emergency.number),
            occasion=f"to {organisation.code} {occasion}".rstrip(),
            params={"number": emergency.number, "reason": reason},
            now_ms=now_ms,
            organisation=organisation,
        )


def _tell_regulators(session: Session, emergency: Emergency, kind: str, now_ms: int, *, occasion: str = "") -> None:
    notify(
        session,
        kind=kind,
        subject=Subject("emergency", emergency.number),
        occasion=f"regulators {occasion}".rstrip(),
        params={"number": emergency.number, "reason": emergency.end_reason or emergency.reason},
        now_ms=now_ms,
        jurisdiction=emergency.jurisdiction,
    )


def _record(
    session: Session,
    action: str,
    emergency: Emergency,
    *,
    actor: User | None,
    now_ms: int,
    reason: str,
    before: Mapping[str, Any] | None = None,
) -> None:
    subject = Subject("emergency", emergency.number)
    after = state_of(emergency)
    record(session, action, subject, actor=actor, now_ms=now_ms, reason=reason, before=before, after=after)
