"""The worker's loop: take, process, acknowledge, tell. It waits out outages and never needs a restart."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from telemetry.bus import Heartbeat, WorkerState, encode_heartbeat, status_topic
from telemetry.errors import StaleRegistry, StoreUnavailable
from telemetry.messages import PARTITIONS, Message
from telemetry.mqtt import BrokerAddress, ClientSettings, TelemetryClient, vehicle_filters
from telemetry.neighbours import Neighbours
from telemetry.outgoing import LiveFeed, Outbox, OutboxSender, Publisher, Watermarks
from telemetry.pipeline import FlushResult
from telemetry.ports import Clock, OutboxMessage

_LOG = logging.getLogger(__name__)

_ATTEMPTS_ALONE = 3
_LAST_WORDS_S = 3.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """One worker: its name (stable: it names the session at the broker) and its bounds.

    A flush has at most `batch_messages` messages and about `batch_bytes` of payload and begins at
    most `linger_s` after its first message arrived. Retries after an outage wait from
    `first_delay_s`, doubling to `longest_delay_s`.
    """

    name: str = "worker"
    partitions: Sequence[int] = tuple(range(PARTITIONS))
    batch_messages: int = 500
    batch_bytes: int = 2 * 1024 * 1024
    linger_s: float = 0.05
    idle_s: float = 0.2
    first_delay_s: float = 0.2
    longest_delay_s: float = 5.0
    heartbeat_s: float = 1.0


class Processor(Protocol):
    """The judging core, see telemetry.pipeline.Pipeline."""

    def process(self, messages: Sequence[Message]) -> FlushResult:
        """Judge and store in one transaction; raises StoreUnavailable with nothing changed."""

    def refuse(self, message: Message, detail: str) -> FlushResult:
        """Record a message that cannot be processed as a reject."""


class Client(Publisher, Protocol):
    """The transport, see telemetry.mqtt.TelemetryClient."""

    def start(self) -> None:
        """Connect in the background."""

    def stop(self, timeout_s: float = 5.0) -> None:
        """Send what is queued and disconnect."""

    def take(self, limit: int, limit_bytes: int, *, linger_s: float, idle_s: float) -> list[Message]:
        """The next messages in order."""

    def waiting(self) -> tuple[int, int | None]:
        """How many messages wait to be taken, and when the oldest of them arrived."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledge in order, as one write."""


def worker_client(broker: BrokerAddress, settings: WorkerSettings, clock: Clock) -> TelemetryClient:
    """The client of a worker: its partitions, its session, and the last will that marks it gone."""
    gone = Heartbeat(settings.name, clock(), WorkerState.GONE, "the connection to the broker was lost")
    return TelemetryClient(
        broker,
        ClientSettings(
            client_id=f"pilotage-{settings.name}",
            filters=vehicle_filters(settings.partitions),
            will=OutboxMessage(status_topic(settings.name), encode_heartbeat(gone)),
        ),
        clock,
    )


class Worker:
    """Moves messages from a client through a processor until stopped.

    Nothing is acknowledged before it is stored. A message that cannot be processed although the
    database is there is recorded as a reject; if even that fails, it stays unacknowledged at the
    broker, the heartbeat says so, and it blocks no other. `neighbours` are those that the processor hears of.
    """

    def __init__(
        self,
        client: Client,
        processor: Processor,
        outbox: Outbox,
        settings: WorkerSettings,
        clock: Clock,
        *,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._client = client
        self._processor = processor
        self._settings = settings
        self._clock = clock
        self._neighbours = neighbours
        self._watermarks = Watermarks(client)
        self._live = LiveFeed(client, settings.name)
        self._outbox = OutboxSender(client, outbox, settings.partitions)
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._database_reason = ""
        self._stuck_reason = ""
        self._was_connected = False
        self._connection_number = 0
        self._logged = WorkerState.STARTING
        self._settling_since_ms: int | None = None
        self._generation = -1
        self._stored = self._rejected = self._duplicates = 0
        self._longest_flush_ms = 0.0

    def stop(self) -> None:
        """Let `run` finish its flush and return. Safe to call from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`; then send what is owed and disconnect."""
        self._client.start()
        heart = threading.Thread(target=self._beat, name=f"heartbeat-{self._settings.name}", daemon=True)
        heart.start()
        try:
            while not self._stopping.is_set():
                self._turn()
        finally:
            self._ended.set()
            heart.join()
            self._send_last_watermarks()
            self._client.publish_retained([self._status_message(WorkerState.STOPPED, "stopped in good order")])
            self._client.stop()

    def heartbeat(self) -> Heartbeat:
        """The worker's account of itself now."""
        waiting, oldest_ms = self._client.waiting()
        since_ms = self._settling_since_ms if self._settling_since_ms is not None else oldest_ms
        now_ms = self._clock()
        state, reason = self._state()
        untold_since_ms = self._live.untold_since_ms()
        return Heartbeat(
            worker=self._settings.name,
            at_ms=now_ms,
            state=state,
            reason=reason,
            lag_ms=max(0, now_ms - since_ms) if since_ms is not None else 0,
            buffered=waiting,
            generation=self._generation,
            committed_total=self._stored,
            rejected_total=self._rejected,
            duplicates_total=self._duplicates,
            flush_ms=round(self._longest_flush_ms, 1),
            partitions=tuple(self._settings.partitions),
            unheard=() if self._neighbours is None else self._neighbours.unheard(now_ms),
            untold_ms=max(0, now_ms - untold_since_ms) if untold_since_ms is not None else 0,
        )

    def _send_last_watermarks(self) -> None:
        deadline_s = time.monotonic() + _LAST_WORDS_S
        while self._watermarks.send(self._clock(), everything=True) and time.monotonic() < deadline_s:
            time.sleep(0.01)  # the broker's window is full

    # --- one turn -------------------------------------------------------------------------

    def _turn(self) -> None:
        settings = self._settings
        if (number := self._client.connection.number) != self._connection_number:
            self._connection_number = number
            self._stuck_reason = ""  # the broker sends such a message again
        due_ms = self._live.due_in_ms(self._clock())
        batch = self._client.take(
            settings.batch_messages,
            settings.batch_bytes,
            linger_s=settings.linger_s,
            idle_s=settings.idle_s if due_ms is None else min(settings.idle_s, due_ms / 1000),
        )
        has_alerts = self._settle(batch) if batch else False
        now_ms = self._clock()
        self._live.send(now_ms)
        self._watermarks.send(now_ms)
        try:
            if self._outbox.send(now_ms, has_new=has_alerts):
                self._database_reason = ""
        except StoreUnavailable as error:
            self._database_reason = str(error) or error.code

    def _settle(self, batch: Sequence[Message]) -> bool:
        """Process and acknowledge; whether alerts changed. On `stop` the batch may stay unsettled."""
        self._settling_since_ms = batch[0].received_ms
        try:
            return self._attempt(batch)
        except Exception:  # noqa: BLE001 - the worker's loop is the edge; logged with its traceback
            _LOG.exception("A flush of %d messages failed; trying its messages one by one", len(batch))
            alerted = [self._settle_alone(message) for message in batch]
            return any(alerted)
        finally:
            self._settling_since_ms = None

    def _settle_alone(self, message: Message) -> bool:
        detail = ""
        for attempt in range(_ATTEMPTS_ALONE):
            if attempt:
                self._stopping.wait(self._settings.first_delay_s)
            try:
                return self._attempt([message])
            except Exception as error:  # noqa: BLE001 - see _settle
                _LOG.exception("A message on %s failed alone, attempt %d", message.topic, attempt + 1)
                detail = repr(error)
        return self._refuse(message, detail)

    def _refuse(self, message: Message, detail: str) -> bool:
        """Keep what cannot be processed as a reject, so that it is neither lost nor in anybody's way."""
        try:
            return self._attempt([message], lambda: self._processor.refuse(message, detail))
        except Exception:  # noqa: BLE001 - see _settle
            _LOG.exception("A message on %s can neither be processed nor refused", message.topic)
        self._stuck_reason = f"a message on {message.topic} cannot be processed and stays unacknowledged"
        return False

    def _attempt(self, batch: Sequence[Message], settle: Callable[[], FlushResult] | None = None) -> bool:
        """Settle (by default: process), waiting for the database as long as it takes; then acknowledge."""
        delay_s = self._settings.first_delay_s
        while not self._stopping.is_set():
            began = time.perf_counter()
            try:
                result = settle() if settle is not None else self._processor.process(batch)
            except (StoreUnavailable, StaleRegistry) as error:
                self._database_reason = str(error) or error.code
                self._log_change()
                self._stopping.wait(delay_s)
                delay_s = min(delay_s * 2, self._settings.longest_delay_s)
            else:
                self._longest_flush_ms = max(self._longest_flush_ms, (time.perf_counter() - began) * 1000)
                self._database_reason = ""
                self._committed(batch, result)
                return bool(result.alerts)
        return False

    def _committed(self, batch: Sequence[Message], result: FlushResult) -> None:
        self._client.acknowledge(batch)
        self._watermarks.note(result.watermarks)
        self._live.note(result.positions)
        self._generation = result.generation
        self._stored += result.stored
        self._rejected += result.rejected
        self._duplicates += result.duplicates

    # --- its own account ------------------------------------------------------------------

    def _state(self) -> tuple[WorkerState, str]:
        connection = self._client.connection
        self._was_connected = self._was_connected or connection.ready
        if self._database_reason:
            return WorkerState.WAITING_FOR_DATABASE, self._database_reason
        if not self._was_connected:
            return WorkerState.STARTING, connection.reason
        if not connection.ready:
            return WorkerState.WAITING_FOR_BROKER, connection.reason
        if self._stuck_reason:
            return WorkerState.FAILING, self._stuck_reason
        return WorkerState.RUNNING, ""

    def _log_change(self) -> None:
        state, reason = self._state()
        if state != self._logged:
            self._logged = state
            level = logging.INFO if state is WorkerState.RUNNING else logging.WARNING
            _LOG.log(level, "Worker %s: %s%s", self._settings.name, state, f" ({reason})" if reason else "")

    def _status_message(self, state: WorkerState | None = None, reason: str = "") -> OutboxMessage:
        heartbeat = self.heartbeat()
        if state is not None:
            heartbeat = msgspec.structs.replace(heartbeat, state=state, reason=reason)
        return OutboxMessage(status_topic(self._settings.name), encode_heartbeat(heartbeat))

    def _beat(self) -> None:
        """Once a second, also while a flush takes long or the database is gone."""
        while not self._ended.wait(self._settings.heartbeat_s):
            self._log_change()
            if self._client.connection.ready:
                self._client.publish_retained([self._status_message()])
            self._longest_flush_ms = 0.0


def run_until_signalled(worker: Worker) -> None:
    """Run in the main thread until SIGTERM or SIGINT, then finish in good order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()
