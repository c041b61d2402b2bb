"""The worker's loop against an in-memory transport and a processor that does as it is told."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec
import pytest

from benchmarks.backlog import publish_backlog
from telemetry.bus import Heartbeat, LivePosition, WorkerState, decode_heartbeat, decode_positions
from telemetry.clock import system_clock
from telemetry.errors import BrokerUnavailable, StoreUnavailable
from telemetry.messages import Message, committed_topic, telemetry_topic
from telemetry.mqtt import BrokerAddress, Connection
from telemetry.outgoing import OutboxSender, Watermarks
from telemetry.pipeline import FlushResult, Watermark
from telemetry.ports import OutboxMessage
from telemetry.samples import VehicleKind
from telemetry.worker import Worker, WorkerSettings, run_until_signalled, worker_client
from tests.brokers import PLATFORM_LINES, mosquitto

READY = Connection(ready=True, reason="", protocol=5, send_quota=1000, number=1)
SETTINGS = WorkerSettings(
    name="w1", linger_s=0.01, idle_s=0.02, first_delay_s=0.01, longest_delay_s=0.05, heartbeat_s=0.05
)


@dataclass
class Published:
    confirmed: bool = False

    def is_published(self) -> bool:
        return self.confirmed


@dataclass
class MemoryClient:
    connection: Connection = READY
    incoming: list[Message] = field(default_factory=list)
    acknowledged: list[list[Message]] = field(default_factory=list)
    published: list[tuple[str, bytes, Published]] = field(default_factory=list)
    retained: list[OutboxMessage] = field(default_factory=list)
    unconfirmed: int = 0
    is_behind: bool = False
    confirms: bool = True
    stopped: bool = False

    def start(self) -> None:
        pass

    def stop(self, timeout_s: float = 5.0) -> None:  # noqa: ARG002 - the seam's signature
        self.stopped = True

    def waiting(self) -> tuple[int, int | None]:
        return len(self.incoming), self.incoming[0].received_ms if self.incoming else None

    def take(self, limit: int, limit_bytes: int, *, linger_s: float, idle_s: float) -> list[Message]:  # noqa: ARG002 - the seam's signature
        if not self.incoming:
            time.sleep(idle_s)
        taken, self.incoming[:] = self.incoming[:limit], self.incoming[limit:]
        return taken

    def acknowledge(self, messages: Sequence[Message]) -> None:
        self.acknowledged.append(list(messages))

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> Published:  # noqa: ARG002 - the seam's signature
        if not self.connection.ready:
            raise BrokerUnavailable(self.connection.reason)
        self.published.append((topic, payload, receipt := Published(self.confirms)))
        return receipt

    def publish_retained(self, messages: Sequence[OutboxMessage]) -> None:
        self.retained.extend(messages)

    def on(self, topic: str) -> list[bytes]:
        return [message.payload for message in self.retained if message.topic == topic]

    def heartbeats(self) -> list[Heartbeat]:
        return [decode_heartbeat(payload) for payload in self.on("v1/service/status/w1")]


def position(vehicle: int, seq: int) -> LivePosition:
    numbers = dict.fromkeys(
        (
            "altitude_m",
            "altitude_datum",
            "heading_deg",
            "speed_mps",
            "horizontal_accuracy_m",
            "mode",
            "safety_officer",
            "passengers",
            "battery_percent",
        )
    )
    return msgspec.convert(
        {
            "vehicle": vehicle,
            "vehicle_id": f"car-{vehicle}",
            "kind": VehicleKind.ROAD,
            "seq": seq,
            "timestamp_ms": seq,
            "received_ms": seq,
            "lon": 113.9,
            "lat": 22.5,
            "verdict": 0,
            "undecided": 0,
            **numbers,
        },
        LivePosition,
    )


def flushed(stored: int, watermark: Watermark | None = None, newest: LivePosition | None = None) -> FlushResult:
    return FlushResult(
        watermarks=[watermark] if watermark else [],
        positions=[newest] if newest else [],
        alerts=[],
        generation=7,
        committed_ms=system_clock(),
        stored=stored,
        late=0,
        rejected=0,
        duplicates=0,
    )


@dataclass
class ObedientProcessor:
    """Stores every message, unless `fault` has something to say first."""

    fault: Callable[[Sequence[Message]], None] = lambda _: None
    refuses: bool = True
    stored: list[Message] = field(default_factory=list)
    refused: list[tuple[Message, str]] = field(default_factory=list)

    def refuse(self, message: Message, detail: str) -> FlushResult:
        if not self.refuses:
            raise ZeroDivisionError("another bug")
        self.refused.append((message, detail))
        return flushed(0)

    def process(self, messages: Sequence[Message]) -> FlushResult:
        self.fault(messages)
        self.stored.extend(messages)
        return flushed(len(messages), Watermark("car-1", len(self.stored), ()), position(1, len(self.stored)))


@dataclass
class MemoryOutbox:
    waiting: dict[int, OutboxMessage] = field(default_factory=dict)
    gone: bool = False

    def pending(self, limit: int, _partitions: Collection[int]) -> Sequence[tuple[int, OutboxMessage]]:
        if self.gone:
            raise StoreUnavailable("the disk is full")
        return list(self.waiting.items())[:limit]

    def sent(self, keys: Collection[int], _at_ms: int) -> None:
        for key in keys:
            del self.waiting[key]


def messages(count: int, start: int = 0) -> list[Message]:
    return [Message(telemetry_topic("car-1"), b"%d" % (start + n), system_clock(), start + n + 1) for n in range(count)]


def assert_true(claim: bool) -> None:  # noqa: FBT001 - an assertion as an expression
    assert claim


def eventually(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


@contextmanager
def working(client: MemoryClient, processor: ObedientProcessor, outbox: MemoryOutbox | None = None) -> Iterator[Worker]:
    worker = Worker(client, processor, outbox or MemoryOutbox(), SETTINGS, system_clock)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


def test_a_flush_is_stored_then_acknowledged_in_order_and_at_once() -> None:
    sent = messages(700)
    client, processor = MemoryClient(incoming=list(sent)), ObedientProcessor()

    def nothing_acknowledged_early(_: Sequence[Message]) -> None:
        assert sum(map(len, client.acknowledged)) == len(processor.stored)

    processor.fault = nothing_acknowledged_early
    with working(client, processor):
        eventually(lambda: len(client.acknowledged) == 2)
    assert [len(flush) for flush in client.acknowledged] == [500, 200]
    assert [message for flush in client.acknowledged for message in flush] == sent == processor.stored


def test_the_last_watermark_goes_out_though_each_vehicle_hears_it_once_a_second() -> None:
    client, processor = MemoryClient(), ObedientProcessor()
    with working(client, processor):
        for number in range(10):
            client.incoming.extend(messages(1, number))
            eventually(partial(lambda expected: len(client.acknowledged) > expected, number))
    heard = client.on(committed_topic("car-1"))
    assert heard[-1] == b'{"watermark":10,"received":[]}'
    assert len(heard) <= 4


def test_watermarks_respect_the_window_of_the_broker_and_all_leave_in_the_end() -> None:
    client = MemoryClient(Connection(ready=True, reason="", protocol=5, send_quota=20, number=1))
    watermarks = Watermarks(client)
    watermarks.note(Watermark(f"car-{n}", 1, ()) for n in range(25))
    assert [watermarks.send(at_ms) for at_ms in (1000, 1300, 1600)] == [True, True, False]
    assert len({message.topic for message in client.retained}) == len(client.retained) == 25


def test_watermarks_of_a_lost_connection_go_out_again() -> None:
    client = MemoryClient()
    watermarks = Watermarks(client)
    watermarks.note([Watermark("car-1", 5, ())])
    watermarks.send(10_000)
    client.connection = Connection(ready=True, reason="", protocol=5, send_quota=1000, number=2)
    watermarks.send(11_000)
    assert client.on(committed_topic("car-1")) == [b'{"watermark":5,"received":[]}'] * 2


def test_the_live_feed_carries_the_newest_position_of_each_vehicle() -> None:
    client = MemoryClient(incoming=messages(3))
    with working(client, ObedientProcessor()):
        eventually(lambda: bool(client.published))
    topic, payload, _ = client.published[-1]
    assert topic == "v1/service/live/w1"
    assert [(p.vehicle_id, p.seq) for p in decode_positions(payload)] == [("car-1", 3)]


def test_positions_that_cannot_leave_are_owned_up_to() -> None:
    client = MemoryClient(incoming=messages(1), is_behind=True)
    with working(client, ObedientProcessor()):
        eventually(lambda: bool(client.heartbeats()) and client.heartbeats()[-1].untold_ms > 0)
        client.is_behind = False
        eventually(lambda: client.heartbeats()[-1].untold_ms == 0)


def test_without_a_database_nothing_is_acknowledged_and_the_worker_says_so_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gone = threading.Event()
    gone.set()

    def fault(_: Sequence[Message]) -> None:
        if gone.is_set():
            raise StoreUnavailable("database is locked")

    client, processor = MemoryClient(incoming=messages(10)), ObedientProcessor(fault)
    with caplog.at_level(logging.INFO, "telemetry.worker"), working(client, processor) as worker:
        eventually(lambda: any(h.state is WorkerState.WAITING_FOR_DATABASE for h in client.heartbeats()))
        waiting = [h for h in client.heartbeats() if h.state is WorkerState.WAITING_FOR_DATABASE][-1]
        assert waiting.reason == "database is locked"
        assert client.acknowledged == []
        gone.clear()
        eventually(lambda: len(client.acknowledged) == 1)
        eventually(lambda: worker.heartbeat().state is WorkerState.RUNNING)
        eventually(lambda: client.heartbeats()[-1].state is WorkerState.RUNNING)
    said = [record.getMessage() for record in caplog.records if "waiting_for_database" in record.getMessage()]
    assert len(said) == 1, "once per change, not once per attempt"


def test_an_outbox_that_cannot_be_read_is_a_missing_database_too() -> None:
    client, outbox = MemoryClient(), MemoryOutbox(gone=True)
    with working(client, ObedientProcessor(), outbox) as worker:
        eventually(lambda: worker.heartbeat().state is WorkerState.WAITING_FOR_DATABASE)
        outbox.gone = False
        eventually(lambda: worker.heartbeat().state is WorkerState.RUNNING)


def poisoned(batch: Sequence[Message]) -> None:
    if any(message.payload == b"3" for message in batch):
        raise ZeroDivisionError("a bug")


def test_a_poison_message_is_kept_as_a_reject_and_blocks_no_other(caplog: pytest.LogCaptureFixture) -> None:
    client, processor = MemoryClient(incoming=messages(6)), ObedientProcessor(poisoned)
    with working(client, processor):
        eventually(lambda: sum(map(len, client.acknowledged)) == 6)
    assert [(message.payload, detail) for message, detail in processor.refused] == [
        (b"3", "ZeroDivisionError('a bug')")
    ]
    assert "ZeroDivisionError" in caplog.text, "the traceback is in the log"


def test_what_can_not_even_be_refused_stays_unacknowledged_and_blocks_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent = messages(6)
    client, processor = MemoryClient(incoming=list(sent)), ObedientProcessor(poisoned, refuses=False)
    with working(client, processor) as worker:
        eventually(lambda: sum(map(len, client.acknowledged)) == 5)
        eventually(lambda: worker.heartbeat().state is WorkerState.FAILING)
        assert "car-1" in worker.heartbeat().reason
    assert [m for flush in client.acknowledged for m in flush] == [m for m in sent if m.payload != b"3"]
    assert "ZeroDivisionError" in caplog.text, "the traceback is in the log"


def test_without_a_broker_the_worker_says_so() -> None:
    client = MemoryClient()
    with working(client, ObedientProcessor()) as worker:
        eventually(lambda: worker.heartbeat().state is WorkerState.RUNNING)
        client.connection = Connection(ready=False, reason="connection refused", protocol=5, send_quota=0, number=2)
        eventually(lambda: worker.heartbeat().state is WorkerState.WAITING_FOR_BROKER)
        assert worker.heartbeat().reason == "connection refused"


def test_the_heartbeat_counts_and_ages_while_a_flush_hangs() -> None:
    hanging = threading.Event()
    client = MemoryClient(incoming=messages(4))
    with working(client, ObedientProcessor(lambda _: assert_true(hanging.wait(20)))):
        eventually(lambda: bool(client.heartbeats()) and client.heartbeats()[-1].lag_ms > 0)
        hanging.set()
        eventually(lambda: client.heartbeats()[-1].committed_total == 4)
        assert client.heartbeats()[-1].generation == 7


def test_stopping_finishes_the_flush_says_goodbye_and_disconnects() -> None:
    begun = threading.Event()

    def slow(_: Sequence[Message]) -> None:
        begun.set()
        time.sleep(0.2)

    client = MemoryClient(incoming=messages(5))
    with working(client, ObedientProcessor(slow)):
        assert begun.wait(20)
    assert sum(map(len, client.acknowledged)) == 5
    assert client.heartbeats()[-1].state is WorkerState.STOPPED
    assert client.stopped


def test_outbox_messages_are_marked_as_sent_only_when_the_broker_confirms() -> None:
    client, outbox = MemoryClient(confirms=False), MemoryOutbox({1: OutboxMessage("v1/service/alerts/w1", b"a")})
    sender = OutboxSender(client, outbox, range(64))
    for at_ms in (1_000, 2_000, 3_000):
        sender.send(at_ms, has_new=True)
    assert len(client.published) == 1, "not published again while the confirmation is awaited"
    assert outbox.waiting
    sender.send(20_000, has_new=True)
    assert len(client.published) == 2, "published again when no confirmation came"
    client.published[-1][2].confirmed = True
    sender.send(20_100, has_new=False)
    assert outbox.waiting == {}


@dataclass
class FileProcessor:
    """Stores by appending to a file, and takes its time."""

    path: str

    def process(self, messages: Sequence[Message]) -> FlushResult:
        with open(self.path, "ab") as file:  # noqa: PTH123 - as plain as a transaction can be
            file.write(b"".join(message.payload + b"\n" for message in messages))
            file.flush()
            os.fsync(file.fileno())
        time.sleep(0.02)
        return flushed(len(messages))


def work_until_signalled(broker: BrokerAddress, path: str) -> None:
    settings = WorkerSettings(name="signalled", batch_messages=50)
    worker = Worker(
        worker_client(broker, settings, system_clock), FileProcessor(path), MemoryOutbox(), settings, system_clock
    )
    run_until_signalled(worker)


@contextmanager
def running(broker: BrokerAddress, path: Path) -> Iterator[BaseProcess]:
    process = get_context("spawn").Process(target=work_until_signalled, args=(broker, str(path)))
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join(20)
        assert not process.is_alive()


def test_a_worker_stopped_and_one_killed_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    path.touch()
    with mosquitto(tmp_path, extra_lines=(*PLATFORM_LINES, "log_type all")) as broker:
        with running(broker.address(), path):
            eventually(lambda: "Sending SUBACK to pilotage-signalled" in broker.log())
        publish_backlog(broker.address(), [(telemetry_topic("car-1"), b"%d" % n) for n in range(2000)])
        with running(broker.address(), path) as process:
            eventually(lambda: path.stat().st_size > 500)
            process.terminate()
            process.join(20)
            assert process.exitcode == 0
        stored_by_the_first = path.read_bytes().split()
        with running(broker.address(), path) as process:
            eventually(lambda: len(path.read_bytes().split()) > len(stored_by_the_first) + 300)
            process.kill()
        with running(broker.address(), path):
            eventually(lambda: len(set(path.read_bytes().split())) == 2000)
    stored = [int(number) for number in path.read_bytes().split()]
    assert sorted(set(stored)) == list(range(2000))
    assert list(dict.fromkeys(stored)) == list(range(2000)), "first deliveries are in order"
    assert [int(n) for n in stored_by_the_first] == list(range(len(stored_by_the_first))), (
        "a clean stop repeats nothing"
    )
