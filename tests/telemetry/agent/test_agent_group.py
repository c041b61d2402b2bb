"""Agents against a real mosquitto, with a platform in miniature that loses messages on purpose."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from telemetry.agent.agent import Link
from telemetry.agent.delivery import Pace
from telemetry.agent.group import AgentGroup
from telemetry.directives import Directive, DirectiveKind, Orders, Release, Reply, decode_answer, encode_orders
from tests.brokers import (
    SERVICE_PASSWORD,
    SERVICE_USER,
    Mosquitto,
    embedded,
    free_port,
    mosquitto,
    platform_acl,
)
from tests.telemetry.agent.fake_platform import FakePlatform, topic_of, wait_until

HERE = {"location": {"lat": 22.5, "lng": 113.9}}
HALT = Directive("D-1", DirectiveKind.HALT, issued_at_ms=1, deadline_ms=120_001, reason="an exercise")
SLOW = Directive("D-2", DirectiveKind.SLOW, issued_at_ms=2, deadline_ms=120_002, reason="rain", speed_mps=5.0)
QUICK = Pace(grace_s=0.5, hello_s=0.3, retry_s=0.2)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as broker:
        yield broker


class Obedient:
    def __init__(self) -> None:
        self.demands: list[Directive] = []
        self.ends: list[str] = []

    def demanded(self, directive: Directive) -> None:
        self.demands.append(directive)

    def ended(self, directive_id: str) -> None:
        self.ends.append(directive_id)

    def released(self, release: Release, *, may_go_on: bool) -> None:
        self.ends.append(f"{release.directive_id}, may go on: {may_go_on}")


def orders(number: int, *directives: Directive) -> bytes:
    return encode_orders(Orders(number, directives))


def replies(platform: FakePlatform) -> list[tuple[str, Reply]]:
    found = [decode_answer(answer) for answer in platform.answers]
    return [(answer.directive_id, answer.reply) for answer in found]


def agents(broker: Mosquitto, tmp_path: Path, **options: Any) -> AgentGroup:
    return AgentGroup(
        f"mqtt://127.0.0.1:{broker.port}",
        tmp_path / "ring",
        **{"pace": QUICK, "longest_backoff_s": 0.5, **options},
    )


def test_samples_arrive_and_leave_the_ring_when_the_platform_has_them(broker: Mosquitto, tmp_path: Path) -> None:
    with FakePlatform(broker.port) as platform, agents(broker, tmp_path, clock=lambda: 1_700_000_000_000) as group:
        car, taxi = (group.add(name, "", topic_of(name)) for name in ("car", "taxi"))
        seqs = [car.publish({**HERE, "speed": 3.5}), car.publish(HERE)]
        taxi.publish({**HERE, "timestamp": 5})
        assert group.wait_settled(20) == 0
        assert platform.stored("car") == set(seqs)
        assert platform.samples["car"][seqs[0]] == {
            **HERE,
            "speed": 3.5,
            "seq": seqs[0],
            "timestamp": 1_700_000_000_000,
        }
        assert [sample["timestamp"] for sample in platform.samples["taxi"].values()] == [5]
        assert car.status.link is Link.ONLINE


def test_lost_messages_are_sent_again(broker: Mosquitto, tmp_path: Path) -> None:
    def loses(_vehicle: str, seq: int, nth: int) -> bool:
        return seq % 3 == 0 and nth < 3

    with FakePlatform(broker.port, loses=loses) as platform, agents(broker, tmp_path) as group:
        car = group.add("car", "", topic_of("car"))
        seqs = [car.publish(HERE) for _ in range(50)]
        assert group.wait_settled(30) == 0
        assert platform.stored("car") == set(seqs)
        assert {platform.arrivals["car"][seq] for seq in seqs if seq % 3 == 0} == {3}


def test_a_killed_broker_loses_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    with FakePlatform(broker.port) as platform, agents(broker, tmp_path) as group:
        fleet = [group.add(f"car-{number}", "", topic_of(f"car-{number}")) for number in range(20)]
        kept: dict[str, list[int]] = {car.credential.vehicle_id: [] for car in fleet}
        for moment in range(30):
            for car in fleet:
                kept[car.credential.vehicle_id].append(car.publish(HERE))
            if moment == 10:
                broker.kill()
            if moment == 20:
                broker.start()
        assert group.wait_settled(30) == 0
        assert {name: platform.stored(name) for name in kept} == {name: set(seqs) for name, seqs in kept.items()}


def test_samples_wait_on_disk_for_a_broker_that_is_not_there(broker: Mosquitto, tmp_path: Path) -> None:
    broker.stop()
    with agents(broker, tmp_path) as group:
        first = group.add("car", "", topic_of("car")).publish(HERE)
        assert group.wait_settled(0.5) == 1
        assert group.agents["car"].status.link in {Link.OFFLINE, Link.CONNECTING}
    broker.start()
    with FakePlatform(broker.port) as platform, agents(broker, tmp_path) as group:
        assert group.add("car", "", topic_of("car")).publish(HERE) > first
        assert group.wait_settled(20) == 0
        assert len(platform.stored("car")) == 2


def test_while_nobody_listens_the_order_is_kept(broker: Mosquitto, tmp_path: Path) -> None:
    with agents(broker, tmp_path) as group:
        car = group.add("car", "", topic_of("car"))
        wait_until(lambda: car.status.link is Link.ONLINE)
        seqs = [car.publish(HERE) for _ in range(5)]
        with FakePlatform(broker.port) as platform:
            assert group.wait_settled(20) == 0
            assert list(platform.samples["car"]) == seqs


def test_a_directive_arrives_and_is_answered(broker: Mosquitto, tmp_path: Path) -> None:
    program = Obedient()
    with FakePlatform(broker.port) as platform, agents(broker, tmp_path) as group:
        car = group.add("car", "", topic_of("car"), program=program)
        car.publish(HERE)
        assert group.wait_settled(20) == 0
        platform.direct("car", orders(1, HALT))
        wait_until(lambda: program.demands == [HALT])
        car.answer(HALT.directive_id, Reply.ACCEPTED)
        wait_until(lambda: replies(platform) == [("D-1", Reply.RECEIVED), ("D-1", Reply.ACCEPTED)])
        platform.direct("car", encode_orders(Orders(2, released=(Release("D-1", 7),))))
        wait_until(lambda: program.ends == ["D-1, may go on: True"])
        wait_until(lambda: replies(platform)[-1] == ("D-1", Reply.RELEASED))


def test_a_vehicle_that_was_offline_is_told_first_and_answers_again_on_each_connection(
    broker: Mosquitto, tmp_path: Path
) -> None:
    program = Obedient()
    with FakePlatform(broker.port) as platform:
        platform.direct("car", orders(3, HALT, SLOW))
        with agents(broker, tmp_path) as group:
            car = group.add("car", "", topic_of("car"), program=program)
            wait_until(lambda: program.demands == [HALT, SLOW])
            car.answer("D-1", Reply.REFUSED, "on a bridge")
            wait_until(lambda: ("D-1", Reply.REFUSED) in replies(platform))
            platform.answers.clear()
            assert car.connection is not None
            car.connection.abort()
            wait_until(lambda: set(replies(platform)) == {("D-1", Reply.REFUSED), ("D-2", Reply.RECEIVED)})
        assert program.demands == [HALT, SLOW]


def test_orders_that_were_overtaken_change_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    program = Obedient()
    with FakePlatform(broker.port) as platform, agents(broker, tmp_path) as group:
        group.add("car", "", topic_of("car"), program=program)
        platform.direct("car", orders(5, SLOW))
        wait_until(lambda: program.demands == [SLOW])
        platform.direct("car", orders(4, HALT))
        platform.direct("car", b"{nonsense")
        platform.direct("car", orders(6, SLOW, HALT))
        wait_until(lambda: program.demands == [SLOW, HALT])
        assert program.ends == []


def test_a_failing_callback_costs_the_connection_and_no_sample(broker: Mosquitto, tmp_path: Path) -> None:
    class Failing(Obedient):
        def demanded(self, directive: Directive) -> None:  # noqa: ARG002 -- fails at any
            raise RuntimeError("a mistake in the vehicle's own code")

    with FakePlatform(broker.port) as platform, agents(broker, tmp_path) as group:
        car = group.add("car", "", topic_of("car"), program=Failing())
        other = group.add("other", "", topic_of("other"))
        car.publish(HERE)
        assert group.wait_settled(20) == 0
        platform.direct("car", orders(1, HALT))
        wait_until(lambda: car.status.link is not Link.ONLINE)
        car.publish(HERE)
        other.publish(HERE)
        assert group.wait_settled(20) == 0
        assert len(platform.stored("car")) == 2


def test_a_refused_credential_keeps_its_samples_and_says_why(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path, users={"car": "right"}, acl=platform_acl()) as broker,
        agents(broker, tmp_path) as group,
    ):
        car = group.add("car", "wrong", topic_of("car"))
        car.publish(HERE)
        wait_until(lambda: "uthori" in car.status.reason)
        assert group.wait_settled(0.5) == 1


def test_the_embedded_broker_without_mqtt_5_is_spoken_to_and_survived(tmp_path: Path) -> None:
    users = {SERVICE_USER: SERVICE_PASSWORD, "car": "secret"}
    port = free_port()
    with AgentGroup(f"mqtt://127.0.0.1:{port}", tmp_path / "ring", pace=QUICK, longest_backoff_s=0.5) as group:
        car = group.add("car", "secret", topic_of("car"))
        seqs = [car.publish(HERE)]
        with embedded(users, port), platform_on_311(port) as platform:
            assert group.wait_settled(30) == 0
            assert platform.stored("car") == set(seqs)
        seqs.append(car.publish(HERE))
        with embedded(users, port), platform_on_311(port) as platform:
            assert group.wait_settled(30) == 0
            assert platform.stored("car") == {seqs[1]}


def platform_on_311(port: int) -> FakePlatform:
    return FakePlatform(port, password=SERVICE_PASSWORD, protocol=MQTTProtocolVersion.MQTTv311)


def hang_up_on_everybody(listener: socket.socket) -> None:
    """Accept, and close as soon as something was said: every socket's number is soon somebody else's."""
    with contextlib.suppress(OSError):  # the listener is closed: the test is over
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)


def test_sockets_that_come_and_go_quickly_do_not_end_the_network_thread(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=hang_up_on_everybody, args=(listener,), daemon=True).start()
        with AgentGroup(f"mqtt://127.0.0.1:{port}", tmp_path / "ring", longest_backoff_s=0.01) as group:
            for number in range(60):
                group.add(f"car-{number}", "", topic_of(f"car-{number}"))
            time.sleep(3)
            assert group._loop._thread.is_alive()
