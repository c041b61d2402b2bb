"""The driver of mosquitto's dynamic-security plugin, against the real plugin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from telemetry.dynsec import DynamicSecurity
from telemetry.errors import AccessControlFailed, BrokerUnavailable, UnknownBrokerUser
from telemetry.messages import committed_topic, telemetry_topic
from telemetry.mqtt import ClientSettings, TelemetryClient, vehicle_filters
from tests.brokers import (
    PLATFORM_LINES,
    SERVICE_PASSWORD,
    SERVICE_USER,
    Mosquitto,
    dynamic_security_lines,
    free_port,
    mosquitto,
)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    lines = [*PLATFORM_LINES, *dynamic_security_lines(tmp_path, "admin", "root-secret")]
    with mosquitto(tmp_path, extra_lines=lines) as running:
        yield running


@pytest.fixture
def plugin(broker: Mosquitto) -> Iterator[DynamicSecurity]:
    with DynamicSecurity(broker.address("admin", "root-secret")) as plugin:
        plugin.ensure_defaults()
        plugin.ensure_service(SERVICE_USER, SERVICE_PASSWORD)
        yield plugin


class Vehicle:
    def __init__(self, broker: Mosquitto, vehicle_id: str, password: str) -> None:
        self.events: list[str] = []
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=vehicle_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self.client.username_pw_set(vehicle_id, password)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.events.append(str(reason))
        self.client.on_disconnect = lambda _c, _u, _f, _reason, _p: self.events.append("disconnected")
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.events.append(str(reasons[0]))
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


def test_a_vehicle_may_use_its_own_topics_only(broker: Mosquitto, plugin: DynamicSecurity) -> None:
    plugin.ensure_vehicle("car-1", "wheels")
    service = TelemetryClient(broker.service(), ClientSettings("w1", vehicle_filters(range(64))), lambda: 0)
    service.start()
    car = Vehicle(broker, "car-1", "wheels")
    try:
        eventually(lambda: service.connection.ready)
        car.client.subscribe(committed_topic("car-1"), qos=1)
        car.client.subscribe(committed_topic("car-2"), qos=1)
        car.client.subscribe("#", qos=1)
        eventually(lambda: len(car.events) == 4)
        assert car.events == ["Success", "Granted QoS 1", "Not authorized", "Not authorized"]
        car.client.publish(telemetry_topic("car-1"), b"own", qos=1).wait_for_publish(10)
        # mosquitto 2.0.11 ends an MQTT 5 connection after a denied publication
        car.client.publish(telemetry_topic("car-2"), b"forged", qos=1).wait_for_publish(10)
        heard = [*service.take(1, 1000, linger_s=0, idle_s=10), *service.take(1, 1000, linger_s=0, idle_s=0.3)]
        assert [message.payload for message in heard] == [b"own"]
    finally:
        car.close()
        service.stop()


def test_disabling_ends_a_live_connection_and_enabling_lets_it_in_again(
    broker: Mosquitto, plugin: DynamicSecurity
) -> None:
    plugin.ensure_vehicle("car-1", "wheels")
    car = Vehicle(broker, "car-1", "wheels")
    plugin.disable_vehicle("car-1")
    eventually(lambda: car.events == ["Success", "disconnected"])
    car.close()
    refused = Vehicle(broker, "car-1", "wheels")
    assert refused.events[0] == "Not authorized"
    refused.close()
    plugin.enable_vehicle("car-1")
    again = Vehicle(broker, "car-1", "wheels")
    assert again.events == ["Success"]
    again.close()


def test_a_new_password_replaces_the_old_one(broker: Mosquitto, plugin: DynamicSecurity) -> None:
    for password in ("first", "second", "second"):
        plugin.ensure_vehicle("car-1", password)
    old, new = Vehicle(broker, "car-1", "first"), Vehicle(broker, "car-1", "second")
    assert (old.events[0], new.events[0]) == ("Not authorized", "Success")
    old.close()
    new.close()


def test_deleting_may_be_repeated(broker: Mosquitto, plugin: DynamicSecurity) -> None:
    plugin.ensure_vehicle("car-1", "wheels")
    for _ in range(2):
        plugin.delete_vehicle("car-1")
    gone = Vehicle(broker, "car-1", "wheels")
    assert gone.events[0] == "Not authorized"
    gone.close()


def test_accounts_survive_a_restart_of_the_broker(broker: Mosquitto, plugin: DynamicSecurity) -> None:
    plugin.ensure_vehicle("car-1", "wheels")
    broker.stop()
    broker.start()
    car = Vehicle(broker, "car-1", "wheels")
    assert car.events == ["Success"]
    car.close()


def test_failures_are_named(broker: Mosquitto, plugin: DynamicSecurity) -> None:
    with pytest.raises(UnknownBrokerUser, match="Client not found"):
        plugin.disable_vehicle("nobody")
    for name in ("car-1/+", "#", ""):
        with pytest.raises(AccessControlFailed, match="vehicle"):
            plugin.ensure_vehicle(name, "wheels")
    broker.stop()
    with pytest.raises(BrokerUnavailable):
        plugin.enable_vehicle("car-1")


def test_no_broker_no_plugin_and_no_permission_are_unavailable(tmp_path: Path, broker: Mosquitto) -> None:
    gone = Mosquitto(tmp_path, free_port(), tmp_path / "none").address()
    with pytest.raises(BrokerUnavailable, match="cannot reach"), DynamicSecurity(gone):
        pass
    with (
        pytest.raises(BrokerUnavailable, match="refused us"),
        DynamicSecurity(broker.address("admin", "wrong")),
    ):
        pass
