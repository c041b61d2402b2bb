"""One connection of one vehicle to the broker: paho, driven from outside by the group's loop.

A connection is used once; after it ended a new one is made, so nothing of an old one (message
identifiers, half-sent packets) can leak into the next. MQTT 5 is tried first, 3.1.1 where the
broker hangs up on it.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from telemetry.errors import BrokerUnavailable
from telemetry.mqtt import BrokerAddress

_KEEPALIVE_S = 30
_CONNECT_TIMEOUT_S = 5.0
_NO_MATCHING_SUBSCRIBERS = 0x10
_UNSUPPORTED_PROTOCOL = ReasonCode(PacketTypes.CONNACK, "Unsupported protocol version")
_KEEPALIVE_TIMEOUT = 0x8D


@dataclass(frozen=True, slots=True)
class Credential:
    """What the platform handed out at registration. The user name is `vehicle_id`.

    `topic` is the whole telemetry topic, `v1/{partition}/{vehicle_id}/telemetry`.
    """

    vehicle_id: str
    password: str
    topic: str

    def __repr__(self) -> str:
        return f"Credential(vehicle_id={self.vehicle_id!r}, topic={self.topic!r})"

    def sibling(self, name: str) -> str:
        """Another topic of the same vehicle, e.g. `committed`."""
        return f"{self.topic.removesuffix('/telemetry')}/{name}"


class Listener(Protocol):
    """Who is told what happens on a connection, in the thread that drives it."""

    def on_accepted(self) -> None:
        """The broker accepted the credential."""

    def on_message(self, topic: str, payload: bytes) -> None:
        """A message arrived on a subscribed topic."""

    def on_acknowledged(self, message_id: int) -> None:
        """The broker has taken the message over."""

    def on_refused(self, message_id: int, reason: str) -> None:
        """The broker could not pass the message on."""


class Connection:
    """A single use of a socket. All methods but `open` belong to one thread."""

    def __init__(
        self, address: BrokerAddress, credential: Credential, protocol: MQTTProtocolVersion, listener: Listener
    ) -> None:
        self._address = address
        self._credential = credential
        self._listener = listener
        self.protocol = protocol
        self.accepted = False
        self.end_reason = ""
        self.protocol_refused = False
        self._answered = False
        self._client = self._new_client()

    def open(self) -> None:
        """Connect the socket and send CONNECT; blocks for at most a few seconds.

        Raises BrokerUnavailable.
        """
        clean_start = True if self.protocol == MQTTProtocolVersion.MQTTv5 else paho.MQTT_CLEAN_START_FIRST_ONLY
        try:
            self._client.connect(self._address.host, self._address.port, _KEEPALIVE_S, clean_start=clean_start)
        except (OSError, ssl.SSLError) as error:
            raise BrokerUnavailable(f"{self._address.host}:{self._address.port}: {error}") from error

    @property
    def socket(self) -> paho.SocketLike | None:
        """The socket to wait for, None once the connection ended."""
        return self._client.socket()

    @property
    def wants_to_write(self) -> bool:
        """Whether bytes wait until the socket takes them."""
        return self._client.want_write()

    def read(self) -> None:
        """Take what the socket has."""
        self._client.loop_read()
        while (sock := self._client.socket()) is not None and isinstance(sock, ssl.SSLSocket) and sock.pending():
            self._client.loop_read()

    def write(self) -> None:
        """Write what waits."""
        self._client.loop_write()

    def keep_alive(self) -> None:
        """Ping when it is time; ends the connection when the broker does not answer."""
        self._client.loop_misc()

    def publish(self, payload: bytes) -> int:
        """Publish telemetry with QoS 1 and return the message's identifier."""
        return self.publish_to(self._credential.topic, payload)

    def publish_to(self, topic: str, payload: bytes) -> int:
        """Publish with QoS 1 on any topic of this vehicle."""
        return self._client.publish(topic, payload, qos=1).mid

    def close(self) -> None:
        """Say goodbye and close."""
        self._client.disconnect()
        self._client.loop_write()

    def abort(self) -> None:
        """Close the socket without a word; the broker notices by itself."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        self._client = self._new_client()

    def _new_client(self) -> paho.Client:
        v5 = self.protocol == MQTTProtocolVersion.MQTTv5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._credential.vehicle_id,
            protocol=self.protocol,
            clean_session=None if v5 else True,
            reconnect_on_failure=False,
        )
        client.username_pw_set(self._credential.vehicle_id, self._credential.password)
        client.connect_timeout = _CONNECT_TIMEOUT_S
        if self._address.tls:
            client.tls_set()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _on_connect(
        self, client: paho.Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        self._answered = True
        if reason.is_failure:
            self.end_reason = str(reason)
            self.protocol_refused = reason == _UNSUPPORTED_PROTOCOL
            return
        self.accepted = True
        client.subscribe([(self._credential.sibling(name), 1) for name in ("committed", "directive")])
        self._listener.on_accepted()

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: object,
    ) -> None:
        told = flags.is_disconnect_packet_from_server or reason.value == _KEEPALIVE_TIMEOUT
        self.end_reason = self.end_reason or (str(reason) if told else "the broker hung up")
        # Brokers that do not know MQTT 5 mostly hang up without an answer.
        self.protocol_refused = self.protocol_refused or not self._answered

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self._listener.on_message(message.topic, bytes(message.payload))

    def _on_publish(
        self, _client: paho.Client, _userdata: object, message_id: int, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure or reason.value == _NO_MATCHING_SUBSCRIBERS:
            self._listener.on_refused(message_id, str(reason))
        else:
            self._listener.on_acknowledged(message_id)
