"""Listens to the service bus: live positions, alert changes, heartbeats of the workers.

MQTT 3.1.1 with a clean session: every broker speaks it, and what was missed while the connection
was gone is read from the database, not from the broker.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from app.live.feed import LiveFeed
from app.settings import Settings
from telemetry import bus
from telemetry.errors import InvalidBusMessage

logger = logging.getLogger(__name__)

_KEEPALIVE_S = 15
_FIRST_DELAY_S = 1
_LONGEST_DELAY_S = 5

_SUBSCRIPTIONS = [(bus.STATUS_FILTER, 1), (bus.ALERTS_FILTER, 1), (bus.LIVE_FILTER, 0)]


class BusSubscriber:
    """`start` connects in a thread of its own and reconnects for ever; `stop` ends it."""

    def __init__(
        self,
        settings: Settings,
        feed: LiveFeed,
        *,
        on_heartbeat: Callable[[bus.Heartbeat], None],
        on_connection: Callable[[bool], None],
    ) -> None:
        self._settings = settings
        self._feed = feed
        self._on_heartbeat = on_heartbeat
        self._on_connection = on_connection
        self._client = self._build()

    def start(self) -> None:
        """Connect in the background; a broker that is not there yet is tried again."""
        self._client.connect_async(self._settings.broker_host, self._settings.broker_port, _KEEPALIVE_S)
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
            client_id=f"pilotage-web-{secrets.token_hex(6)}",
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        client.username_pw_set(self._settings.broker_username, self._settings.broker_password)
        if self._settings.broker_tls:
            client.tls_set()
        client.reconnect_delay_set(_FIRST_DELAY_S, _LONGEST_DELAY_S)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        for topic_filter, take in (
            (bus.LIVE_FILTER, self._live),
            (bus.ALERTS_FILTER, self._alert),
            (bus.STATUS_FILTER, self._status),
        ):
            client.message_callback_add(topic_filter, _reported(take))
        return client

    def _connected(
        self, client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            logger.warning("the broker refused the web process: %s", reason)
            return
        client.subscribe(_SUBSCRIPTIONS)

    def _subscribed(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            logger.error("the broker refused the web process its subscriptions: %s", ", ".join(refused))
            return
        logger.info("listening to the service bus")
        # Only now: whatever changes from here on is heard, whatever changed before is in the database.
        self._feed.reload()
        self._on_connection(True)  # noqa: FBT003 -- a predicate's value, handed on

    def _disconnected(
        self,
        _client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._on_connection(False)  # noqa: FBT003 -- a predicate's value, handed on
        if reason.is_failure:
            logger.warning("the connection to the broker is gone: %s", reason)

    def _live(self, payload: bytes) -> None:
        self._feed.hear_positions(bus.decode_positions(payload))

    def _alert(self, payload: bytes) -> None:
        self._feed.hear_alert(bus.decode_alert(payload))

    def _status(self, payload: bytes) -> None:
        self._on_heartbeat(bus.decode_heartbeat(payload))


def _reported(take: Callable[[bytes], None]) -> Callable[[Client, Any, MQTTMessage], None]:
    """A message that cannot be read is logged and harms no other."""

    def callback(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
        try:
            take(bytes(message.payload))
        except InvalidBusMessage as error:
            logger.warning("unreadable message on %s: %s", message.topic, error)

    return callback
