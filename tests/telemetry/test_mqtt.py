"""The client against a real mosquitto."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.publish
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from telemetry.errors import BrokerUnavailable
from telemetry.messages import Message, telemetry_topic
from telemetry.mqtt import BrokerAddress, ClientSettings, TelemetryClient, vehicle_filters
from telemetry.ports import OutboxMessage
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER, Mosquitto, mosquitto, platform_acl

USERS = {SERVICE_USER: SERVICE_PASSWORD, "car-1": "wheels"}
ALL = vehicle_filters(range(64))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path, users=USERS, acl=platform_acl()) as running:
        yield running


def settings(client_id: str = "w1", *, filters: Sequence[str] = ALL, inbox_messages: int = 4096) -> ClientSettings:
    return ClientSettings(client_id, filters, inbox_messages=inbox_messages)


@contextmanager
def connected(address: BrokerAddress, own: ClientSettings | None = None) -> Iterator[TelemetryClient]:
    client = TelemetryClient(address, own or settings(), lambda: int(time.time() * 1000))
    client.start()
    try:
        eventually(lambda: client.connection.ready)
        yield client
    finally:
        client.stop()


def eventually(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def send(broker: Mosquitto, payloads: Sequence[bytes], vehicle: str = "car-1", topic: str | None = None) -> None:
    paho.mqtt.publish.multiple(
        [(topic or telemetry_topic(vehicle), payload, 1, False) for payload in payloads],
        hostname="127.0.0.1",
        port=broker.port,
        auth={"username": vehicle, "password": USERS[vehicle]},
        protocol=MQTTProtocolVersion.MQTTv311,
    )


def take(client: TelemetryClient, count: int) -> list[Message]:
    taken: list[Message] = []
    deadline = time.monotonic() + 20
    while len(taken) < count and time.monotonic() < deadline:
        taken += client.take(500, 1 << 24, linger_s=0.05, idle_s=0.2)
    return taken


def payloads(messages: Sequence[Message]) -> list[bytes]:
    return [message.payload for message in messages]


def test_a_broker_address_is_read_from_a_url_and_hides_its_password() -> None:
    address = BrokerAddress.parse("mqtt://me:s%40fe@broker.example", username=None)
    assert (address.host, address.port, address.username, address.password, address.tls) == (
        "broker.example", 1883, "me", "s@fe", False,
    )  # fmt: skip
    assert "s@fe" not in repr(address)
    assert BrokerAddress.parse("mqtts://b").port == 8883
    with pytest.raises(ValueError, match="mqtt://"):
        BrokerAddress.parse("http://b")


def test_filters_follow_the_partitions() -> None:
    assert vehicle_filters(range(64)) == ["v1/+/+/telemetry", "v1/+/+/directive/ack"]
    assert vehicle_filters([5, 3]) == [
        *("v1/3/+/telemetry", "v1/3/+/directive/ack"),
        *("v1/5/+/telemetry", "v1/5/+/directive/ack"),
    ]


def test_mqtt_5_is_spoken_and_messages_arrive_in_order(broker: Mosquitto) -> None:
    sent = [b"%d" % number for number in range(1200)]
    with connected(broker.service()) as client:
        assert client.connection.protocol == MQTTProtocolVersion.MQTTv5
        send(broker, sent)
        taken = take(client, 1200)
        assert payloads(taken) == sent
        assert {message.topic for message in taken} == {telemetry_topic("car-1")}


def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(broker: Mosquitto) -> None:
    with connected(broker.service()) as client:
        send(broker, [b"%d" % number for number in range(10)])
        client.acknowledge(take(client, 10)[:6])
    with connected(broker.service()) as client:
        assert payloads(take(client, 4)) == [b"6", b"7", b"8", b"9"]


def test_messages_are_kept_for_a_worker_that_is_away(broker: Mosquitto) -> None:
    with connected(broker.service()):
        pass
    send(broker, [b"%d" % number for number in range(3000)])
    with connected(broker.service()) as client:
        assert len(take(client, 3000)) == 3000


def test_many_batches_flow_without_stalling(broker: Mosquitto) -> None:
    with connected(broker.service()) as client:
        sender = threading.Thread(target=send, args=(broker, [b"%d" % number for number in range(6000)]))
        sender.start()
        seen: list[Message] = []
        while len(seen) < 6000:
            batch = take(client, 1)
            assert batch, "the flow stopped"
            client.acknowledge(batch)
            seen += batch
        sender.join()
    assert payloads(seen) == [b"%d" % number for number in range(6000)]


def test_a_full_inbox_stops_reading_and_loses_nothing(broker: Mosquitto) -> None:
    with connected(broker.service(), settings(inbox_messages=50)) as client:
        body = os.urandom(20_000)
        send(broker, [b"%d " % number + body for number in range(400)])
        eventually(lambda: not client.inbox.has_room)
        held, _ = client.waiting()
        assert held < 400, "more was read than one chunk above the bound"
        taken = take(client, 400)
    assert [int(payload.split(b" ", 1)[0]) for payload in payloads(taken)] == list(range(400))


def test_a_token_of_an_earlier_connection_acknowledges_nothing(broker: Mosquitto) -> None:
    with connected(broker.service()) as client:
        send(broker, [b"a"])
        old = take(client, 1)
        first = client.connection.number
        broker.kill()
        broker.start()
        eventually(lambda: client.connection.ready and client.connection.number > first)
        send(broker, [b"b"])  # gets the packet id that "a" had
        new = take(client, 1)
        assert isinstance(old[0].token, int)
        assert isinstance(new[0].token, int)
        assert old[0].token & 0xFFFF == new[0].token & 0xFFFF
        client.acknowledge(old)
    with connected(broker.service()) as client:
        assert payloads(take(client, 1)) == [b"b"]


def test_a_broker_that_is_gone_is_named_and_found_again(broker: Mosquitto) -> None:
    with connected(broker.service()) as client:
        broker.kill()
        eventually(lambda: not client.connection.ready)
        eventually(lambda: "cannot reach the broker" in client.connection.reason)
        with pytest.raises(BrokerUnavailable):
            client.publish("v1/x", b"")
        broker.start()
        eventually(lambda: client.connection.ready)
        send(broker, [b"again"])
        assert payloads(take(client, 1)) == [b"again"]


def test_a_wrong_password_is_a_reason_and_no_reason_to_change_the_protocol(broker: Mosquitto) -> None:
    client = TelemetryClient(broker.address(SERVICE_USER, "wrong"), settings(), lambda: 0)
    client.start()
    eventually(lambda: "refused us" in client.connection.reason)
    eventually(lambda: client.connection.number >= 2)
    assert client.connection.protocol == MQTTProtocolVersion.MQTTv5
    client.stop()


def test_a_session_forgets_the_partitions_that_another_worker_has_now(broker: Mosquitto) -> None:
    with connected(broker.service()):
        pass
    others = vehicle_filters([partition for partition in range(64) if partition != 17])
    with connected(broker.service(), settings(filters=others)) as client:
        send(broker, [b"theirs"], topic="v1/17/car-1/telemetry")
        send(broker, [b"ours"], topic="v1/18/car-1/telemetry")
        assert payloads(take(client, 1)) == [b"ours"]


def test_retained_messages_leave_together_and_the_will_marks_the_end(broker: Mosquitto) -> None:
    will = OutboxMessage("v1/service/status/w1", b"gone")
    own = ClientSettings("w1", ALL, will=will)
    watcher_settings = ClientSettings("watcher", ["v1/service/status/+", "v1/+/+/committed"])
    with connected(broker.service(), watcher_settings) as watcher:
        client = TelemetryClient(broker.service(), own, lambda: 0)
        client.start()
        eventually(lambda: client.connection.ready)
        client.publish_retained([OutboxMessage(f"v1/1/car-{n}/committed", b"%d" % n) for n in range(300)])
        assert payloads(take(watcher, 300)) == [b"%d" % n for n in range(300)]
        eventually(lambda: client.unconfirmed == 0)
        sock = client._paho.socket()
        assert sock is not None
        client._stopping.set()  # it dies: no reconnecting, no goodbye
        sock.shutdown(2)  # type: ignore[attr-defined]
        assert payloads(take(watcher, 1)) == [b"gone"]
        client.stop()
