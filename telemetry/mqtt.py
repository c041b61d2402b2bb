"""The platform's MQTT client: a persistent session whose messages are acknowledged when stored.

MQTT 5 where the broker speaks it, 3.1.1 otherwise. One network thread owns the connection; the
worker takes messages from a bounded inbox and acknowledges a whole flush at once. The broker must
allow as many unacknowledged messages as a flush has (mosquitto: `max_inflight_messages`, default
20), or every flush stalls; see deploy/mosquitto/.
"""

from __future__ import annotations

import contextlib
import logging
import random
import select
import socket
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo, error_string
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from telemetry.errors import BrokerUnavailable
from telemetry.inbox import Inbox
from telemetry.messages import ALL_FILTERS, PARTITIONS, Message, partition_filters
from telemetry.ports import Clock, OutboxMessage
from telemetry.wire import FramedClient, Received

_LOG = logging.getLogger(__name__)

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_PACKET_ID_BITS = 16
_LARGEST_PACKET_BYTES = 8 * 1024 * 1024
_MOST_UNACKNOWLEDGED = 1000
_POLL_MS = 500
_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 5.0
_DO_NOT_SEND_RETAINED = 2


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and who we are to it. The password never appears in a representation."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    @classmethod
    def parse(cls, url: str, *, username: str | None = None, password: str | None = None) -> BrokerAddress:
        """Read `mqtt[s]://[user:password@]host[:port]`; raises ValueError. Named credentials win."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("a broker address looks like mqtt://host:1883 or mqtts://host:8883")
        user = unquote(parts.username) if parts.username else None
        secret = unquote(parts.password) if parts.password else None
        return cls(
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            username or user,
            password or secret,
            parts.scheme == "mqtts",
        )


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """`client_id` names the session at the broker: stable for one worker, unique among all.

    `receive_maximum` bounds unacknowledged messages (MQTT 5), `inbox_*` what is held in memory.
    """

    client_id: str
    filters: Sequence[str]
    will: OutboxMessage | None = None
    session_expiry_s: int = 7 * 24 * 3600
    keepalive_s: int = 30
    receive_maximum: int = 4096
    inbox_messages: int = 4096
    inbox_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether messages flow, and why not.

    `send_quota` is how many QoS 1 messages of ours the broker takes unacknowledged; it may
    disconnect a client that sends more. `number` counts the attempts to connect.
    """

    ready: bool
    reason: str
    protocol: int
    send_quota: int
    number: int


def vehicle_filters(partitions: Sequence[int]) -> list[str]:
    """Topic filters of what the vehicles of a worker's partitions publish; few where it has them all."""
    if set(partitions) >= set(range(PARTITIONS)):
        return list(ALL_FILTERS)
    return [each for partition in sorted(set(partitions)) for each in partition_filters(partition)]


class TelemetryClient:
    """One persistent session at the broker, read by its own thread into `inbox`.

    Messages carry a token; `acknowledge` sends the PUBACKs of many in one write. A token of an
    earlier connection is ignored: packet ids are reused, and the broker sends such a message again.
    """

    def __init__(self, broker: BrokerAddress, settings: ClientSettings, clock: Clock) -> None:
        self._broker = broker
        self._settings = settings
        self._clock = clock
        self._wake_reader, self._wake_writer = socket.socketpair()
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self.inbox = Inbox(messages=settings.inbox_messages, payload_bytes=settings.inbox_bytes, on_room=self._wake)
        self._tokens: deque[list[int]] = deque()
        self._retained: deque[Sequence[OutboxMessage]] = deque()
        self._epoch = 0
        self._protocol = MQTTProtocolVersion.MQTTv5
        self._paho = self._build()
        self._connection = Connection(
            ready=False, reason="not started", protocol=int(self._protocol), send_quota=0, number=0
        )
        self._answered = False
        self._was_ready = False
        self._send_quota = 0
        self._first_session = True
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{settings.client_id}", daemon=True)

    # --- for the worker -------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        """The state of the connection, for status and readiness."""
        return self._connection

    def start(self) -> None:
        """Connect in the background and stay connected until `stop`."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Send what is queued, disconnect cleanly and end the thread."""
        self._stopping.set()
        self.inbox.interrupt()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._wake_reader.close()
            self._wake_writer.close()

    def take(self, limit: int, limit_bytes: int, *, linger_s: float, idle_s: float) -> list[Message]:
        """The next messages, see Inbox.take."""
        return self.inbox.take(limit, limit_bytes, linger_s=linger_s, idle_s=idle_s)

    def waiting(self) -> tuple[int, int | None]:
        """How many messages wait to be taken, and when the oldest of them arrived."""
        return len(self.inbox), self.inbox.oldest_ms()

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledge these messages, in order, as one write of the network thread."""
        self._tokens.append([message.token for message in messages if isinstance(message.token, int)])
        self._wake()

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> MQTTMessageInfo:
        """Hand a message to the network thread; `is_published()` tells when the broker has it.

        Raises BrokerUnavailable when there is no connection: nothing is queued then.
        """
        if not self._connection.ready:
            raise BrokerUnavailable(self._connection.reason)
        info = self._paho.publish(topic, payload, qos=qos, retain=retain)
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_QUEUE_SIZE):
            raise BrokerUnavailable(f"publish failed: {error_string(info.rc)}")
        return info

    def publish_retained(self, messages: Sequence[OutboxMessage]) -> None:
        """Publish many, QoS 1 and retained, in one write; those of a lost connection are lost.

        `unconfirmed` of the connection's `send_quota` are on their way: keep within it.
        """
        self._retained.append(messages)
        self._wake()

    @property
    def unconfirmed(self) -> int:
        """How many messages of `publish_retained` the broker has not acknowledged yet."""
        return self._paho.unconfirmed + sum(len(messages) for messages in tuple(self._retained))

    @property
    def is_behind(self) -> bool:
        """Whether the network still owes what was published before."""
        return self._paho.want_write()

    # --- the network thread ---------------------------------------------------------------

    def _run(self) -> None:
        delay_s = _FIRST_DELAY_S
        while not self._stopping.is_set():
            try:
                was_ready = self._connect_and_serve()
            except Exception:  # noqa: BLE001 - the thread's edge: a fault must not end it unseen
                _LOG.exception("The connection failed unexpectedly")
                self._set_connection(ready=False, reason="an unexpected fault, see the log")
                was_ready = False
            if self._stopping.is_set():
                break
            delay_s = _FIRST_DELAY_S if was_ready else min(delay_s * 2, _LONGEST_DELAY_S)
            self._stopping.wait(delay_s * random.uniform(0.7, 1.3))

    def _connect_and_serve(self) -> bool:
        """One connection from beginning to end; whether it ever carried messages."""
        self._epoch += 1
        self._retained.clear()
        self._answered = False
        self._was_ready = False
        try:
            self._connect()
        except OSError as error:
            self._set_connection(ready=False, reason=f"cannot reach the broker: {error}")
            return False
        self._serve()
        if not self._was_ready and not self._answered:
            self._change_protocol()
        return self._was_ready

    def _serve(self) -> None:
        poller = select.poll()
        poller.register(self._wake_reader, select.POLLIN)
        goodbye_sent = False
        was_full = False
        while (sock := self._paho.socket()) is not None:
            self._send_acknowledgements()
            self._send_retained()
            if self._stopping.is_set() and not goodbye_sent:
                self._paho.disconnect()
                goodbye_sent = True
            reading = self.inbox.has_room
            interest = (select.POLLIN if reading else 0) | (select.POLLOUT if self._paho.want_write() else 0)
            if interest:
                poller.register(sock.fileno(), interest)
            hidden = reading and getattr(sock, "pending", int)() > 0  # decrypted by TLS, unseen by the poller
            events = dict(poller.poll(0 if hidden else _POLL_MS))
            if interest:
                poller.unregister(sock.fileno())
            if self._wake_reader.fileno() in events:
                self._drain_wake()
            ready = events.get(sock.fileno(), 0)
            if reading and (was_full or hidden or ready & ~select.POLLOUT):
                self._paho.loop_read()
            was_full = not reading
            if self._paho.want_write():
                self._paho.loop_write()
            if reading:  # an answer to paho's ping cannot be seen while the inbox is full
                self._paho.loop_misc()

    def _send_acknowledgements(self) -> None:
        while self._tokens:
            tokens = self._tokens.popleft()
            self._paho.acknowledge_together(
                [packet for token in tokens if token >> _PACKET_ID_BITS == self._epoch and (packet := token & 0xFFFF)]
            )

    def _send_retained(self) -> None:
        while self._retained and self._connection.ready:
            self._paho.publish_together((message.topic, message.payload) for message in self._retained.popleft())

    def _receive(self, received: list[Received]) -> None:
        now_ms = self._clock()
        epoch = self._epoch << _PACKET_ID_BITS
        self.inbox.put([Message(topic, payload, now_ms, epoch | packet_id) for topic, payload, packet_id in received])

    # --- connecting -----------------------------------------------------------------------

    def _build(self) -> FramedClient:
        paho = FramedClient(self._settings.client_id, self._protocol, self._receive)
        paho.max_inflight_messages_set(_MOST_UNACKNOWLEDGED)
        paho.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls:
            paho.tls_set()
        if (will := self._settings.will) is not None:
            paho.will_set(will.topic, will.payload, qos=1, retain=True)
        paho.on_connect = self._on_connect
        paho.on_subscribe = self._on_subscribe
        paho.on_disconnect = self._on_disconnect
        # With this callback paho leaves all writing to our loop.
        paho.on_socket_register_write = lambda *_: self._wake()
        return paho

    def _connect(self) -> None:
        host, port, keepalive_s = self._broker.host, self._broker.port, self._settings.keepalive_s
        if self._protocol != MQTTProtocolVersion.MQTTv5:
            self._paho.connect(host, port, keepalive=keepalive_s)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.SessionExpiryInterval = self._settings.session_expiry_s
        properties.ReceiveMaximum = self._settings.receive_maximum
        properties.MaximumPacketSize = _LARGEST_PACKET_BYTES
        self._paho.connect(host, port, keepalive=keepalive_s, clean_start=False, properties=properties)

    def _change_protocol(self) -> None:
        """Speak the other version next time; only one connection is tried per waiting time."""
        is_five = self._protocol == MQTTProtocolVersion.MQTTv5
        self._protocol = MQTTProtocolVersion.MQTTv311 if is_five else MQTTProtocolVersion.MQTTv5
        _LOG.info("The broker did not answer MQTT %s, trying the other version", "5" if is_five else "3.1.1")
        self._paho = self._build()

    def _on_connect(
        self, paho: Client, _userdata: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if str(reason) == "Unsupported protocol version":
            return  # not an answer: the other version is tried
        self._answered = True
        if reason.is_failure:
            self._set_connection(ready=False, reason=f"the broker refused us: {reason}")
            return
        self._send_quota = min(getattr(properties, "ReceiveMaximum", _MOST_UNACKNOWLEDGED), _MOST_UNACKNOWLEDGED)
        if flags.session_present and self._first_session:
            self._leave_other_partitions(paho)
        self._first_session = False
        if self._settings.filters:
            paho.subscribe(self._subscriptions())
        else:
            self._begin()

    def _subscriptions(self) -> list[tuple[str, int]] | list[tuple[str, SubscribeOptions]]:
        if self._protocol != MQTTProtocolVersion.MQTTv5:
            return [(name, 1) for name in self._settings.filters]
        options = SubscribeOptions(qos=1, retainHandling=_DO_NOT_SEND_RETAINED)
        return [(name, options) for name in self._settings.filters]

    def _leave_other_partitions(self, paho: Client) -> None:
        """A session kept from an earlier run may be subscribed to what others do now."""
        every = [*ALL_FILTERS, *(each for partition in range(PARTITIONS) for each in partition_filters(partition))]
        paho.unsubscribe([name for name in every if name not in self._settings.filters])

    def _on_subscribe(
        self, paho: Client, _userdata: object, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._set_connection(ready=False, reason="the broker refused a subscription")
            paho.disconnect()
            return
        self._begin()

    def _begin(self) -> None:
        self._was_ready = True
        self._set_connection(ready=True, reason="")

    def _on_disconnect(
        self,
        _paho: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self._connection.ready:
            self._set_connection(ready=False, reason=f"the connection ended: {reason}")

    def _set_connection(self, *, ready: bool, reason: str) -> None:
        before = self._connection
        self._connection = Connection(
            ready=ready,
            reason=reason,
            protocol=int(self._protocol),
            send_quota=self._send_quota if ready else 0,
            number=self._epoch,
        )
        if (before.ready, before.reason) != (ready, reason):
            if self._stopping.is_set():
                _LOG.info("Disconnected from %s:%d", self._broker.host, self._broker.port)
            elif ready:
                _LOG.info("Connected to %s:%d", self._broker.host, self._broker.port)
            else:
                _LOG.warning("No connection to %s:%d: %s", self._broker.host, self._broker.port, reason)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            self._wake_writer.send(b"\0")

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_reader.recv(4096)
