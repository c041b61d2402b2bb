"""Who may log in at the embedded broker: the platform's own processes and registered vehicles."""

from __future__ import annotations

import hmac

from sqlalchemy import Engine

from app.database import reading_session
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
        return Identity(vehicle.vehicle_id, Role.VEHICLE) if vehicle is not None else None
