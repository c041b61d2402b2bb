"""Registration of vehicles and their credentials at the broker."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import AlreadyRegistered, InvalidChange, NotFound
from app.models import Organisation, User, Vehicle
from app.services.generations import next_generation
from telemetry.messages import partition_of
from telemetry.samples import VehicleKind

_TOKEN_BYTES = 32
#: A vehicle id is a level of MQTT topics and a user name: no separators, no wildcards, no spaces.
_VEHICLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def register_vehicle(
    session: Session,
    *,
    vehicle_id: str,
    kind: VehicleKind,
    organisation: Organisation,
    now_ms: int,
    plate: str | None = None,
    model: str | None = None,
    actor: User | None = None,
) -> tuple[Vehicle, str]:
    """Register a vehicle; the token is shown this once and kept as a hash only.

    Raises InvalidChange for an id that cannot stand in a topic, AlreadyRegistered for a known one.
    """
    if not _VEHICLE_ID.fullmatch(vehicle_id):
        raise InvalidChange(f"{vehicle_id!r} cannot be a vehicle id: letters, digits, '.', '_' and '-', at most 64")
    if session.scalar(select(Vehicle.id).where(Vehicle.vehicle_id == vehicle_id)) is not None:
        raise AlreadyRegistered(f"vehicle {vehicle_id} exists")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    vehicle = Vehicle(
        vehicle_id=vehicle_id,
        kind=kind,
        partition=partition_of(vehicle_id),
        organisation=organisation,
        plate=plate,
        model=model,
        credential_hash=_hash(token),
        credential_issued_at_ms=now_ms,
        registered_at_ms=now_ms,
        generation=next_generation(session),
    )
    session.add(vehicle)
    session.flush()
    _record(session, "vehicle.registered", vehicle, actor, now_ms)
    return vehicle, token


def renew_credential(session: Session, vehicle: Vehicle, *, now_ms: int, actor: User | None = None) -> str:
    """Replace the vehicle's token; the old one is worthless from the commit on."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    vehicle.credential_hash = _hash(token)
    vehicle.credential_issued_at_ms = now_ms
    session.flush()
    _record(session, "vehicle.credential_renewed", vehicle, actor, now_ms)
    return token


def verify_credential(session: Session, username: str, token: str) -> Vehicle | None:
    """The vehicle that this user name and token belong to, or None."""
    vehicle = session.scalar(select(Vehicle).where(Vehicle.vehicle_id == username))
    if vehicle is None or vehicle.credential_hash is None:
        return None
    return vehicle if hmac.compare_digest(vehicle.credential_hash, _hash(token)) else None


def vehicle_by_id(session: Session, vehicle_id: str) -> Vehicle:
    """Raises NotFound."""
    vehicle = session.scalar(select(Vehicle).where(Vehicle.vehicle_id == vehicle_id))
    if vehicle is None:
        raise NotFound(f"no vehicle {vehicle_id}")
    return vehicle


def _record(session: Session, action: str, vehicle: Vehicle, actor: User | None, now_ms: int) -> None:
    subject = Subject("vehicle", vehicle.vehicle_id)
    record(session, action, subject, actor=actor, now_ms=now_ms, after=state_of(vehicle))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
