"""Listens to topics of the service bus, in a thread of its own.

MQTT 3.1.1 with a clean session: every broker speaks it, and what was missed while the connection
was gone is old news on the bus.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from telemetry.errors import InvalidBusMessage
from telemetry.mqtt import BrokerAddress

_LOG = logging.getLogger(__name__)

_KEEPALIVE_S = 15
_FIRST_DELAY_S = 1
_LONGEST_DELAY_S = 5

#: Takes the topic and the payload of a message; raises InvalidBusMessage for what it cannot read.
Take = Callable[[str, bytes], None]


class BusListener:
    """`start` connects and reconnects for ever; `stop` ends it. `name` says in logs and to the broker who listens.

    `takers` are called on the network thread, by topic filter; `on_connection` hears True once everything is
    subscribed to, so that whatever changes from then on is heard, and False when the connection is gone.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        name: str,
        takers: Mapping[str, Take],
        on_connection: Callable[[bool], None] | None = None,
    ) -> None:
        self._broker = broker
        self._name = name
        self._takers = takers
        self._on_connection = on_connection
        self._client = self._build()

    def start(self) -> None:
        """Connect in the background; a broker that is not there yet is tried again."""
        self._client.connect_async(self._broker.host, self._broker.port, _KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Leave the broker. A thread that still waits for one ends by itself, with the process at the latest."""
        is_connected = self._client.is_connected()
        self._client.disconnect()
        if is_connected:
            self._client.loop_stop()

    def _build(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"pilotage-{self._name}-{secrets.token_hex(6)}",
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls:
            client.tls_set()
        client.reconnect_delay_set(_FIRST_DELAY_S, _LONGEST_DELAY_S)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        for topic_filter, take in self._takers.items():
            client.message_callback_add(topic_filter, _reported(take))
        return client

    def _connected(
        self, client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            _LOG.warning("the broker refused %s: %s", self._name, reason)
            return
        client.subscribe([(topic_filter, 1) for topic_filter in self._takers])

    def _subscribed(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            _LOG.error("the broker refused %s its subscriptions: %s", self._name, ", ".join(refused))
            return
        _LOG.info("%s listens to the service bus", self._name)
        self._tell(connected=True)

    def _disconnected(
        self,
        _client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._tell(connected=False)
        if reason.is_failure:
            _LOG.warning("the connection of %s to the broker is gone: %s", self._name, reason)

    def _tell(self, *, connected: bool) -> None:
        if self._on_connection is not None:
            self._on_connection(connected)


def _reported(take: Take) -> Callable[[Client, Any, MQTTMessage], None]:
    """A message that cannot be read is logged and harms no other."""

    def callback(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
        try:
            take(message.topic, bytes(message.payload))
        except InvalidBusMessage as error:
            _LOG.warning("unreadable message on %s: %s", message.topic, error)

    return callback
