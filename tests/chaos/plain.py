"""Publishing without an agent: what the broker has taken over is nobody's but the platform's to lose."""

from __future__ import annotations

import json
import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.brokers import SERVICE_PASSWORD, SERVICE_USER

IN_FLIGHT = 500


class Publisher:
    """Publishes with QoS 1 and no more than IN_FLIGHT messages unacknowledged."""

    def __init__(self, port: int) -> None:
        self._room = threading.Semaphore(IN_FLIGHT)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "fuzzer", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(SERVICE_USER, SERVICE_PASSWORD)
        self._client.max_inflight_messages = IN_FLIGHT
        self._client.on_publish = lambda *_: self._room.release()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes) -> None:
        self._room.acquire()
        self._client.publish(topic, payload, qos=1)

    def close(self) -> None:
        for _ in range(IN_FLIGHT):
            self._room.acquire()
        self._client.disconnect()
        self._client.loop_stop()


def good_sample(seq: int, timestamp_ms: int) -> bytes:
    location = {"lat": 22.52, "lng": 113.89, "horizontal_accuracy": 1.0}
    return json.dumps({"seq": seq, "timestamp": timestamp_ms, "location": location}).encode()
