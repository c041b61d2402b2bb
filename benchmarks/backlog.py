"""Fills a broker with QoS 1 messages as fast as it takes them: raw MQTT 3.1.1 over one socket."""

from __future__ import annotations

import itertools
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence

from telemetry.mqtt import BrokerAddress

_AT_ONCE = 2000
_PACKET_IDS = 65535
_ACK_BYTES = 4
_TIMEOUT_S = 60.0


def publish_backlog(broker: BrokerAddress, messages: Iterable[tuple[str, bytes]], client_id: str = "backlog") -> int:
    """Publish these topics and payloads in order; gives their number once all are acknowledged."""
    total = 0
    with socket.create_connection((broker.host, broker.port), timeout=_TIMEOUT_S) as connection:
        connection.sendall(_connect(broker, client_id))
        if connection.recv(4) != b"\x20\x02\x00\x00":
            raise ConnectionError("the broker refused the publisher")
        source = iter(messages)
        while chunk := list(itertools.islice(source, _AT_ONCE)):
            connection.sendall(encode(chunk, total))
            _read(connection, len(chunk) * _ACK_BYTES)
            total += len(chunk)
        connection.sendall(b"\xe0\x00")
    return total


def publish_steadily(
    broker: BrokerAddress,
    due: Callable[[int], tuple[str, bytes]],
    *,
    rate_hz: int,
    total: int,
    client_id: str = "steady",
) -> None:
    """Publish message 0, 1, 2 … at an even rate, each made when it is due; acknowledgements are only drained."""
    with socket.create_connection((broker.host, broker.port), timeout=_TIMEOUT_S) as connection:
        connection.sendall(_connect(broker, client_id))
        if connection.recv(4) != b"\x20\x02\x00\x00":
            raise ConnectionError("the broker refused the publisher")
        started_s = time.perf_counter()
        sent = 0
        while sent < total:
            ready = min(total, int((time.perf_counter() - started_s) * rate_hz))
            if ready > sent:
                connection.sendall(encode([due(number) for number in range(sent, ready)], sent))
                sent = ready
            while select.select([connection], [], [], 0.002)[0]:
                if not connection.recv(65536):
                    raise ConnectionError("the broker hung up on the publisher")
        connection.sendall(b"\xe0\x00")


def encode(messages: Sequence[tuple[str, bytes]], first: int = 0) -> bytes:
    """QoS 1 PUBLISH packets with packet ids from `first` on, around 65535."""
    packets = bytearray()
    for number, (topic, payload) in enumerate(messages, first):
        name = topic.encode()
        packets.append(0x32)
        packets += _length(4 + len(name) + len(payload))
        packets += struct.pack("!H", len(name)) + name + struct.pack("!H", number % _PACKET_IDS + 1) + payload
    return bytes(packets)


def _connect(broker: BrokerAddress, client_id: str) -> bytes:
    texts = [client_id] + [text for text in (broker.username, broker.password) if text is not None]
    flags = 0x02 | (0x80 if broker.username is not None else 0) | (0x40 if broker.password is not None else 0)
    body = b"\x00\x04MQTT\x04" + bytes((flags, 0, 0))
    body += b"".join(struct.pack("!H", len(text.encode())) + text.encode() for text in texts)
    return b"\x10" + _length(len(body)) + body


def _length(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _read(connection: socket.socket, wanted: int) -> None:
    while wanted:
        received = connection.recv(min(wanted, 65536))
        if not received:
            raise ConnectionError("the broker hung up on the publisher")
        wanted -= len(received)
