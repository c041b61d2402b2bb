"""Whether vehicles are in service: decided with a reason, from now on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from app.audit import Subject, record, state_of
from app.errors import InvalidChange
from app.models import Role, ServiceStatus, User, Vehicle, VehicleStatusRevision
from app.schemas.vehicles import StatusChange
from app.services.generations import next_generation
from app.services.pages import Page, read_page


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """One change of a vehicle's status, with who made it."""

    status: ServiceStatus
    starts_at_ms: int
    reason: str
    actor: str | None


def change_status(
    session: Session, vehicle: Vehicle, change: StatusChange, *, now_ms: int, actor: User
) -> VehicleStatusRevision:
    """Put a vehicle into another status from now on.

    Raises InvalidChange when it has that status already, when it is retired, and when an operator
    would put back what a regulator took out of service.
    """
    newest = newest_status(session, vehicle, now_ms)
    _require_allowed(session, newest, change.status, actor)
    revision = VehicleStatusRevision(
        vehicle=vehicle,
        status=change.status,
        starts_at_ms=now_ms,
        reason=change.reason,
        actor_id=actor.id,
        recorded_at_ms=now_ms,
        generation=next_generation(session),
    )
    session.add(revision)
    # A decision is a change of the vehicle too: of two who decide at once, the second is told.
    flag_modified(vehicle, "vehicle_id")
    session.flush()
    record(
        session,
        "vehicle.status_changed",
        Subject("vehicle", vehicle.vehicle_id),
        actor=actor,
        now_ms=now_ms,
        reason=change.reason,
        before={"status": _status(newest).value},
        after=state_of(revision),
    )
    return revision


def status_of(session: Session, vehicle: Vehicle, at_ms: int) -> ServiceStatus:
    """The vehicle's status at an instant."""
    return _status(newest_status(session, vehicle, at_ms))


def newest_status(session: Session, vehicle: Vehicle, at_ms: int) -> VehicleStatusRevision | None:
    """The revision that is in force at an instant; None: in service since its registration."""
    started = select(VehicleStatusRevision).where(
        VehicleStatusRevision.vehicle_id == vehicle.id, VehicleStatusRevision.starts_at_ms <= at_ms
    )
    return session.scalar(started.order_by(VehicleStatusRevision.generation.desc()).limit(1))


def status_history(session: Session, vehicle: Vehicle) -> Sequence[StatusEntry]:
    """Every change, newest first."""
    newest_first = VehicleStatusRevision.generation.desc()
    return [_entry(row) for row in session.execute(_entries(vehicle).order_by(newest_first))]


def status_page(session: Session, vehicle: Vehicle, *, limit: int, cursor: str | None) -> Page[StatusEntry]:
    """One page of the changes, newest first. Raises InvalidChange for a foreign cursor."""
    key = VehicleStatusRevision.generation
    return read_page(session, _entries(vehicle), key, limit=limit, cursor=cursor, newest_first=True).map(_entry)


def current_status(at_ms: int) -> ColumnElement[str]:
    """The status of the vehicle of a statement's row at an instant, as text."""
    newest = (
        select(VehicleStatusRevision.status)
        .where(VehicleStatusRevision.vehicle_id == Vehicle.id, VehicleStatusRevision.starts_at_ms <= at_ms)
        .order_by(VehicleStatusRevision.generation.desc())
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(newest, ServiceStatus.IN_SERVICE.value, type_=String)


def _entries(vehicle: Vehicle) -> Select[*tuple[Any, ...]]:
    return (
        select(VehicleStatusRevision, User.display_name)
        .outerjoin(User, VehicleStatusRevision.actor_id == User.id)
        .where(VehicleStatusRevision.vehicle_id == vehicle.id)
    )


def _entry(row: Any) -> StatusEntry:
    revision, actor = row
    return StatusEntry(revision.status, revision.starts_at_ms, revision.reason, actor)


def _require_allowed(
    session: Session, newest: VehicleStatusRevision | None, wanted: ServiceStatus, actor: User
) -> None:
    current = _status(newest)
    if current is ServiceStatus.RETIRED:
        raise InvalidChange("a retired vehicle stays retired", code="vehicle_retired")
    if current is wanted:
        raise InvalidChange(f"the vehicle is {wanted} already", code="status_unchanged", field="status")
    decider = session.get(User, newest.actor_id) if newest is not None and newest.actor_id is not None else None
    if decider is not None and decider.role is Role.REGULATOR and actor.role is not Role.REGULATOR:
        raise InvalidChange("a regulator took it out of service", code="held_by_regulator", field="status")


def _status(revision: VehicleStatusRevision | None) -> ServiceStatus:
    return ServiceStatus.IN_SERVICE if revision is None else revision.status
