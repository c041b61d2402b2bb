"""What a worker tells the world after a flush: watermarks, the live feed, alerts of the outbox."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from telemetry.bus import LivePosition, encode_committed, encode_positions, live_topic
from telemetry.errors import BrokerUnavailable
from telemetry.messages import committed_topic
from telemetry.mqtt import Connection
from telemetry.pipeline import Watermark
from telemetry.ports import OutboxMessage

#: A vehicle hears its watermark at most this often.
WATERMARK_INTERVAL_MS = 1000
#: The live feed leaves at most this often, and at once when it rested.
LIVE_INTERVAL_MS = 100
#: A published alert that the broker has not confirmed by then is published again.
CONFIRMATION_MS = 10_000

_WATERMARK_TICK_MS = 200
#: A dead connection is noticed one and a half keep-alives (45 s) late; what was sent meanwhile is sent again.
_SENT_AGAIN_MS = 90_000
_POSITIONS_IN_A_MESSAGE = 500
_ALERTS_AT_ONCE = 200
_OUTBOX_TICK_MS = 500


class Receipt(Protocol):
    """Tells whether the broker has confirmed one published message."""

    def is_published(self) -> bool:
        """Whether it has."""


class Publisher(Protocol):
    """The sending side of telemetry.mqtt.TelemetryClient."""

    @property
    def connection(self) -> Connection:
        """The state of the connection."""

    @property
    def unconfirmed(self) -> int:
        """How many messages of `publish_retained` are on their way."""

    @property
    def is_behind(self) -> bool:
        """Whether the network still owes what was published before."""

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> Receipt:
        """Publish one message; raises BrokerUnavailable."""

    def publish_retained(self, messages: Sequence[OutboxMessage]) -> None:
        """Publish many, QoS 1 and retained."""


class Outbox(Protocol):
    """The part of telemetry.ports.Store that the outbox needs."""

    def pending(self, limit: int, partitions: Collection[int]) -> Sequence[tuple[int, OutboxMessage]]:
        """The oldest unsent messages of these partitions, and of none, with their keys."""

    def sent(self, keys: Collection[int], at_ms: int) -> None:
        """These have left: the broker has them since `at_ms`."""


class Watermarks:
    """The latest watermark of each vehicle, sent at most once a second, and the last one always.

    After a new connection those of the last seconds go out again: they may have been lost.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: dict[str, Watermark] = {}
        self._sent: dict[str, tuple[int, Watermark]] = {}
        self._looked_ms = 0
        self._connection = 0

    def note(self, watermarks: Iterable[Watermark]) -> None:
        """Take the newer watermarks of a flush."""
        for watermark in watermarks:
            self._waiting[watermark.vehicle_id] = watermark

    def send(self, now_ms: int, *, everything: bool = False) -> bool:
        """Send those that are due; `everything` at the end of a worker's life.

        Tells whether some still wait although there is a connection.
        """
        connection = self._publisher.connection
        if not connection.ready or (now_ms - self._looked_ms < _WATERMARK_TICK_MS and not everything):
            return False
        self._looked_ms = now_ms
        if connection.number != self._connection:
            self._connection = connection.number
            self._again(now_ms)
        room = connection.send_quota // 2 - self._publisher.unconfirmed
        earliest_ms = now_ms if everything else now_ms - WATERMARK_INTERVAL_MS
        due = [name for name in self._waiting if name not in self._sent or self._sent[name][0] <= earliest_ms]
        for name in (chosen := due[: max(room, 0)]):
            self._sent[name] = (now_ms, self._waiting[name])
        messages = [_committed(self._waiting.pop(name)) for name in chosen]
        if messages:
            self._publisher.publish_retained(messages)
        return bool(self._waiting)

    def _again(self, now_ms: int) -> None:
        for name, (sent_ms, watermark) in self._sent.items():
            if now_ms - sent_ms <= _SENT_AGAIN_MS:
                self._waiting.setdefault(name, watermark)
        self._sent.clear()


class LiveFeed:
    """The newest live sample of each vehicle, at once when little happens, else ten times a second."""

    def __init__(self, publisher: Publisher, worker: str) -> None:
        self._publisher = publisher
        self._topic = live_topic(worker)
        self._waiting: dict[int, LivePosition] = {}
        self._sent_ms = 0

    def note(self, positions: Iterable[LivePosition]) -> None:
        """Take the positions of a flush."""
        for position in positions:
            self._waiting[position.vehicle] = position

    def untold_since_ms(self) -> int | None:
        """When the first position arrived that waits; None when none does. Asked by the heartbeat's thread too."""
        return min((position.received_ms for position in list(self._waiting.values())), default=None)

    def due_in_ms(self, now_ms: int) -> int | None:
        """How long until the next message is due; None when nothing waits."""
        return max(0, self._sent_ms + LIVE_INTERVAL_MS - now_ms) if self._waiting else None

    def send(self, now_ms: int) -> None:
        """Send what waits, if it is due and the network is not behind."""
        if self.due_in_ms(now_ms) != 0 or not self._publisher.connection.ready or self._publisher.is_behind:
            return
        positions = list(self._waiting.values())
        self._sent_ms = now_ms
        try:
            for start in range(0, len(positions), _POSITIONS_IN_A_MESSAGE):
                self._publisher.publish(
                    self._topic, encode_positions(positions[start : start + _POSITIONS_IN_A_MESSAGE])
                )
        except BrokerUnavailable:
            return  # the picture is sent again, newer, once there is a broker
        self._waiting.clear()


class OutboxSender:
    """Sends stored messages at least once: marked as sent only when the broker has confirmed."""

    def __init__(self, publisher: Publisher, outbox: Outbox, partitions: Collection[int]) -> None:
        self._publisher = publisher
        self._outbox = outbox
        self._partitions = frozenset(partitions)
        self._on_their_way: dict[int, tuple[int, Receipt]] = {}
        self._looked_ms = 0

    def send(self, now_ms: int, *, has_new: bool) -> bool:
        """Publish pending messages and mark confirmed ones. Raises StoreUnavailable.

        Looks into the store when `has_new`, when confirmations came, and twice a second; tells
        whether it did.
        """
        confirmed = [key for key, (_, receipt) in self._on_their_way.items() if receipt.is_published()]
        if not (has_new or confirmed or now_ms - self._looked_ms >= _OUTBOX_TICK_MS):
            return False
        self._looked_ms = now_ms
        if confirmed:
            self._outbox.sent(confirmed, now_ms)
            for key in confirmed:
                del self._on_their_way[key]
        self._publish_pending(now_ms)
        return True

    def _publish_pending(self, now_ms: int) -> None:
        for key, message in self._outbox.pending(_ALERTS_AT_ONCE, self._partitions):
            known = self._on_their_way.get(key)
            if known is not None and now_ms - known[0] <= CONFIRMATION_MS:
                continue
            try:
                receipt = self._publisher.publish(message.topic, message.payload, qos=1, retain=message.retain)
                self._on_their_way[key] = (now_ms, receipt)
            except BrokerUnavailable:
                return  # still pending in the store


def _committed(watermark: Watermark) -> OutboxMessage:
    payload = encode_committed(watermark.watermark, watermark.received)
    return OutboxMessage(committed_topic(watermark.vehicle_id), payload)
