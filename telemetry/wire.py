"""paho with whole-frame reading and joined acknowledgements (docs/adr/0002-paho-internals.md).

paho reads each packet byte by byte and writes each PUBACK by itself. At tens of thousands of small
messages a second both dominate, so this subclass reads large chunks, cuts PUBLISH packets out of
them itself, hands every other packet to paho unchanged, and queues all PUBACKs of a flush as one
write. tests/telemetry/test_wire.py pins the internals used here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

#: One read asks for this much; about a thousand single-sample messages.
CHUNK_BYTES = 256 * 1024
#: Reads in a row before writes, pings and back-pressure are looked at again.
READS_PER_TURN = 4

_PUBLISH = 0x30
_PUBLISH_QOS_1_RETAINED = 0x33
_PUBACK = 0x40
_QOS_BITS = 0x06
_QOS_2 = 0x04
_CONTINUES = 0x80
_LENGTH_BYTES = 4

#: Topic, payload and packet id (0 for QoS 0) of one received PUBLISH.
Received = tuple[str, bytes, int]


class FrameError(ValueError):
    """The peer sent bytes that are no MQTT packet; the connection cannot go on."""


class FramedClient(Client):
    """A paho client for an external loop that delivers PUBLISH packets in lists, unacknowledged.

    Reads happen in `loop_read`, on the thread that calls it; `deliver` is called there with the
    messages of one chunk, in order. Packets of QoS 2 stay with paho, which reports them through
    `on_message`.
    """

    def __init__(
        self,
        client_id: str,
        protocol: MQTTProtocolVersion,
        deliver: Callable[[list[Received]], None],
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if protocol == MQTTProtocolVersion.MQTTv5 else False,
            protocol=protocol,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._deliver = deliver
        self._has_properties = protocol == MQTTProtocolVersion.MQTTv5
        self._unread = b""
        self._frame = b""
        self._unconfirmed: set[int] = set()

    @property
    def unconfirmed(self) -> int:
        """How many messages of `publish_together` the broker has not acknowledged yet."""
        return len(self._unconfirmed)

    def reconnect(self) -> MQTTErrorCode:
        """Connect anew; bytes of the old connection are forgotten."""
        self._unread = b""
        self._unconfirmed.clear()
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:  # noqa: ARG002 - paho's signature; it ignores the number too
        """Read what has arrived, deliver its messages and let paho handle all other packets."""
        for _ in range(READS_PER_TURN):
            sock = self.socket()
            if sock is None:
                return MQTTErrorCode.MQTT_ERR_NO_CONN
            try:
                chunk = super()._sock_recv(CHUNK_BYTES)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            outcome = self._consume(chunk) if chunk else MQTTErrorCode.MQTT_ERR_CONN_LOST
            if outcome != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return self._loop_rc_handle(outcome)
            pending = getattr(sock, "pending", int)  # TLS hides bytes from the poller, a plain socket none
            if len(chunk) < CHUNK_BYTES and not pending():
                break
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def acknowledge_together(self, packet_ids: Sequence[int]) -> None:
        """Queue the PUBACKs of these packet ids, in this order, as one write."""
        if not packet_ids:
            return
        packets = np.empty((len(packet_ids), 2), dtype=">u2")
        packets[:, 0] = _PUBACK << 8 | 2
        packets[:, 1] = packet_ids
        self._packet_queue(_PUBACK, packets.tobytes(), 0, 1)

    def publish_together(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Queue these as retained QoS 1 messages in one write. A lost connection loses them."""
        properties = b"\0" if self._has_properties else b""
        packets = bytearray()
        for name, payload in messages:
            topic = name.encode()
            packet_id = self._mid_generate()
            self._unconfirmed.add(packet_id)
            packets.append(_PUBLISH_QOS_1_RETAINED)
            packets += _encoded_length(4 + len(topic) + len(properties) + len(payload))
            packets += struct.pack("!H", len(topic)) + topic + struct.pack("!H", packet_id) + properties + payload
        if packets:
            self._packet_queue(_PUBACK, bytes(packets), 0, 1)

    def _sock_recv(self, bufsize: int) -> bytes:
        """Serve paho's reader from the one complete frame that it is to handle."""
        if not self._frame:
            raise BlockingIOError
        part, self._frame = self._frame[:bufsize], self._frame[bufsize:]
        return part

    def _consume(self, chunk: bytes) -> MQTTErrorCode:
        data = self._unread + chunk if self._unread else chunk
        received: list[Received] = []
        position = 0
        try:
            while (bounds := _frame_bounds(data, position)) is not None:
                start, stop = bounds
                header = data[position]
                if header & 0xF0 == _PUBLISH and header & _QOS_BITS != _QOS_2:
                    received.append(self._message(header, data, start, stop))
                else:
                    outcome = self._hand_over(data[position:stop])
                    if outcome != MQTTErrorCode.MQTT_ERR_SUCCESS:
                        return outcome
                position = stop
        except FrameError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        finally:
            # What came before a broken frame is good.
            if received:
                self._deliver(received)
        self._unread = data[position:]
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _hand_over(self, frame: bytes) -> MQTTErrorCode:
        if frame[0] == _PUBACK:
            self._unconfirmed.discard(int.from_bytes(frame[2:4]))  # paho ignores those that it does not know
        self._frame = frame
        outcome = self._packet_read()
        self._frame = b""
        if outcome == MQTTErrorCode.MQTT_ERR_SUCCESS and self.socket() is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN  # the broker said goodbye; the rest is void
        return outcome

    def _message(self, header: int, data: bytes, start: int, stop: int) -> Received:
        topic_at = start + 2
        after = topic_at + int.from_bytes(data[start:topic_at])
        topic = data[topic_at:after]
        packet_id = 0
        if header & _QOS_BITS:
            packet_id = int.from_bytes(data[after : after + 2])
            after += 2
        if self._has_properties:
            if after >= stop:
                raise FrameError
            length, after = _variable_length(data, after, stop)
            after += length
        if after > stop or not topic or (header & _QOS_BITS and not packet_id):
            raise FrameError
        return topic.decode(errors="replace"), data[after:stop], packet_id


def _frame_bounds(data: bytes, position: int) -> tuple[int, int] | None:
    """Start and stop of the body of the frame at `position`; None while it is incomplete."""
    end = len(data)
    if end - position < 2:  # noqa: PLR2004 - one byte of type, at least one of length
        return None
    length = data[position + 1]
    start = position + 2
    if length >= _CONTINUES:
        if not any(byte < _CONTINUES for byte in data[start : start + _LENGTH_BYTES - 1]):
            if end - start >= _LENGTH_BYTES - 1:
                raise FrameError
            return None
        length, start = _variable_length(data, position + 1, end)
    stop = start + length
    return (start, stop) if stop <= end else None


def _variable_length(data: bytes, position: int, end: int) -> tuple[int, int]:
    """An MQTT variable byte integer (MQTT 5, 1.5.5) and the position behind it."""
    value = 0
    for index in range(_LENGTH_BYTES):
        if position + index >= end:
            break
        byte = data[position + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < _CONTINUES:
            return value, position + index + 1
    raise FrameError


def _encoded_length(length: int) -> bytes:
    encoded = bytearray()
    while length >= _CONTINUES:
        encoded.append(length & 0x7F | _CONTINUES)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)
