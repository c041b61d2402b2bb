"""The door in front of amqtt: nobody reaches a session before they have proved who they are.

amqtt merges a CONNECT into the session of that client id, and closes its connection, before it
asks who is connecting; it publishes last wills without asking at all, answers MQTT 5 by hanging up
and confuses a session that is taken over. So the first packet is read and judged here, and
only then is the connection handed over, through amqtt's interface for external listeners.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from enum import IntEnum

from amqtt.adapters import BufferReader, ReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.errors import AMQTTError, MQTTError, NoDataError
from amqtt.mqtt.connect import ConnectPacket

from telemetry.broker.identity import Identity, Verifier, may_publish

_LOG = logging.getLogger(__name__)

#: The name of the external listener in amqtt's configuration.
LISTENER = "default"

_CONNECT = 0x10
_LEVEL_3_1_1 = 4
_FIRST_PACKET_S = 10.0
_TAKE_OVER_S = 5.0
_LAST_S = 5.0
_CONNECT_BYTES = 64 * 1024
_PACKET_BYTES = 8 * 1024 * 1024


class Answer(IntEnum):
    """Return codes of CONNACK (MQTT 3.1.1, 3.2.2.3)."""

    ACCEPTED = 0
    UNSUPPORTED_VERSION = 1
    IDENTIFIER_REJECTED = 2
    UNAVAILABLE = 3
    BAD_CREDENTIALS = 4
    NOT_AUTHORISED = 5


class _Stream(ReaderAdapter):
    """A stream whose first bytes have been read already, and whose packets are bounded."""

    def __init__(self, first: bytes, rest: asyncio.StreamReader) -> None:
        self._first = first
        self._rest = rest

    async def read(self, n: int = -1) -> bytes:
        if n > _PACKET_BYTES:
            raise MQTTError(f"a packet of {n} bytes is too large")
        if self._first:
            part, self._first = self._first[:n], self._first[n:]
            return part
        return await self._rest.readexactly(n)

    def feed_eof(self) -> None:
        self._rest.feed_eof()


@dataclass(slots=True, eq=False)
class _Connection:
    """An open connection; nobody's until it is let in."""

    writer: asyncio.StreamWriter
    identity: Identity | None = None


class Gate:
    """Accepts connections for one broker, and ends them when their credential is no longer valid."""

    def __init__(self, broker: Broker, verifier: Verifier) -> None:
        self._broker = broker
        self._verifier = verifier
        self._open: dict[asyncio.Task[None], _Connection] = {}

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection from its first byte to its last."""
        task = asyncio.current_task()
        assert task is not None, "the server runs this as a task"
        self._open[task] = connection = _Connection(writer)
        try:
            async with asyncio.timeout(_FIRST_PACKET_S):
                first = await _first_packet(reader)
            answer = await self._judge(first, connection)
            if answer is Answer.ACCEPTED:
                await self._broker.external_connected(_Stream(first, reader), StreamWriterAdapter(writer), LISTENER)
            else:
                writer.write(bytes((0x20, 2, 0, answer)))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, AMQTTError, MQTTError, NoDataError) as error:
            _LOG.debug("A connection ended: %r", error)
        except Exception:  # noqa: BLE001 - the edge of one connection; the broker serves the others
            _LOG.exception("A connection failed")
        finally:
            del self._open[task]
            writer.close()

    async def close(self) -> None:
        """End the connections that are left, and wait for their tasks."""
        for connection in self._open.values():
            connection.writer.transport.abort()
        if self._open:
            await asyncio.wait(list(self._open), timeout=_LAST_S)

    async def watch(self, every_s: float) -> None:
        """For ever: end the connections of vehicles whose credential was renewed or revoked.

        While the credentials cannot be asked nobody new gets in, and who is in stays.
        """
        failing = False
        while True:
            await asyncio.sleep(every_s)
            try:
                await self._end_outdated()
            except Exception:  # noqa: BLE001 - whatever the credentials raise: they are asked again in a moment
                if not failing:
                    _LOG.exception("Credentials of connected vehicles could not be looked at")
                failing = True
            else:
                failing = False

    async def _end_outdated(self) -> None:
        connected = [one.identity for one in self._open.values() if one.identity is not None]
        outdated = await self._verifier.outdated(connected)
        for connection in self._open.values():
            if connection.identity is not None and connection.identity.shown in outdated:
                _LOG.info("Ended a connection of %r: its credential is no longer valid", connection.identity.name)
                connection.writer.transport.abort()

    async def _judge(self, first: bytes, connection: _Connection) -> Answer:
        if _protocol_level(first) != _LEVEL_3_1_1:
            return Answer.UNSUPPORTED_VERSION
        connect = await ConnectPacket.from_stream(BufferReader(first))
        try:
            identity = await self._verifier.verify(connect.username, connect.password)
        except Exception:  # noqa: BLE001 - whatever the credentials raise: nobody gets in
            _LOG.exception("Credentials could not be verified")
            return Answer.UNAVAILABLE
        if identity is None:
            _LOG.info("Refused %r: unknown or wrong password", connect.username)
            return Answer.BAD_CREDENTIALS
        connection.identity = identity
        if connect.will_flag and not may_publish(identity, connect.will_topic or ""):
            _LOG.warning("Refused %r: its last will is not its own topic", identity.name)
            return Answer.NOT_AUTHORISED
        return await self._claim_session(identity, connect)

    async def _claim_session(self, identity: Identity, connect: ConnectPacket) -> Answer:
        """A session belongs to the user who began it; its earlier connection ends first."""
        if connect.client_id_is_random or connect.client_id not in self._broker.sessions:
            return Answer.ACCEPTED
        session, handler = self._broker.sessions[connect.client_id]
        if session.username != identity.name:
            _LOG.warning("Refused %r: client id %r is somebody else's", identity.name, connect.client_id)
            return Answer.IDENTIFIER_REJECTED
        async with asyncio.timeout(_TAKE_OVER_S):
            while session.transitions.state == "connected":
                await handler.handle_connection_closed()
                await asyncio.sleep(0.01)
        return Answer.ACCEPTED


async def _first_packet(reader: asyncio.StreamReader) -> bytes:
    """The bytes of a CONNECT packet; raises MQTTError for anything else."""
    packet = bytearray(await reader.readexactly(2))
    if packet[0] != _CONNECT:
        raise MQTTError("the first packet is no CONNECT")
    while packet[-1] & 0x80 and len(packet) < 4:  # noqa: PLR2004 - at most three length bytes within the bound
        packet += await reader.readexactly(1)
    length = sum((byte & 0x7F) << 7 * index for index, byte in enumerate(packet[1:]))
    if packet[-1] & 0x80 or length > _CONNECT_BYTES:
        raise MQTTError("the CONNECT packet is too large")
    return bytes(packet + await reader.readexactly(length))


def _protocol_level(connect: bytes) -> int:
    at = next(index for index in range(1, len(connect)) if connect[index] < 0x80) + 1  # noqa: PLR2004 - the last length byte
    level_at = at + 2 + int.from_bytes(connect[at : at + 2])
    return connect[level_at] if level_at < len(connect) else -1
