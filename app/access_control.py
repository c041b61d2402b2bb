"""Tells the broker which vehicles may connect.

The web calls this as the last step of a change, before its transaction commits: when the broker
cannot be told, nothing is changed at all. When the commit fails after that, the vehicle is locked
out, and nobody is let in who should not be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from app.errors import BrokerUnavailable
from app.settings import Settings
from telemetry.dynsec import DynamicSecurity
from telemetry.errors import AccessControlFailed, UnknownBrokerUser
from telemetry.errors import BrokerUnavailable as ConnectionFailed
from telemetry.mqtt import BrokerAddress


class VehicleAccess(Protocol):
    """What happens to a vehicle's account at the broker. Everything may be repeated."""

    def grant(self, vehicle_id: str, token: str) -> None:
        """Let it in with this token, and no longer with the one before.

        A connection made with the former token ends within a second. Raises BrokerUnavailable.
        """

    def grant_all(self, tokens: Mapping[str, str]) -> None:
        """The same for many vehicles, by vehicle id."""

    def withdraw(self, vehicle_id: str) -> None:
        """Let it in no more, and end its connection within a second. Raises BrokerUnavailable."""


class RegistryAccess:
    """Nobody needs to be told: the embedded broker asks the registry itself, at each connection and each second."""

    def grant(self, vehicle_id: str, token: str) -> None:
        """See VehicleAccess."""

    def grant_all(self, tokens: Mapping[str, str]) -> None:
        """See VehicleAccess."""

    def withdraw(self, vehicle_id: str) -> None:
        """See VehicleAccess."""


class DynamicSecurityAccess:
    """Accounts in mosquitto's dynamic-security plugin; it ends live connections by itself."""

    def __init__(self, administrator: BrokerAddress) -> None:
        self._administrator = administrator

    def grant(self, vehicle_id: str, token: str) -> None:
        """See VehicleAccess."""
        self.grant_all({vehicle_id: token})

    def grant_all(self, tokens: Mapping[str, str]) -> None:
        """See VehicleAccess."""
        with self._plugin() as plugin:
            for vehicle_id, token in tokens.items():
                plugin.ensure_vehicle(vehicle_id, token)

    def withdraw(self, vehicle_id: str) -> None:
        """See VehicleAccess. A vehicle that never had an account stays without."""
        with self._plugin() as plugin:
            try:
                plugin.disable_vehicle(vehicle_id)
            except UnknownBrokerUser:
                return

    @contextmanager
    def _plugin(self) -> Iterator[DynamicSecurity]:
        try:
            with DynamicSecurity(self._administrator) as plugin:
                yield plugin
        except (ConnectionFailed, AccessControlFailed) as error:
            raise BrokerUnavailable(f"the broker could not be told who may connect: {error}") from error


def vehicle_access(settings: Settings) -> VehicleAccess:
    """How this installation tells its broker."""
    if not settings.broker_dynsec:
        return RegistryAccess()
    return DynamicSecurityAccess(
        BrokerAddress(
            host=settings.broker_host,
            port=settings.broker_port,
            username=settings.broker_admin_username,
            password=settings.broker_admin_password,
            tls=settings.broker_tls,
        )
    )
