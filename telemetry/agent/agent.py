"""The agent of one vehicle: what it is given is kept, sent, and kept until the platform has stored it."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from paho.mqtt.enums import MQTTProtocolVersion

from telemetry.agent.connection import Connection, Credential
from telemetry.agent.delivery import Delivery, Pace
from telemetry.agent.orders import OrderBook, Program
from telemetry.agent.ring import Ring, Settled
from telemetry.directives import Answer, Reply, decode_orders, encode_answer
from telemetry.errors import InvalidDirective
from telemetry.mqtt import BrokerAddress
from telemetry.ports import Clock

logger = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 0.5


class Link(StrEnum):
    """How an agent stands with the broker."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One look at an agent. `unsettled` samples wait for the platform, `evicted` ones are lost."""

    link: Link
    reason: str
    unsettled: int
    evicted: int


class _Committed(msgspec.Struct):
    """Payload of the `committed` topic."""

    watermark: int
    received: list[tuple[int, int]] = []


class VehicleAgent:
    """One vehicle of an AgentGroup.

    `publish`, `answer` and `status` may be called in any thread; everything else belongs to the
    group's network thread.
    """

    def __init__(
        self,
        credential: Credential,
        ring: Ring,
        *,
        address: BrokerAddress,
        pace: Pace,
        longest_backoff_s: float,
        clock: Clock,
        wake: Callable[[VehicleAgent], None],
        program: Program | None,
    ) -> None:
        self.credential = credential
        self._ring = ring
        self._address = address
        self._longest_backoff_s = longest_backoff_s
        self._clock = clock
        self._wake = wake
        self._delivery = Delivery(ring, pace)
        self._appended: deque[Sequence[int]] = deque()
        self._orders = OrderBook(program, clock)
        self._answers: deque[Answer] = deque()
        self._protocol = MQTTProtocolVersion.MQTTv5
        self._backoff_s = _FIRST_BACKOFF_S
        self._told_evicted = ring.evicted
        self._reason = "not connected yet"
        self._now_s = 0.0
        self.connection: Connection | None = None
        self.connect_at_s = 0.0

    # --- any thread ---------------------------------------------------------------------------

    def publish(self, sample: Mapping[str, object]) -> int:
        """Keep one sample, in the form of the telemetry payload, and send it as soon as possible.

        `seq` and `timestamp` (ms UTC) are filled in where absent; returns the seq. When this
        returns, the sample is on disk. Raises UnacceptableSample, RingUnavailable.
        """
        return self.publish_all([sample])[0]

    def publish_all(self, samples: Sequence[Mapping[str, object]]) -> list[int]:
        """The same for several samples, with one write to the disk."""
        now_ms = self._clock()
        seqs = self._ring.append_all([{"timestamp": now_ms, **sample} for sample in samples])
        self._appended.append(seqs)
        self._wake(self)
        return seqs

    def answer(self, directive_id: str, reply: Reply, detail: str = "") -> None:
        """What the vehicle's program says to a directive, sent now or at the next connection."""
        self._answers.append(Answer(directive_id, reply, self._clock(), detail))
        self._wake(self)

    @property
    def status(self) -> AgentStatus:
        """Where things stand."""
        connection = self.connection
        if connection is None:
            return AgentStatus(Link.OFFLINE, self._reason, len(self._ring), self._ring.evicted)
        link = Link.ONLINE if connection.accepted else Link.CONNECTING
        return AgentStatus(link, "", len(self._ring), self._ring.evicted)

    # --- the network thread -------------------------------------------------------------------

    def new_connection(self) -> Connection:
        """Begin an attempt; the group opens it."""
        self.connection = Connection(self._address, self.credential, self._protocol, self)
        return self.connection

    def ended(self, reason: str, now_s: float) -> None:
        """The connection, or the attempt, is over: try again after a pause that grows, with jitter."""
        connection, self.connection = self.connection, None
        refused = connection is not None and connection.protocol_refused
        if refused:
            v5 = self._protocol == MQTTProtocolVersion.MQTTv5
            self._protocol = MQTTProtocolVersion.MQTTv311 if v5 else MQTTProtocolVersion.MQTTv5
        if reason != self._reason:
            level = logging.INFO if refused else logging.WARNING  # the other version is tried next
            logger.log(level, "%s: connection to the broker ended: %s", self.credential.vehicle_id, reason)
        self._reason = reason
        self.connect_at_s = now_s + self._backoff_s * random.uniform(0.5, 1.0)
        self._backoff_s = min(2 * self._backoff_s, self._longest_backoff_s)

    def work(self, now_s: float) -> None:
        """Send what is due on the open connection; called after events and a few times a second."""
        self._now_s = now_s
        while self._appended:
            self._delivery.appended(self._appended.popleft())
        self._report_evicted()
        while self._answers:
            self._orders.answer(self._answers.popleft())
        connection = self.connection
        if connection is not None and connection.accepted and connection.socket is not None:
            for answer in self._orders.owed():
                connection.publish_to(self.credential.sibling("directive/ack"), encode_answer(answer))
            self._delivery.pump(connection, now_s)

    def on_accepted(self) -> None:
        """The broker accepted the credential."""
        logger.info("%s: connected to the broker", self.credential.vehicle_id)
        self._reason = ""
        self._backoff_s = _FIRST_BACKOFF_S
        self._delivery.connected(self._now_s)
        self._orders.connected()

    def on_message(self, topic: str, payload: bytes) -> None:
        """A watermark or what is demanded; one that cannot be read is reported and changes nothing."""
        try:
            if topic == self.credential.sibling("committed"):
                message = msgspec.json.decode(payload, type=_Committed)
                self._delivery.settled(Settled(message.watermark, message.received), self._now_s)
            else:
                self._orders.take(decode_orders(payload))
        except (msgspec.DecodeError, InvalidDirective) as error:
            logger.warning("%s: unreadable message on %s: %s", self.credential.vehicle_id, topic, error)

    def on_acknowledged(self, message_id: int) -> None:
        """The broker has the message."""
        self._delivery.acknowledged(message_id)

    def on_refused(self, message_id: int, reason: str) -> None:
        """The broker could not pass the message on."""
        logger.info("%s: the broker could not pass on a message: %s", self.credential.vehicle_id, reason)
        self._delivery.refused(message_id, self._now_s)

    def _report_evicted(self) -> None:
        lost = self._ring.evicted - self._told_evicted
        if lost:
            self._told_evicted += lost
            logger.error("%s: the ring buffer is full, %d samples were lost", self.credential.vehicle_id, lost)
