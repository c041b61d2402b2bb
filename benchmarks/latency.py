"""From a vehicle's clock to the database and to a browser, at 2,000 messages a second.

2,000 vehicles send one sample a second each through mosquitto to the worker. `committed` is when
another connection to the database sees the sample, looked up every few milliseconds; `shown` is
when a client of the staff event stream has received it.

Run with `python -m benchmarks.latency`.
"""

from __future__ import annotations

import http.client
import sqlite3
import threading
import time
from collections.abc import Sequence
from multiprocessing import get_context

import msgspec
import numpy as np

from benchmarks.backlog import publish_steadily
from benchmarks.stage import BenchStage, BenchVehicle, payload, staged
from telemetry.clock import system_clock
from telemetry.mqtt import BrokerAddress

RATE_HZ = 2_000
SECONDS = 20
WARM_UP_S = 5
ZONES = 250
_POLL_S = 0.004
_READY_S = 40.0


def main() -> None:
    """Measure and print the table."""
    with staged(vehicles=RATE_HZ, zones=ZONES) as stage, stage.running("web"), stage.running("ingest"):
        wait_until_ready(stage)
        publisher = get_context("spawn").Process(
            target=publish, args=(stage.broker.service(), list(stage.vehicles), SECONDS + WARM_UP_S)
        )
        watches = [Watch(watch_database, stage), Watch(watch_stream, stage)]
        publisher.start()
        time.sleep(WARM_UP_S)
        for watch in watches:
            watch.start()
        publisher.join(SECONDS + WARM_UP_S + 60)
        for watch in watches:
            watch.finish()
    print(f"milliseconds from the sample's own time, {RATE_HZ} messages/s, {ZONES} zones, {SECONDS} s")
    print(f"{'':<34}{'samples':>9}{'median':>9}{'p95':>9}{'p99':>9}{'max':>9}")
    for name, watch in zip(("committed (seen in the database)", "shown (received over SSE)"), watches, strict=True):
        late_ms = np.array(watch.late_ms)
        median, p95, p99 = np.percentile(late_ms, (50, 95, 99))
        print(f"{name:<34}{len(late_ms):>9,}{median:>9.0f}{p95:>9.0f}{p99:>9.0f}{late_ms.max():>9.0f}")


class Watch:
    """A thread that notes how late samples are seen, until told to finish."""

    def __init__(self, look: object, stage: BenchStage) -> None:
        self.late_ms: list[int] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=look, args=(stage, self.late_ms, self._done), daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """End; what is still under way is not counted."""
        self._done.set()
        self._thread.join(20)


def publish(broker: BrokerAddress, vehicles: Sequence[BenchVehicle], seconds: int) -> None:
    """Each vehicle once a second, evenly spread; the payload is made when it is due."""
    started_ms = system_clock()

    def due(number: int) -> tuple[str, bytes]:
        vehicle = vehicles[number % len(vehicles)]
        return vehicle.topic, payload(vehicle, number // len(vehicles) + 1 + started_ms, system_clock())

    publish_steadily(broker, due, rate_hz=RATE_HZ, total=RATE_HZ * seconds)


def watch_database(stage: BenchStage, late_ms: list[int], done: threading.Event) -> None:
    """Look for samples that were not there a few milliseconds ago."""
    connection = sqlite3.connect(f"file:{stage.database}?mode=ro", uri=True, timeout=10)
    recent = "SELECT timestamp_ms, vehicle FROM samples WHERE timestamp_ms > ?"
    seen = set(connection.execute(recent, (system_clock() - 5_000,)))
    while not done.wait(_POLL_S):
        rows = set(connection.execute(recent, (system_clock() - 2_000,)))
        now = system_clock()
        late_ms += [now - timestamp_ms for timestamp_ms, _ in rows - seen]
        seen = rows
    connection.close()


def watch_stream(stage: BenchStage, late_ms: list[int], done: threading.Event) -> None:
    """Read the staff event stream as a browser would."""
    connection = http.client.HTTPConnection("127.0.0.1", int(stage.environment["PILOTAGE_PORT"]), timeout=20)
    connection.request("GET", "/api/v1/live/stream", headers={"Authorization": f"Bearer {stage.token}"})
    answer = connection.getresponse()
    event = b""
    while not done.is_set():
        line = answer.readline()
        now = system_clock()
        if line.startswith(b"event:"):
            event = line[6:].strip()
        elif line.startswith(b"data:") and event == b"positions":
            features = msgspec.json.decode(line[5:])["features"]
            late_ms += [now - feature["properties"]["timestamp_ms"] for feature in features]
    connection.close()


def wait_until_ready(stage: BenchStage) -> None:
    """Until /readyz says so; raises TimeoutError."""
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", int(stage.environment["PILOTAGE_PORT"]), timeout=2)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            pass  # not listening yet
        finally:
            connection.close()
        time.sleep(0.2)
    raise TimeoutError("the web server is not ready")


if __name__ == "__main__":
    main()
