"""Vehicles' credentials: handed out once, and told to the broker before the change is committed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.access_control import vehicle_access
from app.models import Organisation, ServiceStatus, Vehicle
from app.schemas.vehicles import CredentialOut, StatusChange, VehicleDetails
from app.services.imports import Preview, draft_registrations, take_over
from app.services.vehicle_status import change_status
from app.services.vehicles import (
    Registration,
    register_vehicle,
    register_vehicles,
    registrations_of,
    renew_credential,
    revoke_credential,
)
from app.web.gate import identity
from app.web.ownership import actor
from app.web.runtime import runtime
from telemetry.messages import telemetry_topic


def register(database: Session, details: VehicleDetails) -> tuple[Vehicle, CredentialOut]:
    """Register a vehicle of the caller's organisation."""
    vehicle, token = register_vehicle(
        database,
        vehicle_id=details.vehicle_id,
        kind=details.kind,
        organisation=own_organisation(database),
        now_ms=runtime().clock(),
        actor=actor(database),
        **details.facts(),
    )
    vehicle_access(runtime().settings).grant(vehicle.vehicle_id, token)
    return vehicle, credential(vehicle.vehicle_id, token)


def register_preview(preview: Preview) -> Sequence[CredentialOut]:
    """Register every vehicle of a file, or none."""
    wanted = registrations_of(preview.details)
    with runtime().changing() as database:
        organisation, now_ms = own_organisation(database), runtime().clock()
        register_vehicles(database, wanted, organisation=organisation, now_ms=now_ms, actor=actor(database))
        return _granted(wanted)


def register_draft(public_id: str) -> Sequence[CredentialOut]:
    """Register every vehicle of a kept preview, or none."""
    now_ms = runtime().clock()
    with runtime().reading() as database:  # all that can be made without it: nobody waits for a write lock meanwhile
        wanted = draft_registrations(database, public_id, user_id=identity().user_id, now_ms=now_ms)
    with runtime().changing() as database:
        organisation = own_organisation(database)
        take_over(database, public_id, wanted, organisation=organisation, actor=actor(database), now_ms=now_ms)
        return _granted(wanted)


def rotate(database: Session, vehicle: Vehicle) -> CredentialOut:
    """A new token in the place of the old one."""
    token = renew_credential(database, vehicle, now_ms=runtime().clock(), actor=actor(database))
    vehicle_access(runtime().settings).grant(vehicle.vehicle_id, token)
    return credential(vehicle.vehicle_id, token)


def revoke(database: Session, vehicle: Vehicle) -> None:
    """No token any more: the vehicle is disconnected."""
    revoke_credential(database, vehicle, now_ms=runtime().clock(), actor=actor(database))
    vehicle_access(runtime().settings).withdraw(vehicle.vehicle_id)


def decide_status(database: Session, vehicle: Vehicle, change: StatusChange) -> None:
    """Another status from now on; a retired vehicle also loses its credential."""
    change_status(database, vehicle, change, now_ms=runtime().clock(), actor=actor(database))
    if change.status is ServiceStatus.RETIRED:
        revoke(database, vehicle)


def own_organisation(database: Session) -> Organisation:
    """The organisation that the caller registers for; operators always have one."""
    return database.get_one(Organisation, identity().organisation)


def credential(vehicle_id: str, token: str) -> CredentialOut:
    """Everything that the vehicle's computer needs."""
    return CredentialOut(
        vehicle_id=vehicle_id,
        username=vehicle_id,
        token=token,
        topic=telemetry_topic(vehicle_id),
        broker=runtime().settings.broker_url,
        command=agent_command(vehicle_id, token),
    )


def agent_command(vehicle_id: str, token: str | None = None) -> str:
    """The command line for the vehicle's computer. A token is told once only: later its place is left."""
    broker = runtime().settings.broker_url
    return f"PILOTAGE_VEHICLE_PASSWORD={token or '…'} pilotage agent --broker {broker} --vehicle {vehicle_id}"


def _granted(registered: Sequence[Registration]) -> list[CredentialOut]:
    vehicle_access(runtime().settings).grant_all({each.vehicle_id: each.token for each in registered})
    return [credential(each.vehicle_id, each.token) for each in registered]
