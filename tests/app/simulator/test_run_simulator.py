"""The simulator as a process: through the vehicle agent and a real broker."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from app.showcase.plan import shipped_register
from app.showcase.seed import VehicleCredential
from app.simulator.run import SimulatorOptions, run_simulator
from telemetry.directives import Directive, DirectiveKind, Orders, Reply, decode_answer, encode_orders
from telemetry.messages import ALL_FILTERS, directive_topic, telemetry_topic
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER, Mosquitto, mosquitto, platform_acl

_DEADLINE_S = 30.0
CREDENTIALS = tuple(
    VehicleCredential(vehicle.vehicle_id, f"secret of {vehicle.vehicle_id}", telemetry_topic(vehicle.vehicle_id))
    for vehicle in shipped_register().vehicles
)


def samples_through(
    broker: Mosquitto, options: SimulatorOptions, enough: Callable[[list[tuple[str, int]]], bool]
) -> list[tuple[str, int]]:
    """(vehicle, seq) as the platform receives them, until there are enough."""
    received: list[tuple[str, int]] = []

    def take(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        document = json.loads(message.payload)
        samples = document if isinstance(document, list) else [document]
        received.extend((message.topic.split("/")[2], sample["seq"]) for sample in samples)

    platform = paho.Client(CallbackAPIVersion.VERSION2)
    platform.username_pw_set(SERVICE_USER, SERVICE_PASSWORD)
    platform.on_message = take
    platform.on_connect = lambda client, *_: client.subscribe(ALL_FILTERS[0], qos=1)
    platform.connect("127.0.0.1", broker.port)
    platform.loop_start()
    stop = threading.Event()
    simulator = threading.Thread(target=run_simulator, args=(options,), kwargs={"stop": stop})
    simulator.start()
    try:
        deadline_s = time.monotonic() + _DEADLINE_S
        while not enough(received) and time.monotonic() < deadline_s:
            time.sleep(0.05)
    finally:
        stop.set()
        simulator.join()
        platform.disconnect()
        platform.loop_stop()
    assert enough(received)
    return received


def answers_through(broker: Mosquitto, options: SimulatorOptions, told: set[str]) -> dict[str, set[Reply]]:
    """What each of these vehicles answers to a HALT that the broker kept for it, until all agents have it."""
    replies: dict[str, set[Reply]] = {vehicle_id: set() for vehicle_id in told}

    def take(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        replies[message.topic.split("/")[2]].add(decode_answer(message.payload).reply)

    platform = paho.Client(CallbackAPIVersion.VERSION2)
    platform.username_pw_set(SERVICE_USER, SERVICE_PASSWORD)
    platform.on_message = take
    platform.on_connect = lambda client, *_: client.subscribe(ALL_FILTERS[1], qos=1)
    platform.connect("127.0.0.1", broker.port)
    platform.loop_start()
    halt = Directive("D-1", DirectiveKind.HALT, issued_at_ms=1, deadline_ms=120_001, reason="an exercise")
    for vehicle_id in told:
        platform.publish(directive_topic(vehicle_id), encode_orders(Orders(1, (halt,))), qos=1, retain=True)
    stop = threading.Event()
    simulator = threading.Thread(target=run_simulator, args=(options,), kwargs={"stop": stop})
    simulator.start()
    try:
        deadline_s = time.monotonic() + _DEADLINE_S
        while not all(replies.values()) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        time.sleep(1.0)  # for a yes after the agent's own answer
    finally:
        stop.set()
        simulator.join()
        platform.disconnect()
        platform.loop_stop()
    return replies


def users() -> dict[str, str]:
    own = {credential.vehicle_id: credential.password for credential in CREDENTIALS}
    return {SERVICE_USER: SERVICE_PASSWORD, **own}


def test_the_fleet_reports_as_real_vehicles_do(tmp_path: Path) -> None:
    with mosquitto(tmp_path, users=users(), acl=platform_acl()) as broker:
        options = SimulatorOptions(f"mqtt://127.0.0.1:{broker.port}", CREDENTIALS, tmp_path / "fleet.ring")
        received = samples_through(broker, options, lambda samples: len({vehicle for vehicle, _ in samples}) >= 46)
    assert {vehicle for vehicle, _ in received} <= {credential.vehicle_id for credential in CREDENTIALS}


def test_the_fleet_answers_directives_as_it_is_tempered(tmp_path: Path) -> None:
    obedient, disobedient, silent = "YL-003", "FL-103", "YL-004"
    with mosquitto(tmp_path, users=users(), acl=platform_acl()) as broker:
        options = SimulatorOptions(
            f"mqtt://127.0.0.1:{broker.port}",
            CREDENTIALS,
            tmp_path / "fleet.ring",
            disobedient=[disobedient],
            silent=[silent],
        )
        replies = answers_through(broker, options, {obedient, disobedient, silent})
    assert Reply.ACCEPTED in replies[obedient]
    assert Reply.ACCEPTED in replies[disobedient]
    assert replies[silent] == {Reply.RECEIVED}, "its agent has it, its program says nothing"


def test_a_synthetic_fleet_loads_the_broker(tmp_path: Path) -> None:
    with mosquitto(tmp_path, users=users(), acl=platform_acl()) as broker:
        options = SimulatorOptions(
            f"mqtt://127.0.0.1:{broker.port}", CREDENTIALS, tmp_path / "fleet.ring", road_hz=10.0, synthetic_vehicles=20
        )
        received = samples_through(broker, options, lambda samples: len(set(samples)) >= 400)
    assert len({vehicle for vehicle, _ in received}) == 20


def test_more_vehicles_than_credentials_are_refused(tmp_path: Path) -> None:
    options = SimulatorOptions("mqtt://127.0.0.1:1", CREDENTIALS, tmp_path / "fleet.ring", synthetic_vehicles=51)
    with pytest.raises(ValueError, match="51 vehicles wanted, credentials of 50 given"):
        run_simulator(options, stop=threading.Event())
