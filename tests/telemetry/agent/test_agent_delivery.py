"""What is sent, in which order, and what is sent again: without a network, on a clock that is passed in."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.agent.delivery import Delivery, Pace
from telemetry.agent.ring import Ring, RingFile, Settled


class Wire:
    """Remembers what was published; the identifiers count up."""

    def __init__(self) -> None:
        self.messages: list[list[int]] = []

    def publish(self, payload: bytes) -> int:
        decoded = json.loads(payload)
        self.messages.append([sample["seq"] for sample in (decoded if isinstance(decoded, list) else [decoded])])
        return len(self.messages)


class Vehicle:
    """A ring, its delivery and a wire, acknowledged at once unless told otherwise."""

    def __init__(self, file: RingFile, pace: Pace) -> None:
        self.ring = Ring(file, "car")
        self.delivery = Delivery(self.ring, pace)
        self.wire = Wire()

    def observe(self, count: int) -> None:
        self.delivery.appended(self.ring.append_all([{}] * count))

    def pump(self, now_s: float) -> list[list[int]]:
        before = len(self.wire.messages)
        self.delivery.pump(self.wire, now_s)
        for message_id in range(before + 1, len(self.wire.messages) + 1):
            self.delivery.acknowledged(message_id)
        return self.wire.messages[before:]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[RingFile]:
    with RingFile(tmp_path / "ring") as file:
        yield file


@pytest.fixture
def vehicle(file: RingFile) -> Vehicle:
    vehicle = Vehicle(file, Pace(samples_per_message=4))
    vehicle.delivery.connected(0.0)
    return vehicle


def test_a_sample_goes_out_at_once_and_by_itself(vehicle: Vehicle) -> None:
    vehicle.observe(1)
    assert vehicle.pump(1.0) == [[1]]
    vehicle.observe(1)
    assert vehicle.pump(1.1) == [[2]]


def test_what_waited_goes_out_in_arrays_oldest_first(vehicle: Vehicle) -> None:
    vehicle.observe(10)
    assert vehicle.pump(1.0) == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


def test_arrays_are_bounded_in_bytes_too(file: RingFile) -> None:
    vehicle = Vehicle(file, Pace(bytes_per_message=30))
    vehicle.delivery.connected(0.0)
    vehicle.observe(6)  # {"seq":1} and a comma take 10 bytes
    assert vehicle.pump(1.0) == [[1, 2, 3], [4, 5, 6]]


def test_no_more_messages_in_flight_than_allowed(file: RingFile) -> None:
    vehicle = Vehicle(file, Pace(samples_per_message=1, messages_in_flight=2))
    vehicle.delivery.connected(0.0)
    vehicle.observe(5)
    vehicle.delivery.pump(vehicle.wire, 1.0)
    assert vehicle.wire.messages == [[1], [2]]
    vehicle.delivery.acknowledged(1)
    vehicle.delivery.pump(vehicle.wire, 1.0)
    assert vehicle.wire.messages == [[1], [2], [3]]


def test_the_rate_is_bounded(file: RingFile) -> None:
    vehicle = Vehicle(file, Pace(samples_per_message=1, messages_per_s=5.0))
    vehicle.delivery.connected(0.0)
    vehicle.observe(100)
    sent = [len(vehicle.pump(now_s)) for now_s in (10.0, 10.1, 10.25, 11.3)]
    assert sent == [5, 0, 1, 5]


def test_a_reconnect_waits_for_the_watermark_and_sends_only_what_it_does_not_cover(vehicle: Vehicle) -> None:
    vehicle.observe(6)
    vehicle.pump(1.0)
    vehicle.delivery.connected(2.0)
    assert vehicle.pump(2.1) == []
    vehicle.delivery.settled(Settled(2, [(4, 4)]), 2.2)
    assert vehicle.pump(2.2) == [[3, 5, 6]]


def test_without_a_watermark_a_reconnect_sends_everything_after_a_moment(vehicle: Vehicle) -> None:
    vehicle.observe(3)
    vehicle.pump(1.0)
    vehicle.delivery.connected(2.0)
    vehicle.observe(1)
    assert vehicle.pump(2.9) == []
    assert vehicle.pump(3.0) == [[1, 2, 3, 4]]


def test_a_gap_is_sent_again_after_the_grace_time_and_nothing_else_is(vehicle: Vehicle) -> None:
    vehicle.observe(4)
    vehicle.pump(1.0)
    vehicle.observe(1)
    vehicle.delivery.settled(Settled(1, [(3, 3)]), 2.0)
    assert vehicle.pump(5.0) == [[5]]
    assert vehicle.pump(6.1) == [[2]]


def test_when_nothing_is_settled_attempts_get_rarer(vehicle: Vehicle) -> None:
    vehicle.observe(1)
    attempts = [now_s for now_s in range(200) if vehicle.pump(float(now_s))]
    assert attempts == [0, 5, 15, 35, 75, 135, 195]


def test_in_flight_samples_are_not_doubled_while_the_platform_is_busy_but_moving(vehicle: Vehicle) -> None:
    for second in range(60):
        vehicle.observe(1)
        vehicle.pump(float(second))
        vehicle.delivery.settled(Settled(max(0, second - 20)), float(second))
    sent = [seq for message in vehicle.wire.messages for seq in message if seq > 20]
    assert sent == list(range(21, 61)), "once the platform moves, each sample is sent once"


def test_what_the_broker_could_not_pass_on_is_sent_again_in_order(vehicle: Vehicle) -> None:
    vehicle.observe(2)
    vehicle.delivery.pump(vehicle.wire, 1.0)
    vehicle.delivery.refused(1, 1.1)
    vehicle.observe(1)
    assert vehicle.pump(1.5) == []
    assert vehicle.pump(2.2) == [[1, 2, 3]]


@pytest.mark.parametrize("seed", range(5))
def test_over_a_wire_that_loses_everything_is_settled_at_last(file: RingFile, seed: int) -> None:
    chance = random.Random(seed)
    vehicle = Vehicle(file, Pace(samples_per_message=7))
    vehicle.delivery.connected(0.0)
    received: set[int] = set()
    now_s = 0.0
    for step in range(4000):
        now_s += 0.25
        if step < 800:
            vehicle.observe(chance.randrange(3))
        if chance.random() < 0.01:
            vehicle.delivery.connected(now_s)
        for message in vehicle.pump(now_s):
            if chance.random() < 0.6:
                received.update(message)
        if step % 4 == 0:
            spans = [(seq, seq) for seq in sorted(received)]
            vehicle.delivery.settled(Settled(0, spans), now_s)
        if step > 800 and not len(vehicle.ring):
            break
    assert len(vehicle.ring) == 0
    assert received == set(range(1, vehicle.ring.next_seq))
