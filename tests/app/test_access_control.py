"""Who may connect: what the platform tells mosquitto's plugin, and what the embedded broker asks of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine

from app.access_control import DynamicSecurityAccess, RegistryAccess, vehicle_access
from app.audit import Subject, record
from app.credentials import RegisteredCredentials
from app.database import changing_session
from app.errors import BrokerUnavailable
from app.services.organisations import register_organisation
from app.services.vehicles import register_vehicle, renew_credential, vehicle_by_id
from app.settings import Settings
from telemetry.broker.identity import Identity, Role
from telemetry.dynsec import DynamicSecurity
from telemetry.samples import VehicleKind
from tests.brokers import PLATFORM_LINES, Mosquitto, dynamic_security_lines, free_port, mosquitto

NOW = 1_732_190_000_000


def settings(**env: str) -> Settings:
    return Settings.from_environment({"PILOTAGE_SECRET_KEY": "s" * 32, **env})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    lines = [*PLATFORM_LINES, *dynamic_security_lines(tmp_path, "admin", "root-secret")]
    with mosquitto(tmp_path, extra_lines=lines) as running:
        with DynamicSecurity(running.address("admin", "root-secret")) as plugin:
            plugin.ensure_defaults()
        yield running


class Car:
    """A vehicle's connection, and what became of it."""

    def __init__(self, broker: Mosquitto, token: str) -> None:
        self.events: list[str] = []
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=f"car-1-{token}", reconnect_on_failure=False)
        self.client.username_pw_set("car-1", token)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.events.append(str(reason))
        self.client.on_disconnect = lambda _c, _u, _f, _reason, _p: self.events.append("disconnected")
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        eventually(lambda: bool(self.events))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def eventually(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def driven(broker: Mosquitto) -> DynamicSecurityAccess:
    return DynamicSecurityAccess(broker.address("admin", "root-secret"))


def test_a_new_token_ends_the_connection_of_the_former_one(broker: Mosquitto) -> None:
    access = driven(broker)
    access.grant("car-1", "first")
    before = Car(broker, "first")
    assert before.events == ["Success"]
    access.grant("car-1", "second")
    eventually(lambda: before.events == ["Success", "disconnected"])
    after, refused = Car(broker, "second"), Car(broker, "first")
    assert (after.events[0], refused.events[0]) == ("Success", "Not authorized")
    for car in (before, after, refused):
        car.close()


def test_withdrawing_ends_the_connection_and_a_new_token_lets_it_in_again(broker: Mosquitto) -> None:
    access = driven(broker)
    access.grant_all({"car-1": "first", "car-2": "other"})
    car = Car(broker, "first")
    access.withdraw("car-1")
    eventually(lambda: car.events == ["Success", "disconnected"])
    access.withdraw("car-1")
    access.grant("car-1", "second")
    again = Car(broker, "second")
    assert again.events == ["Success"]
    for one in (car, again):
        one.close()


def test_withdrawing_from_a_vehicle_that_has_no_account_is_no_failure(broker: Mosquitto) -> None:
    driven(broker).withdraw("nobody")


def test_a_broker_that_cannot_be_told_is_an_error_without_the_token(broker: Mosquitto) -> None:
    gone = DynamicSecurityAccess(Mosquitto(broker.directory, free_port(), broker.config).address("admin", "x"))
    stranger = DynamicSecurityAccess(broker.address("admin", "wrong"))
    for access in (gone, stranger):
        with pytest.raises(BrokerUnavailable, match="could not be told") as caught:
            access.grant("car-1", "secret-token")
        assert "secret-token" not in str(caught.value)
        with pytest.raises(BrokerUnavailable):
            access.withdraw("car-1")


def test_the_settings_choose(broker: Mosquitto) -> None:
    assert isinstance(vehicle_access(settings()), RegistryAccess)
    access = vehicle_access(
        settings(
            PILOTAGE_BROKER_URL=f"mqtt://127.0.0.1:{broker.port}",
            PILOTAGE_BROKER_DYNSEC="true",
            PILOTAGE_BROKER_ADMIN_USERNAME="admin",
            PILOTAGE_BROKER_ADMIN_PASSWORD="root-secret",
        )
    )
    access.grant("car-1", "first")
    car = Car(broker, "first")
    assert car.events == ["Success"]
    car.close()


def test_the_embedded_broker_learns_of_renewed_and_revoked_credentials(engine: Engine) -> None:
    credentials = RegisteredCredentials(engine, settings())
    with changing_session(engine) as session:
        holder = register_organisation(session, code="op", name_zh="甲", name_en="Op", now_ms=NOW)
        kind = VehicleKind.ROAD
        _, token = register_vehicle(session, vehicle_id="car-1", kind=kind, organisation=holder, now_ms=NOW)
    first = credentials.verify("car-1", token)
    assert first == Identity("car-1", Role.VEHICLE)
    assert first is not None
    assert credentials.marks(["car-1", "nobody"]) == {"car-1": first.mark}
    many = [f"car-{number}" for number in range(70_000)]  # more than a statement of either database takes
    assert credentials.marks(many) == {"car-1": first.mark}

    with changing_session(engine) as session:
        renewed = renew_credential(session, vehicle_by_id(session, "car-1"), now_ms=NOW)
    assert credentials.verify("car-1", token) is None
    second = credentials.verify("car-1", renewed)
    assert second is not None
    assert credentials.marks(["car-1"]) == {"car-1": second.mark}
    assert second.mark != first.mark

    with changing_session(engine) as session:
        vehicle_by_id(session, "car-1").credential_hash = None
        record(session, "vehicle.credential_revoked", Subject("vehicle", "car-1"), actor=None, now_ms=NOW)
    assert credentials.verify("car-1", renewed) is None
    assert credentials.marks(["car-1"]) == {}
