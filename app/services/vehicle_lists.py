"""Reading the register of vehicles: with status, last message, rejects, permits and alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from app.models import (
    Organisation,
    Permit,
    PermitRevisionRow,
    Sample,
    ServiceStatus,
    TrackRow,
    Vehicle,
)
from app.models.permits import permit_revision_vehicles
from app.services.pages import Page, holds, read_page
from app.services.vehicle_status import current_status
from telemetry.samples import VehicleKind

#: What a search for a vehicle looks into.
SEARCHED = (Vehicle.vehicle_id, Vehicle.plate, Vehicle.vin, Vehicle.registration_mark, Vehicle.make, Vehicle.model)


@dataclass(frozen=True, slots=True)
class VehicleRow:
    """A vehicle as lists show it."""

    vehicle: Vehicle
    status: ServiceStatus
    last_message_at_ms: int | None


@dataclass(frozen=True, slots=True)
class VehicleFilter:
    """Which vehicles a list holds; None: any."""

    organisation_id: int | None = None
    organisation: str | None = None
    kind: VehicleKind | None = None
    status: ServiceStatus | None = None
    text: str | None = None


def vehicle_rows(now_ms: int, wanted: VehicleFilter) -> Select[*tuple[Any, ...]]:
    """Vehicle, its status (as text) and the time of its last message, of the vehicles wanted, in no order."""
    statement = (
        select(Vehicle, current_status(now_ms), TrackRow.last_timestamp_ms)
        .join(Organisation, Vehicle.organisation_id == Organisation.id)
        .outerjoin(TrackRow, TrackRow.vehicle == Vehicle.id)
    )
    return statement.where(*_conditions(wanted, now_ms))


def read_vehicle_row(row: Any) -> VehicleRow:
    """What a row of `vehicle_rows` says."""
    vehicle, status, last_message_at_ms = row
    return VehicleRow(vehicle, ServiceStatus(status), last_message_at_ms)


def vehicle_row(session: Session, vehicle: Vehicle, now_ms: int) -> VehicleRow:
    """One vehicle with its status and last message."""
    statement = vehicle_rows(now_ms, VehicleFilter()).where(Vehicle.id == vehicle.id)
    return read_vehicle_row(session.execute(statement).one())


def vehicle_page(
    session: Session, wanted: VehicleFilter, *, now_ms: int, limit: int, cursor: str | None
) -> Page[VehicleRow]:
    """One page of vehicles by id. Raises InvalidChange for a foreign cursor."""
    found = read_page(session, vehicle_rows(now_ms, wanted), Vehicle.vehicle_id, limit=limit, cursor=cursor)
    return found.map(read_vehicle_row)


def last_position(session: Session, vehicle: Vehicle) -> Sample | None:
    """The newest sample on time that the platform stored of the vehicle."""
    track = session.get(TrackRow, vehicle.id)
    if track is None:
        return None
    return session.get(Sample, (track.last_timestamp_ms, vehicle.id, track.last_seq))


def permits_naming(session: Session, vehicle: Vehicle) -> Sequence[PermitRevisionRow]:
    """The newest revision of each permit, where it names the vehicle."""
    newest = (
        select(PermitRevisionRow.permit_id, func.max(PermitRevisionRow.generation).label("generation"))
        .group_by(PermitRevisionRow.permit_id)
        .subquery()
    )
    naming = (
        select(PermitRevisionRow)
        .join(
            newest,
            (PermitRevisionRow.permit_id == newest.c.permit_id) & (PermitRevisionRow.generation == newest.c.generation),
        )
        .join(permit_revision_vehicles, permit_revision_vehicles.c.revision_id == PermitRevisionRow.id)
        .join(Permit, PermitRevisionRow.permit_id == Permit.id)
        .where(permit_revision_vehicles.c.vehicle_id == vehicle.id)
        .order_by(Permit.number)
    )
    return session.scalars(naming).all()


def _conditions(wanted: VehicleFilter, now_ms: int) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.organisation_id is not None:
        conditions.append(Vehicle.organisation_id == wanted.organisation_id)
    if wanted.organisation is not None:
        conditions.append(Organisation.code == wanted.organisation)
    if wanted.kind is not None:
        conditions.append(Vehicle.kind == wanted.kind)
    if wanted.status is not None:
        conditions.append(current_status(now_ms) == wanted.status.value)
    if wanted.text:
        conditions.append(holds(wanted.text, *SEARCHED))
    return conditions
