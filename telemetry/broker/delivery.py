"""amqtt's handling of one connection, mended where it loses what it has acknowledged or not had acknowledged."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.mqtt.disconnect import DisconnectPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.session import OutgoingApplicationMessage, Session

_DRAIN_S = 5.0


class Unacknowledged(OrderedDict[int, OutgoingApplicationMessage]):
    """Messages on their way to a client, kept until it acknowledges them.

    amqtt sends these again when a client reconnects (MQTT 3.1.1, 4.4), but takes each out after
    five seconds and when the connection ends, so that there is nothing left to send. Here only an
    acknowledgement takes one out.
    """

    def pop(self, packet_id: int, *_default: object) -> OutgoingApplicationMessage | None:  # type: ignore[override]  # the one way in which amqtt calls it
        """Give the message back and keep it."""
        return self.get(packet_id)

    def settle(self, packet_id: int) -> None:
        """Forget an acknowledged message."""
        if packet_id in self:
            del self[packet_id]


class DeliveringHandler(BrokerProtocolHandler):
    """One connection of one client."""

    def attach(self, session: Session, reader: ReaderAdapter, writer: WriterAdapter) -> None:
        """Begin with what an earlier connection left unacknowledged."""
        if not isinstance(session.inflight_out, Unacknowledged):
            session.inflight_out = Unacknowledged(session.inflight_out)
        super().attach(session, reader, writer)

    async def handle_puback(self, puback: PubackPacket) -> None:
        """Settle a message, also when amqtt has stopped waiting for its acknowledgement."""
        if self.session is not None and isinstance(self.session.inflight_out, Unacknowledged):
            self.session.inflight_out.settle(puback.packet_id)
        await super().handle_puback(puback)

    async def handle_disconnect(self, disconnect: DisconnectPacket | None) -> None:
        """Let the client's last messages pass before its end: it has their acknowledgements already.

        Bounded, because the task that passes them on may be the one that waits here.
        """
        deadline = self._loop.time() + _DRAIN_S
        while self.session is not None and not self.session.delivered_message_queue.empty():
            if self._loop.time() > deadline:
                self.logger.error("Messages of a client that left were not passed on in time")
                break
            await asyncio.sleep(0.005)
        await super().handle_disconnect(disconnect)

    def handle_read_timeout(self) -> None:
        """End a connection that has been silent for longer than its keep-alive (3.1.2.10); amqtt keeps it."""
        self._timed_out = asyncio.ensure_future(self.handle_connection_closed())
