"""A platform in miniature: takes telemetry from a real broker, loses some on purpose, publishes watermarks."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.brokers import SERVICE_USER


def topic_of(vehicle_id: str) -> str:
    return f"v1/7/{vehicle_id}/telemetry"


class FakePlatform:
    """Counts every seq that arrives; those for which `loses` answers true are as if never seen."""

    def __init__(
        self,
        port: int,
        *,
        loses: Callable[[str, int, int], bool] = lambda _vehicle, _seq, _nth: False,
        password: str | None = None,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
    ) -> None:
        self.arrivals: dict[str, Counter[int]] = {}
        self.samples: dict[str, dict[int, dict[str, Any]]] = {}
        self.batch_sizes: list[int] = []
        self.topics: set[str] = set()
        self.answers: list[bytes] = []
        self._loses = loses
        self._lock = threading.Lock()
        self._port = port
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "fake-platform", protocol=protocol)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [("v1/+/+/telemetry", 1), ("v1/+/+/directive/ack", 1)]
        )
        self._client.on_message = self._on_message
        if password is not None:
            self._client.username_pw_set(SERVICE_USER, password)
        self._client.reconnect_delay_set(1, 1)

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def stored(self, vehicle_id: str) -> set[int]:
        with self._lock:
            return set(self.samples.get(vehicle_id, {}))

    def direct(self, vehicle_id: str, orders: bytes) -> None:
        self._client.publish(topic_of(vehicle_id).replace("telemetry", "directive"), orders, qos=1, retain=True)

    def publish_watermark(self, vehicle_id: str, telemetry_topic: str) -> None:
        stored = sorted(self.stored(vehicle_id))
        runs: list[list[int]] = []
        for seq in stored:
            if runs and runs[-1][1] == seq - 1:
                runs[-1][1] = seq
            else:
                runs.append([seq, seq])
        watermark = runs.pop(0)[1] if runs and runs[0][0] == 1 else 0
        topic = telemetry_topic.replace("telemetry", "committed")
        self._client.publish(topic, json.dumps({"watermark": watermark, "received": runs}), qos=1, retain=True)

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        vehicle_id = message.topic.split("/")[2]
        if message.topic.endswith("ack"):
            self.answers.append(bytes(message.payload))
            return
        self.topics.add(message.topic)
        decoded = json.loads(message.payload)
        samples = decoded if isinstance(decoded, list) else [decoded]
        self.batch_sizes.append(len(samples))
        with self._lock:
            arrivals = self.arrivals.setdefault(vehicle_id, Counter())
            for sample in samples:
                seq = sample["seq"]
                arrivals[seq] += 1
                if not self._loses(vehicle_id, seq, arrivals[seq]):
                    self.samples.setdefault(vehicle_id, {})[seq] = sample
        self.publish_watermark(vehicle_id, message.topic)


def wait_until(claim: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not claim():
        if time.monotonic() > deadline_s:
            raise AssertionError("what was waited for did not happen")
        time.sleep(0.02)
