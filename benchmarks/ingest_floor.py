"""How fast can messages be taken from mosquitto and acknowledged, with nothing done in between?

Each subscriber drains the same backlog of single-sample QoS 1 messages, queued for its persistent
session, in a process of its own: a stock paho subscriber that acknowledges automatically, one that
does so by hand in its callback, and the platform's client with whole-frame reading and one joined
acknowledgement for each 500. This is the floor under the worker (benchmarks/ingest.py).

Run with `python -m benchmarks.ingest_floor`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.backlog import publish_backlog
from telemetry.clock import system_clock
from telemetry.messages import telemetry_topic
from telemetry.mqtt import BrokerAddress, ClientSettings, TelemetryClient
from tests.brokers import mosquitto

MESSAGES = 60_000
ROUNDS = 5
PAYLOAD = (
    b'{"seq":18241,"timestamp":1732190000123,"location":{"lat":22.5266,"lng":113.9012,"altitude":12.3,'
    b'"heading":123.4,"speed":8.3,"horizontal_accuracy":0.6,"vertical_accuracy":1.1},"altitude_datum":"AMSL",'
    b'"vertical_speed":0.0,"acceleration":0.2,"mode":"autonomous","safety_officer":"onboard"}'
)
TOPICS = [telemetry_topic(f"bench-{number}") for number in range(200)]
SUBSCRIBER = "floor"
STOCK = "stock paho, automatic acknowledgement"


def main() -> None:
    """Measure and print the table."""
    rates: dict[str, list[float]] = {name: [] for name in SUBSCRIBERS}
    with tempfile.TemporaryDirectory(prefix="pilotage-bench-") as directory, mosquitto(Path(directory)) as broker:
        address = broker.address()
        run(drain_nothing, address)  # begins the session
        for _ in range(ROUNDS):
            for name, subscriber in SUBSCRIBERS.items():
                publish_backlog(address, ((TOPICS[n % len(TOPICS)], PAYLOAD) for n in range(MESSAGES)))
                rates[name].append(run(subscriber, address))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"messages/s taken and acknowledged, {len(PAYLOAD)} bytes each, backlog of {MESSAGES:,}, median of {ROUNDS}")
    print(f"{'subscriber':<48}{'messages/s':>12}{'x stock':>9}")
    for name, rate in medians.items():
        print(f"{name:<48}{rate:>12,.0f}{rate / medians[STOCK]:>9.2f}")


def run(subscriber: Callable[[BrokerAddress], float], address: BrokerAddress) -> float:
    """The result of a subscriber in a fresh process."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_report, args=(subscriber, address, theirs))
    process.start()
    theirs.close()
    try:
        return float(ours.recv())
    finally:
        process.join(30)


def stock_automatic(address: BrokerAddress) -> float:
    """Paho as it comes."""
    return _stock(address, manual=False)


def stock_manual(address: BrokerAddress) -> float:
    """Paho with `manual_ack`, acknowledging each message in its callback."""
    return _stock(address, manual=True)


def joined(address: BrokerAddress) -> float:
    """The platform's client, acknowledging 500 at a time."""
    client = TelemetryClient(address, ClientSettings(SUBSCRIBER, ["v1/+/+/telemetry"]), system_clock)
    client.start()
    count = 0
    began = 0.0
    while count < MESSAGES:
        batch = client.take(500, 1 << 21, linger_s=0.05, idle_s=1.0)
        began = began or time.perf_counter()
        client.acknowledge(batch)
        count += len(batch)
    took_s = time.perf_counter() - began
    client.stop()
    return MESSAGES / took_s


def drain_nothing(address: BrokerAddress) -> float:
    """Subscribe, so that the broker keeps messages for the session from now on."""
    client = TelemetryClient(address, ClientSettings(SUBSCRIBER, ["v1/+/+/telemetry"]), lambda: 0)
    client.start()
    while not client.connection.ready:
        time.sleep(0.01)
    client.stop()
    return 0.0


SUBSCRIBERS: dict[str, Callable[[BrokerAddress], float]] = {
    STOCK: stock_automatic,
    "stock paho, acknowledged in the callback": stock_manual,
    "platform client, joined acknowledgement": joined,
}


def _stock(address: BrokerAddress, *, manual: bool) -> float:
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=SUBSCRIBER, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=manual
    )
    count = 0
    began = 0.0

    def on_message(client: Client, _userdata: object, message: MQTTMessage) -> None:
        nonlocal count, began
        began = began or time.perf_counter()
        if manual:
            client.ack(message.mid, message.qos)
        count += 1
        if count == MESSAGES:
            client.disconnect()

    client.on_message = on_message
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = 3600
    client.connect(address.host, address.port, clean_start=False, properties=session)
    client.loop_forever()
    return MESSAGES / (time.perf_counter() - began)


def _report(subscriber: Callable[[BrokerAddress], float], address: BrokerAddress, result: Connection) -> None:
    result.send(subscriber(address))


if __name__ == "__main__":
    main()
