"""Whole-frame reading and joined writes; fails when the paho internals that they rest on change."""

from __future__ import annotations

import inspect
import random
import socket
import struct
from collections.abc import Iterator

import paho.mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from telemetry.wire import FramedClient, Received

V311, V5 = MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5


def test_paho_is_the_version_whose_internals_are_used() -> None:
    assert paho.mqtt.__version__.startswith("2.2."), "read docs/adr/0002-paho-internals.md before moving on"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("_sock_recv", ["self", "bufsize"]),
        ("_packet_read", ["self"]),
        ("_packet_queue", ["self", "command", "packet", "mid", "qos", "info"]),
        ("_loop_rc_handle", ["self", "rc"]),
        ("_mid_generate", ["self"]),
        ("loop_read", ["self", "max_packets"]),
        ("reconnect", ["self"]),
    ],
)
def test_the_internals_are_as_expected(name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(Client, name)).parameters) == parameters


def test_paho_reads_only_through_the_method_that_is_overridden() -> None:
    reading = inspect.getsource(Client._packet_read)
    assert "_sock_recv" in reading
    assert ".recv(" not in reading


class Peer:
    """A client whose broker is the other end of a socket pair."""

    def __init__(self, protocol: MQTTProtocolVersion) -> None:
        self.received: list[Received] = []
        ours, self.broker = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003
        self.broker.settimeout(5)
        self.client = FramedClient("w", protocol, self.received.extend)
        self.client.on_socket_register_write = lambda *_: None
        self.client._sock = ours

    def close(self) -> None:
        self.client._sock_close()
        self.broker.close()


@pytest.fixture(params=[V311, V5], ids=["3.1.1", "5"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    peer = Peer(request.param)
    yield peer
    peer.close()


def publish(topic: str, payload: bytes, packet_id: int, protocol: MQTTProtocolVersion, qos: int = 1) -> bytes:
    name = topic.encode()
    body = struct.pack("!H", len(name)) + name
    body += struct.pack("!H", packet_id) if qos else b""
    if protocol == V5:
        body += b"\x05\x02\x00\x00\x00\x3c"  # a message expiry interval
    body += payload
    return bytes([0x30 | qos << 1]) + length(len(body)) + body


def length(number: int) -> bytes:
    encoded = bytearray()
    while True:
        number, digit = divmod(number, 128)
        encoded.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(encoded)


def test_many_messages_in_one_chunk_arrive_in_order(peer: Peer) -> None:
    protocol = peer.client.protocol
    sent = [(f"v1/3/car-{n}/telemetry", b"x" * n, n + 1) for n in range(200)]
    peer.broker.sendall(b"".join(publish(*message, protocol) for message in sent))
    assert peer.client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert peer.received == sent


def test_frames_cut_anywhere_are_put_together(peer: Peer) -> None:
    protocol = peer.client.protocol
    sent = [("a/b", b"", 7), ("c", b"y" * 200, 65535), ("d/e/f", b"z" * 20_000, 1), ("g", b"last", 0)]
    stream = b"".join(publish(*message, protocol, qos=1 if message[2] else 0) for message in sent)
    chance = random.Random(4)
    while stream:
        cut = chance.choice((1, 2, 3, 50, 3000))
        peer.broker.sendall(stream[:cut])
        stream = stream[cut:]
        assert peer.client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert peer.received == sent


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=300), st.integers(1, 65535))), st.data())
def test_any_split_gives_the_same_messages(messages: list[tuple[str, bytes, int]], data: st.DataObject) -> None:
    stream = b"".join(publish(*message, V5) for message in messages)
    cut = data.draw(st.integers(0, len(stream)))
    peer = Peer(V5)
    for part in (stream[:cut], stream[cut:]):
        assert not part or peer.client._consume(part) == MQTTErrorCode.MQTT_ERR_SUCCESS
    peer.close()
    assert peer.received == messages


def test_every_other_packet_goes_to_paho(peer: Peer) -> None:
    granted: list[int] = []
    peer.client.on_subscribe = lambda _c, _u, mid, _reasons, _p: granted.append(mid)
    suback = b"\x90\x03\x00\x09\x01" if peer.client.protocol == V311 else b"\x90\x04\x00\x09\x00\x01"
    peer.broker.sendall(suback + publish("t", b"after", 2, peer.client.protocol))
    peer.client.loop_read()
    assert granted == [9]
    assert peer.received == [("t", b"after", 2)]


def test_qos_2_stays_with_paho(peer: Peer) -> None:
    told: list[MQTTMessage] = []
    peer.client.on_message = lambda _c, _u, message: told.append(message)
    peer.broker.sendall(publish("t", b"twice", 3, peer.client.protocol, qos=2) + b"\x62\x02\x00\x03")
    peer.client.loop_read()
    assert peer.received == []
    assert [message.payload for message in told] == [b"twice"]


@pytest.mark.parametrize(
    "broken",
    [
        b"\x32\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x32\x05\x00\x09abc",  # a topic longer than the packet
        b"\x32\x04\x00\x00\x00\x01",  # no topic
        b"\x32\x05\x00\x01t\x00\x00",  # packet id 0
    ],
)
def test_what_is_no_packet_ends_the_connection_and_keeps_what_came_before(peer: Peer, broken: bytes) -> None:
    peer.broker.sendall(publish("t", b"good", 1, peer.client.protocol) + broken)
    assert peer.client.loop_read() == MQTTErrorCode.MQTT_ERR_PROTOCOL
    assert peer.received == [("t", b"good", 1)]
    assert peer.client.socket() is None


def test_the_end_of_the_stream_is_a_lost_connection(peer: Peer) -> None:
    peer.broker.close()
    assert peer.client.loop_read() == MQTTErrorCode.MQTT_ERR_CONN_LOST
    assert peer.client.loop_read() == MQTTErrorCode.MQTT_ERR_NO_CONN


def test_the_acknowledgements_of_a_flush_are_one_write_in_order(peer: Peer) -> None:
    writes: list[bytes] = []
    send = peer.client._sock_send
    peer.client._sock_send = lambda data: (writes.append(bytes(data)), send(data))[1]  # type: ignore[method-assign]  # counts the writes
    peer.client.acknowledge_together([1, 2, 65535, 300])
    peer.client.loop_write()
    assert writes == [b"\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\xff\xff\x40\x02\x01\x2c"]
    assert peer.broker.recv(100) == writes[0]


def test_messages_published_together_are_valid_and_counted_until_confirmed(peer: Peer) -> None:
    other = Peer(peer.client.protocol)
    peer.client.publish_together([("a/b", b"1"), ("c", b"2" * 300)])
    peer.client.loop_write()
    stream = peer.broker.recv(10_000)
    assert other.client._consume(stream) == MQTTErrorCode.MQTT_ERR_SUCCESS
    other.close()
    assert [(topic, payload) for topic, payload, _ in other.received] == [("a/b", b"1"), ("c", b"2" * 300)]
    assert peer.client.unconfirmed == 2
    first = other.received[0][2]
    peer.broker.sendall(struct.pack("!BBH", 0x40, 2, first))
    peer.client.loop_read()
    assert peer.client.unconfirmed == 1


def test_a_stock_client_takes_the_same_bytes_the_same_way() -> None:
    """The reference: paho's own reader, fed with the same stream."""
    told: list[Received] = []
    stock = Client(CallbackAPIVersion.VERSION2, client_id="s", protocol=V5, manual_ack=True)
    stock.on_message = lambda _c, _u, message: told.append((message.topic, message.payload, message.mid))
    ours, broker = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003
    stock._sock = ours
    stream = b"".join(publish(f"v1/{n}", b"p" * n, n + 1, V5) for n in range(50))
    broker.sendall(stream)
    for _ in range(50):
        stock.loop_read()
    peer = Peer(V5)
    peer.client._consume(stream)
    assert peer.received == told
    peer.close()
    stock._sock_close()
    broker.close()
