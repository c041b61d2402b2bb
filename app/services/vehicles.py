"""Registration of vehicles and their credentials at the broker."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from sqlalchemy import insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.audit import Subject, record, state_of, states_of
from app.errors import AlreadyRegistered, InvalidChange, NotFound
from app.models import Organisation, ServiceStatus, User, Vehicle
from app.schemas.vehicles import VehicleDetails, VehicleFacts
from app.services.generations import next_generation
from app.services.vehicle_status import status_of
from telemetry.messages import partition_of
from telemetry.samples import VehicleKind

_TOKEN_BYTES = 32
#: Tokens begin with it: a token is recognised where it should not be, and never begins with a dash.
_TOKEN_PREFIX = "pv_"  # noqa: S105 -- the beginning of every token, not a secret
#: A vehicle id is a level of MQTT topics and a user name: no separators, no wildcards, no spaces.
_VEHICLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: What names one vehicle among those of all operators.
UNIQUE: Mapping[str, InstrumentedAttribute[Any]] = {
    "vehicle_id": Vehicle.vehicle_id,
    "vin": Vehicle.vin,
    "registration_mark": Vehicle.registration_mark,
    "remote_id": Vehicle.remote_id,
}
_ASKED_AT_ONCE = 500


def register_vehicle(
    session: Session,
    *,
    vehicle_id: str,
    kind: VehicleKind,
    organisation: Organisation,
    now_ms: int,
    actor: User | None = None,
    **facts: Unpack[VehicleFacts],
) -> tuple[Vehicle, str]:
    """Register a vehicle; the token is shown this once and kept as a hash only.

    Raises InvalidChange for an id that cannot stand in a topic, AlreadyRegistered for a known one.
    """
    if not _VEHICLE_ID.fullmatch(vehicle_id):
        raise InvalidChange(f"{vehicle_id!r} cannot be a vehicle id: letters, digits, '.', '_' and '-', at most 64")
    # The generation first: from here on nobody else can register the same one.
    generation = next_generation(session)
    _require_untaken(session, {"vehicle_id": vehicle_id, **facts})
    made = _registration(vehicle_id, kind, facts)
    vehicle = Vehicle(
        **made.columns,
        organisation=organisation,
        credential_issued_at_ms=now_ms,
        registered_at_ms=now_ms,
        generation=generation,
    )
    session.add(vehicle)
    session.flush()
    _record(session, "vehicle.registered", vehicle, actor=actor, now_ms=now_ms)
    return vehicle, made.token


@dataclass(frozen=True, slots=True)
class Registration:
    """A vehicle that is about to be registered: its columns, and its token, which is kept as a hash only."""

    vehicle_id: str
    token: str = field(repr=False)
    columns: Mapping[str, Any] = field(repr=False)


def registrations_of(all_details: Sequence[VehicleDetails]) -> list[Registration]:
    """What registering these takes and can be made before the transaction, in which others wait."""
    return [_registration(each.vehicle_id, each.kind, each.facts()) for each in all_details]


def register_vehicles(
    session: Session, wanted: Sequence[Registration], *, organisation: Organisation, now_ms: int, actor: User
) -> None:
    """Register many vehicles as one change: only what must wait for nobody else's is done here.

    When one of them is known the database refuses them all (app.constraints).
    """
    generation = next_generation(session)
    common = {
        "organisation_id": organisation.id,
        "credential_issued_at_ms": now_ms,
        "registered_at_ms": now_ms,
        "generation": generation,
    }
    # Past the session, which would make objects of them: each is told of below.
    session.connection().execute(insert(Vehicle), [{**each.columns, **common} for each in wanted])
    for state in states_of(session, Vehicle, Vehicle.generation == generation):
        subject = Subject("vehicle", state["vehicle_id"])
        record(session, "vehicle.registered", subject, actor=actor, now_ms=now_ms, after=state)


def change_vehicle(session: Session, vehicle: Vehicle, details: VehicleDetails, *, now_ms: int, actor: User) -> None:
    """Replace what the operator states of a vehicle.

    Raises InvalidChange when the details name another vehicle or kind, or it is retired; AlreadyRegistered
    when a number belongs to another vehicle.
    """
    require_not_retired(session, vehicle, now_ms)
    for name in ("vehicle_id", "kind"):
        if getattr(details, name) != getattr(vehicle, name):
            raise InvalidChange(f"{name} never changes", code="fixed_field", field=name)
    facts = details.facts()
    _require_untaken(session, facts, but=vehicle)
    before = state_of(vehicle)
    for column, value in facts.items():
        setattr(vehicle, column, value)
    session.flush()
    _record(session, "vehicle.changed", vehicle, actor=actor, now_ms=now_ms, before=before)


def renew_credential(session: Session, vehicle: Vehicle, *, now_ms: int, actor: User | None = None) -> str:
    """Replace the vehicle's token; the old one is worthless from the commit on. Raises InvalidChange once retired."""
    require_not_retired(session, vehicle, now_ms)
    token = _new_token()
    vehicle.credential_hash = _hash(token)
    vehicle.credential_issued_at_ms = now_ms
    session.flush()
    _record(session, "vehicle.credential_renewed", vehicle, actor=actor, now_ms=now_ms)
    return token


def revoke_credential(session: Session, vehicle: Vehicle, *, now_ms: int, actor: User | None = None) -> None:
    """Leave the vehicle without a token: it cannot log in any more."""
    vehicle.credential_hash = None
    vehicle.credential_issued_at_ms = None
    session.flush()
    _record(session, "vehicle.credential_revoked", vehicle, actor=actor, now_ms=now_ms)


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


def require_not_retired(session: Session, vehicle: Vehicle, now_ms: int) -> None:
    """Raise InvalidChange for a retired vehicle: its record is closed."""
    if status_of(session, vehicle, now_ms) is ServiceStatus.RETIRED:
        raise InvalidChange(f"vehicle {vehicle.vehicle_id} is retired", code="vehicle_retired")


def taken_values(session: Session, name: str, values: Sequence[str | None]) -> set[str]:
    """Those of the values that a registered vehicle has in the column `name` of UNIQUE."""
    column = UNIQUE[name]
    stated = [value for value in values if value is not None]
    found: set[str] = set()
    for start in range(0, len(stated), _ASKED_AT_ONCE):
        found.update(session.scalars(select(column).where(column.in_(stated[start : start + _ASKED_AT_ONCE]))))
    return found


def _require_untaken(session: Session, facts: Mapping[str, Any], but: Vehicle | None = None) -> None:
    for name, column in UNIQUE.items():
        value = facts.get(name)
        if value is None:
            continue
        holder = session.scalar(select(Vehicle.id).where(column == value))
        if holder is not None and (but is None or holder != but.id):
            raise AlreadyRegistered(f"{name} {value} is registered already", field=name)


def _registration(vehicle_id: str, kind: VehicleKind, facts: VehicleFacts) -> Registration:
    token = _new_token()
    named = {"vehicle_id": vehicle_id, "kind": kind, "partition": partition_of(vehicle_id)}
    return Registration(vehicle_id, token, {**named, "credential_hash": _hash(token), **facts})


def _record(
    session: Session,
    action: str,
    vehicle: Vehicle,
    *,
    actor: User | None,
    now_ms: int,
    before: Mapping[str, Any] | None = None,
) -> None:
    subject = Subject("vehicle", vehicle.vehicle_id)
    record(session, action, subject, actor=actor, now_ms=now_ms, before=before, after=state_of(vehicle))


def _new_token() -> str:
    return _TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
