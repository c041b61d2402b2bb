"""Who may log in at the embedded broker: the platform's own processes and registered vehicles."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping

from sqlalchemy import Engine, select

from app.database import in_parts, reading_session
from app.models import Vehicle
from app.services.vehicles import verify_credential
from app.settings import Settings
from telemetry.broker.identity import Identity, Role


class RegisteredCredentials:
    """telemetry.broker.identity.Credentials on the registry."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    def verify(self, username: str, password: str) -> Identity | None:
        """The identity, or None. Asks the database at each call; raises when it cannot be asked."""
        if username == self._settings.broker_username:
            is_ours = hmac.compare_digest(password.encode(), self._settings.broker_password.encode())
            return Identity(username, Role.SERVICE) if is_ours else None
        with reading_session(self._engine) as session:
            vehicle = verify_credential(session, username, password)
        if vehicle is None or vehicle.credential_hash is None:
            return None
        return Identity(vehicle.vehicle_id, Role.VEHICLE, _mark(vehicle.credential_hash))

    def marks(self, names: Collection[str]) -> Mapping[str, bytes]:
        """See telemetry.broker.identity.Credentials; one question to the database for some thousand names."""
        columns = select(Vehicle.vehicle_id, Vehicle.credential_hash)
        with reading_session(self._engine) as session:
            return {
                name: _mark(kept)
                for some in in_parts(names)
                for name, kept in session.execute(columns.where(Vehicle.vehicle_id.in_(some)))
                if kept is not None
            }


def _mark(credential_hash: bytes) -> bytes:
    """Of one credential and no other; the hash itself stays in the database."""
    return hashlib.sha256(credential_hash).digest()
