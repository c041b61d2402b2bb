"""The real server with a real broker: what is published arrives in the streams, and a stop is a stop."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from app.database import changing_session, open_engine
from app.models import Alert as AlertRow
from app.models import Role
from telemetry import bus
from telemetry.clock import system_clock
from telemetry.findings import Finding, Severity
from telemetry.ports import AlertChange
from tests.app.web.cast import SECRET, City, small_city
from tests.app.web.serving import EventReader, Served, deaf_client, served, wait_for
from tests.brokers import Mosquitto, mosquitto


@dataclass
class Stage:
    """A served city, its broker, and the part of the worker played by the test."""

    city: City
    broker: Mosquitto
    web: Served
    worker: Client

    def publish_position(self, vehicle_id: str, **changes: object) -> None:
        position = self.city.position(vehicle_id, **changes)
        self._publish(bus.live_topic("w1"), bus.encode_positions([position]))

    def publish_alert(self, **changes: Any) -> None:
        self._publish(bus.alerts_topic("w1"), bus.encode_alert(replace(self.change(), **changes), "NORTH-R1"))

    def publish_heartbeat(self) -> None:
        beat = bus.Heartbeat(worker="w1", at_ms=system_clock(), state=bus.WorkerState.RUNNING)
        self._publish(bus.status_topic("w1"), bus.encode_heartbeat(beat))

    def publish_rubbish(self) -> None:
        for topic in (bus.live_topic("w1"), bus.alerts_topic("w1"), bus.status_topic("w1")):
            for payload in (b"", b"{", b"[]", b'{"positions":[{}]}', b"\xff", b'{"finding":"x"}'):
                self._publish(topic, payload)

    def change(self) -> AlertChange:
        at_ms = self.city.time()
        return AlertChange(
            vehicle=self.city.keys["NORTH-R1"],
            finding=Finding.OUTSIDE_AREA,
            severity=Severity.CRITICAL,
            opened_at_ms=at_ms - 1_234,
            opened_seq=7,
            first_seen_ms=at_ms - 2_000,
            last_seen_ms=at_ms,
            closed_at_ms=None,
            zone_revision=self.city.zone_revision,
            permit_revision=-1,
            lon=113.9,
            lat=22.52,
            is_new=True,
        )

    def staff_stream(self, role: Role = Role.REGULATOR) -> EventReader:
        return EventReader(self.web.port, "/api/v1/live/stream", self.city.bearer(role))

    def _publish(self, topic: str, payload: bytes) -> None:
        self.worker.publish(topic, payload, qos=1).wait_for_publish(20)


def _worker(broker: Mosquitto) -> Client:
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    return client


@pytest.fixture
def stage(tmp_path: Path, registry: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        city = stack.enter_context(small_city(tmp_path, registry))
        city.time.now_ms = system_clock()
        broker = stack.enter_context(mosquitto(tmp_path))
        environment = {
            "PILOTAGE_SECRET_KEY": SECRET,
            "PILOTAGE_PUBLIC_DELAY_S": "0.3",
            "PILOTAGE_PUBLIC_REST_S": "0",
            "PILOTAGE_WEB_THREADS": "8",
        }
        web = stack.enter_context(served(tmp_path, broker.port, **environment))
        worker = _worker(broker)
        stack.callback(worker.loop_stop)
        stack.callback(worker.disconnect)
        web.wait_until_ready("broker")
        yield Stage(city, broker, web, worker)


def test_what_the_worker_says_arrives_in_the_streams(stage: Stage) -> None:
    staff, own, public = (
        stage.staff_stream(),
        stage.staff_stream(Role.OPERATOR_MANAGER),
        EventReader(stage.web.port, "/api/v1/public/live/stream"),
    )
    for reader in (staff, own, public):
        assert reader.answer.headers["Content-Type"].startswith("text/event-stream")
        first = reader.next_event()
        assert first is not None
        assert (first[0], first[1]["type"], first[1]["features"]) == ("snapshot", "FeatureCollection", [])
    stage.publish_rubbish()
    stage.publish_position("SOUTH-R1")
    stage.publish_position("NORTH-R1")
    stage.city.store_alert("NORTH-R1")  # first the commit, then the message
    stage.publish_alert()
    for reader in (staff, own, public):
        moved = reader.wait_for_event(lambda name, _: name == "positions")
        assert set(moved) == {"features", "removed"}
    alert = staff.wait_for_event(lambda name, _: name == "alert")
    assert (alert["vehicle_id"], alert["finding"], alert["closed"]) == ("NORTH-R1", "outside_area", False)
    seen = public.wait_for_event(lambda name, _: name == "alert")
    assert seen["finding"] == "outside_area"
    assert "vehicle_id" not in seen
    stage.publish_alert(closed_at_ms=stage.city.time())
    for reader in (staff, own, public):
        reader.wait_for_event(lambda name, data: name == "alert" and data["closed"])
    stage.publish_position("SOUTH-R1", timestamp_ms=stage.city.time() + 1, seq=2**40)
    features = staff.wait_for_event(lambda name, data: name == "positions" and data["features"][0]["id"] == "SOUTH-R1")
    assert features["features"][0]["properties"]["alert"] is None
    for reader in (staff, own, public):
        reader.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_open_streams_and_the_process(stage: Stage, how: signal.Signals) -> None:
    readers = [stage.staff_stream() for _ in range(3)]
    for reader in readers:
        assert reader.next_event() is not None
    assert stage.web.stop(how) == 0
    for reader in readers:
        assert reader.next_event() is None
        reader.close()


def test_after_the_broker_came_back_nothing_is_missed(stage: Stage) -> None:
    reader = stage.staff_stream()
    stage.broker.kill()
    wait_for(lambda: stage.web.get("/readyz")[1].find(b"not_connected") > 0)
    stage.city.store_alert("NORTH-R1")  # the worker could not tell anybody
    stage.broker.start()
    stage.web.wait_until_ready("broker")
    alert = reader.wait_for_event(lambda name, _: name == "alert")
    assert alert["vehicle_id"] == "NORTH-R1"
    stage.worker.reconnect()
    stage.publish_position("NORTH-R1")
    moved = reader.wait_for_event(lambda name, _: name == "positions")
    assert moved["features"][0]["id"] == "NORTH-R1"
    reader.close()


def test_a_client_that_does_not_read_holds_up_nobody(stage: Stage) -> None:
    deaf = [deaf_client(stage.web.port, "/api/v1/public/live/stream") for _ in range(2)]
    reader = EventReader(stage.web.port, "/api/v1/public/live/stream")
    assert reader.next_event() is not None  # the snapshot: what is published from here on is told as a change
    for number in range(300):
        stage.publish_position("NORTH-R1", seq=2**40 + number, lat=22.4 + number / 1_000)
    stage.publish_position("SOUTH-R1")
    reader.wait_for_event(lambda name, data: name == "positions" and len(data["features"]) >= 1)
    assert stage.web.get("/healthz")[0] == 200
    assert stage.web.stop() == 0
    reader.close()
    for client in deaf:
        client.close()


def test_streams_leave_room_for_pages_and_slots_are_given_back(stage: Stage) -> None:
    streams = [EventReader(stage.web.port, "/api/v1/public/live/stream") for _ in range(4)]
    one_more = EventReader(stage.web.port, "/api/v1/public/live/stream")
    assert [stream.answer.status for stream in streams] == [200] * 4
    assert (one_more.answer.status, one_more.answer.headers["Retry-After"]) == (503, "10")
    assert stage.web.get("/healthz")[0] == 200
    staff = stage.staff_stream()
    assert staff.answer.status == 200
    for stream in (*streams, one_more, staff):
        stream.close()

    def free_again() -> bool:
        stage.publish_position("NORTH-R1", timestamp_ms=system_clock(), lat=22.4 + system_clock() % 100_000 / 1e6)
        again = EventReader(stage.web.port, "/api/v1/public/live/stream")
        again.close()
        return again.answer.status == 200

    wait_for(free_again)


def test_heartbeats_make_it_ready(stage: Stage) -> None:
    def ready_after_a_heartbeat() -> bool:
        stage.publish_heartbeat()
        return stage.web.get("/readyz")[0] == 200

    wait_for(ready_after_a_heartbeat)


def test_an_alert_nobody_answers_is_escalated(stage: Stage) -> None:
    reader = stage.staff_stream()
    stage.city.store_alert("NORTH-R1", opened_at_ms=system_clock() - 3_600_000)
    alert = reader.wait_for_event(lambda name, data: name == "alert" and data["escalated_at_ms"] is not None)
    assert alert["vehicle_id"] == "NORTH-R1"
    engine = open_engine(stage.city.settings.database_url)
    with changing_session(engine) as session:
        assert session.query(AlertRow).one().escalated_at_ms == alert["escalated_at_ms"]
    engine.dispose()
    reader.close()


def test_a_port_that_is_taken_ends_the_server(stage: Stage, tmp_path: Path) -> None:
    with socket.create_connection(("127.0.0.1", stage.web.port)):
        pass
    home = tmp_path / "second"
    home.mkdir()
    with (
        pytest.raises(RuntimeError, match="ended with code 1"),
        served(home, stage.broker.port, PILOTAGE_SECRET_KEY=SECRET, PILOTAGE_PORT=str(stage.web.port)),
    ):
        pass
