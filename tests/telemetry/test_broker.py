"""The embedded broker, in a process of its own, spoken to as vehicles, platform and strangers do."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest
from amqtt.session import Session
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks.backlog import publish_backlog
from telemetry.broker import EmbeddedBroker
from telemetry.broker.identity import Identity, Role, may_publish, may_subscribe
from telemetry.bus import WorkerState, decode_heartbeat
from telemetry.messages import Message, committed_topic, partition_of, telemetry_topic
from telemetry.mqtt import BrokerAddress, ClientSettings, TelemetryClient, vehicle_filters
from telemetry.ports import OutboxMessage
from telemetry.worker import WorkerSettings, worker_client
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER, ListedCredentials, embedded

USERS = {SERVICE_USER: SERVICE_PASSWORD, "car-1": "wheels", "car-2": "tyres"}
ALL = vehicle_filters(range(64))


@pytest.fixture(scope="module")
def address() -> Iterator[BrokerAddress]:
    with embedded(USERS) as (service, _):
        yield service


def eventually(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


@contextmanager
def platform(
    address: BrokerAddress, client_id: str, filters: Sequence[str] = ALL, *, wait: bool = True
) -> Iterator[TelemetryClient]:
    client = TelemetryClient(address, ClientSettings(client_id, filters), lambda: int(time.time() * 1000))
    client.start()
    try:
        eventually(lambda: client.connection.ready or not wait)
        yield client
    finally:
        client.stop()


class Vehicle:
    """A vehicle's connection, by plain paho."""

    def __init__(self, address: BrokerAddress, name: str, password: str, client_id: str = "", **will: str) -> None:
        self.heard: list[MQTTMessage] = []
        self.answers: list[str] = []
        self.refused: list[bool] = []
        self.client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id or name, clean_session=False, reconnect_on_failure=False
        )
        self.client.username_pw_set(name, password)
        for topic, payload in will.items():
            self.client.will_set(topic.replace("__", "/"), payload, qos=1)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.answers.append(str(reason))
        self.client.on_message = lambda _c, _u, message: self.heard.append(message)
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.refused.extend(r.is_failure for r in reasons)
        self.client.connect(address.host, address.port)
        self.client.loop_start()
        eventually(lambda: bool(self.answers))

    def publish(self, topic: str, payload: bytes) -> None:
        self.client.publish(topic, payload, qos=1).wait_for_publish(10)

    def subscribe(self, topic: str) -> bool:
        """Whether it was granted."""
        before = len(self.refused)
        self.client.subscribe(topic, qos=1)
        eventually(lambda: len(self.refused) > before)
        return not self.refused[-1]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def car(address: BrokerAddress) -> Iterator[Vehicle]:
    car = Vehicle(address, "car-1", "wheels")
    yield car
    car.close()


def take(client: TelemetryClient, count: int) -> list[Message]:
    taken: list[Message] = []
    deadline = time.monotonic() + 20
    while len(taken) < count and time.monotonic() < deadline:
        taken += client.take(500, 1 << 24, linger_s=0.05, idle_s=0.2)
    return taken


def payloads(messages: Sequence[Message]) -> list[bytes]:
    return [message.payload for message in messages]


CAR, SERVICE = Identity("car-1", Role.VEHICLE), Identity(SERVICE_USER, Role.SERVICE)


@pytest.mark.parametrize(
    ("identity", "topic", "publishes", "subscribes"),
    [
        (CAR, "v1/5/car-1/telemetry", True, False),
        (CAR, "v1/5/car-1/directive/ack", True, False),
        (CAR, "v1/5/car-1/committed", False, True),
        (CAR, "v1/5/car-1/directive", False, True),
        (CAR, "v1/+/car-1/committed", False, True),
        (CAR, "v1/5/car-2/telemetry", False, False),
        (CAR, "v1/5/car-2/committed", False, False),
        (CAR, "v1/5/+/committed", False, False),
        (CAR, "v1/5/car-1/#", False, False),
        (CAR, "v1/5/car-1/telemetry/more", False, False),
        (CAR, "v1/x/car-1/telemetry", False, False),
        (CAR, "v2/5/car-1/telemetry", False, False),
        (CAR, "v1/service/status/w1", False, False),
        (CAR, "v1/service/car-1/telemetry", False, False),
        (CAR, "#", False, False),
        (CAR, "$SYS/broker", False, False),
        (SERVICE, "v1/#", True, True),
        (SERVICE, "v1/service/live/w1", True, True),
        (SERVICE, "#", False, False),
        (SERVICE, "$SYS/#", False, False),
    ],
)
def test_topic_rules(identity: Identity, topic: str, publishes: bool, subscribes: bool) -> None:  # noqa: FBT001
    assert (may_publish(identity, topic), may_subscribe(identity, topic)) == (publishes, subscribes)


def test_the_client_falls_back_to_mqtt_3_1_1(address: BrokerAddress, car: Vehicle) -> None:
    with platform(address, "w-fallback") as client:
        assert client.connection.protocol == MQTTProtocolVersion.MQTTv311
        assert client.connection.number <= 3
        car.publish(telemetry_topic("car-1"), b"hello")
        taken = take(client, 1)
        assert payloads(taken) == [b"hello"]
        client.acknowledge(taken)


@pytest.mark.parametrize(("name", "password"), [("car-1", "wrong"), ("nobody", "x"), ("", ""), ("car-1/+", "wheels")])
def test_strangers_are_refused(address: BrokerAddress, name: str, password: str) -> None:
    stranger = Vehicle(address, name, password, client_id="stranger")
    assert stranger.answers in (["Bad user name or password"], ["Not authorized"])
    stranger.close()


def test_an_anonymous_client_is_refused(address: BrokerAddress) -> None:
    with socket.create_connection((address.host, address.port), timeout=10) as raw:
        raw.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x")
        assert raw.recv(10) == b"\x20\x02\x00\x04"


@pytest.mark.parametrize(
    "junk", [b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\x7f", b"\x10\x02\x00\x04", b"\x30\x02\x00\x00"]
)
def test_what_is_no_connect_is_hung_up_on(address: BrokerAddress, junk: bytes) -> None:
    with socket.create_connection((address.host, address.port), timeout=20) as raw:
        raw.sendall(junk)
        raw.shutdown(socket.SHUT_WR)
        answer = raw.recv(100)
    assert answer in (b"", b"\x20\x02\x00\x01")


def test_a_vehicle_reaches_only_its_own_topics(address: BrokerAddress, car: Vehicle) -> None:
    with platform(address, "w-own", ["v1/#"]) as client:
        car.publish(telemetry_topic("car-2"), b"forged")
        car.publish("v1/service/status/w1", b"forged")
        car.publish(committed_topic("car-1"), b"forged")
        car.publish(telemetry_topic("car-1"), b"honest")
        assert b"honest" in (got := payloads(take(client, 1)))
        assert b"forged" not in got
    assert car.subscribe(committed_topic("car-1"))
    assert not car.subscribe(committed_topic("car-2"))
    assert not car.subscribe("#")
    assert not car.subscribe("v1/service/#")


def test_a_last_will_must_be_an_own_topic(address: BrokerAddress) -> None:
    forger = Vehicle(address, "car-1", "wheels", "forger", **{f"v1__{partition_of('car-2')}__car-2__telemetry": "x"})
    assert forger.answers == ["Not authorized"]
    forger.close()


def test_a_session_cannot_be_taken_by_another_user(address: BrokerAddress, car: Vehicle) -> None:
    with platform(address, "w-guarded") as client:
        thief = Vehicle(address, "car-2", "tyres", client_id="w-guarded")
        assert thief.answers == ["Client identifier not valid"]
        thief.close()
        liar = Vehicle(address, SERVICE_USER, "wrong", client_id="w-guarded")
        assert liar.answers == ["Bad user name or password"]
        liar.close()
        assert client.connection.ready, "the owner noticed nothing"
        car.publish(telemetry_topic("car-1"), b"still here")
        assert payloads(take(client, 1)) == [b"still here"]


def test_an_own_session_is_taken_over_and_goes_on_receiving(address: BrokerAddress, car: Vehicle) -> None:
    half_open = socket.create_connection((address.host, address.port), timeout=10)
    half_open.sendall(connect_packet("w-twice", SERVICE_USER, SERVICE_PASSWORD))
    assert half_open.recv(4) == b"\x20\x02\x00\x00"
    with platform(address, "w-twice") as client:
        car.publish(telemetry_topic("car-1"), b"to the second")
        assert payloads(take(client, 1)) == [b"to the second"]
    half_open.close()


def test_what_was_not_acknowledged_is_delivered_again_and_first(address: BrokerAddress, car: Vehicle) -> None:
    """amqtt alone forgets these; telemetry.broker.delivery mends it."""
    with platform(address, "w-again") as client:
        for number in range(10):
            car.publish(telemetry_topic("car-1"), b"%d" % number)
        client.acknowledge(take(client, 10)[:6])
        time.sleep(0.2)
    car.publish(telemetry_topic("car-1"), b"10")
    with platform(address, "w-again", wait=False) as client:  # amqtt answers a SUBSCRIBE only after the redelivery
        again = take(client, 5)
        assert payloads(again) == [b"6", b"7", b"8", b"9", b"10"]
        client.acknowledge(again)
        time.sleep(0.2)
    with platform(address, "w-again") as client:
        assert take_nothing(client)


def test_an_acknowledgement_after_amqtts_five_seconds_still_counts(address: BrokerAddress, car: Vehicle) -> None:
    with platform(address, "w-late") as client:
        car.publish(telemetry_topic("car-1"), b"early")
        car.publish(telemetry_topic("car-1"), b"late")
        held = take(client, 2)
        time.sleep(5.5)
        client.acknowledge(held[:1])
        time.sleep(0.2)
    with platform(address, "w-late", wait=False) as client:
        again = take(client, 1)
        assert payloads(again) == [b"late"]
        client.acknowledge(again)


def test_a_publisher_that_leaves_at_once_loses_nothing(address: BrokerAddress) -> None:
    """amqtt alone acknowledges these and forgets them when the connection ends."""
    with platform(address, "w-hasty") as client:
        sent = [b"%d" % number for number in range(500)]
        own = BrokerAddress(address.host, address.port, "car-1", "wheels")
        publish_backlog(own, [(telemetry_topic("car-1"), payload) for payload in sent], "car-1-hasty")
        taken = take(client, 500)
        assert payloads(taken) == sent
        client.acknowledge(taken)


def test_a_silent_client_is_taken_for_gone_after_its_keep_alive() -> None:
    async def silent() -> bytes:
        broker = EmbeddedBroker("127.0.0.1", 0, ListedCredentials(USERS), grace_s=0)
        reader, writer = await asyncio.open_connection("127.0.0.1", await broker.start())
        writer.write(connect_packet("quiet", "car-1", "wheels", keepalive_s=1))
        assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
        rest = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await broker.stop()
        return rest

    assert asyncio.run(silent()) == b""


class ChangingCredentials(ListedCredentials):
    """A table that is changed while the broker runs, or cannot be read."""

    broken = False

    def marks(self, names: Collection[str]) -> Mapping[str, bytes]:
        if self.broken:
            raise OSError("no table")
        return super().marks(names)


class RawVehicle:
    """A vehicle's connection inside the broker's own event loop."""

    def __init__(self, port: int, password: str, client_id: str = "car-1") -> None:
        self.port, self.password, self.client_id = port, password, client_id

    async def connect(self) -> bytes:
        """The return code of the CONNACK."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(connect_packet(self.client_id, "car-1", self.password))
        return (await self.reader.readexactly(4))[3:]

    async def ends(self) -> bool:
        try:
            rest = await asyncio.wait_for(self.reader.read(), 20)
        except ConnectionResetError:
            rest = b""
        self.writer.close()
        return rest == b""

    async def answers_ping(self) -> bool:
        self.writer.write(b"\xc0\x00")
        return await asyncio.wait_for(self.reader.readexactly(2), 20) == b"\xd0\x00"


def serving(play: Callable[[int, dict[str, str], ChangingCredentials], Awaitable[None]]) -> None:
    """Play a scene with a broker whose table of passwords may be changed."""

    async def run() -> None:
        table = dict(USERS)
        credentials = ChangingCredentials(table)
        broker = EmbeddedBroker("127.0.0.1", 0, credentials)
        try:
            await play(await broker.start(), table, credentials)
        finally:
            await broker.stop()

    asyncio.run(run())


def test_a_revoked_credential_ends_the_live_connection_and_lets_nobody_in_again() -> None:
    async def play(port: int, table: dict[str, str], _: ChangingCredentials) -> None:
        car = RawVehicle(port, "wheels")
        assert await car.connect() == b"\x00"
        del table["car-1"]
        assert await car.ends()
        again = RawVehicle(port, "wheels")
        assert await again.connect() == b"\x04", "what was remembered of it is forgotten"
        again.writer.close()

    serving(play)


def test_a_renewed_credential_ends_the_connections_of_the_former_one_only() -> None:
    async def play(port: int, table: dict[str, str], _: ChangingCredentials) -> None:
        before = RawVehicle(port, "wheels")
        assert await before.connect() == b"\x00"
        table["car-1"] = "new wheels"
        after = RawVehicle(port, "new wheels", client_id="car-1-again")
        assert await after.connect() == b"\x00"
        assert await before.ends()
        assert await after.answers_ping()
        after.writer.close()

    serving(play)


def test_who_is_connected_stays_while_the_credentials_cannot_be_asked(caplog: pytest.LogCaptureFixture) -> None:
    async def play(port: int, table: dict[str, str], credentials: ChangingCredentials) -> None:
        object.__setattr__(credentials, "broken", True)
        car = RawVehicle(port, "wheels")
        assert await car.connect() == b"\x00"
        for _ in range(400):
            if "could not be looked at" in caplog.text:
                break
            await asyncio.sleep(0.05)
        assert await car.answers_ping()
        object.__setattr__(credentials, "broken", False)
        del table["car-1"]
        assert await car.ends()

    serving(play)
    assert caplog.text.count("could not be looked at") == 1


def test_retained_watermarks_reach_their_vehicle_and_nobody_else(address: BrokerAddress) -> None:
    """amqtt alone hands every retained message that anybody is subscribed to, to each client that connects."""
    with platform(address, "w-retains", ["v1/+/+/committed"]) as client:
        client.publish_retained(
            [OutboxMessage(committed_topic("car-1"), b"one"), OutboxMessage(committed_topic("car-2"), b"two")]
        )
        eventually(lambda: client.unconfirmed == 0)
        car = Vehicle(address, "car-1", "wheels", client_id="car-1-fresh")
        assert car.subscribe(committed_topic("car-1"))
        eventually(lambda: bool(car.heard))
        time.sleep(0.2)
        assert {(message.topic, message.payload) for message in car.heard} == {(committed_topic("car-1"), b"one")}
        car.close()


def test_a_worker_that_vanishes_is_marked_gone(address: BrokerAddress) -> None:
    with platform(address, "watcher", ["v1/service/status/+"]) as watcher:
        client = worker_client(address, WorkerSettings(name="fragile"), lambda: 1)
        client.start()
        eventually(lambda: client.connection.ready)
        sock = client._paho.socket()
        assert sock is not None
        client._stopping.set()
        sock.shutdown(2)  # type: ignore[attr-defined]
        heartbeat = decode_heartbeat(take(watcher, 1)[0].payload)
        assert (heartbeat.worker, heartbeat.state) == ("fragile", WorkerState.GONE)
        client.stop()


def test_who_subscribes_meanwhile_ends_no_walk_through_the_subscriptions() -> None:
    # amqtt awaits while it walks through what our subclass gave it, and clients come and go at that moment.
    async def subscriptions_of_a_broker() -> dict[str, list[tuple[Session, int]]]:
        return EmbeddedBroker("127.0.0.1", 0, ListedCredentials({}))._broker._subscriptions

    subscriptions = asyncio.run(subscriptions_of_a_broker())
    subscriptions["a"] = [(Session(), 1), (Session(), 1)]
    walked = 0
    for _, subscribers in subscriptions.items():  # noqa: PERF102  as amqtt does it
        for _ in subscribers:
            walked += 1
            subscriptions[f"b{walked}"] = []
            subscriptions["a"].pop()
    for name in subscriptions:
        del subscriptions[name]
    assert walked == 2
    assert not subscriptions


def test_it_stops_cleanly_on_sigterm_with_clients_connected() -> None:
    with embedded(USERS) as (address, process), platform(address, "w-stop") as client:
        process.terminate()
        process.join(15)
        assert process.exitcode == 0
        eventually(lambda: not client.connection.ready)


def take_nothing(client: TelemetryClient) -> bool:
    return client.take(10, 1 << 20, linger_s=0.05, idle_s=0.5) == []


def connect_packet(client_id: str, username: str, password: str, keepalive_s: int = 60) -> bytes:
    body = b"\x00\x04MQTT\x04\xc0" + struct.pack("!H", keepalive_s)
    for text in (client_id, username, password):
        body += struct.pack("!H", len(text)) + text.encode()
    return bytes((0x10, len(body))) + body
