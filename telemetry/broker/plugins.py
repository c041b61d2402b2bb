"""amqtt plugins: authentication, topic rules, and redelivery of what was not acknowledged."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import cast

from amqtt.broker import BrokerContext
from amqtt.contexts import Action
from amqtt.mqtt.packet import PUBACK, MQTTPacket
from amqtt.mqtt.puback import PubackPacket
from amqtt.plugins.base import BaseAuthPlugin, BasePlugin, BaseTopicPlugin
from amqtt.session import OutgoingApplicationMessage, Session

from telemetry.broker.identity import Identity, Verifier, may_publish, may_subscribe

_IDENTITY = "pilotage.identity"


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


class AuthenticationPlugin(BaseAuthPlugin):
    """Lets in whom the verifier knows. The gate has asked already, before amqtt saw the connection."""

    @dataclass
    class Config:
        """`verifier` is a telemetry.broker.identity.Verifier."""

        verifier: object

    async def authenticate(self, *, session: Session) -> bool:
        """Whether the session's user is known; remembers who it is."""
        verifier = cast("Verifier", self.config.verifier)
        identity = await verifier.verify(session.username, session.password)
        if identity is None:
            return False
        session.attributes[_IDENTITY] = identity
        if not isinstance(session.inflight_out, Unacknowledged):
            session.inflight_out = Unacknowledged(session.inflight_out)
        return True


class TopicPlugin(BaseTopicPlugin):
    """Allows what telemetry.broker.identity names, and nothing else."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Whether this session may do this with this topic or filter."""
        identity = session.attributes.get(_IDENTITY) if session is not None else None
        if not isinstance(identity, Identity) or topic is None:
            return False
        return may_publish(identity, topic) if action == Action.PUBLISH else may_subscribe(identity, topic)


class RedeliveryPlugin(BasePlugin[BrokerContext]):
    """Settles what clients acknowledge, also when they do so late."""

    async def on_mqtt_packet_received(self, packet: MQTTPacket, session: Session | None = None) -> None:  # type: ignore[type-arg]  # any packet
        """Told by amqtt of each packet of each client."""
        if session is None or packet.fixed_header is None or packet.fixed_header.packet_type != PUBACK:
            return
        if isinstance(packet, PubackPacket) and isinstance(session.inflight_out, Unacknowledged):
            session.inflight_out.settle(packet.packet_id)
