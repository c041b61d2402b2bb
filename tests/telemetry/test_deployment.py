"""The shipped mosquitto configuration starts and has the values that the client needs."""

from __future__ import annotations

import time
from pathlib import Path

from telemetry.dynsec import DynamicSecurity
from telemetry.mqtt import ClientSettings, TelemetryClient
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER, dynamic_security_lines, mosquitto

SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto" / "pilotage.conf"
OURS_HERE = ("listener ", "allow_anonymous ", "plugin ", "plugin_opt_config_file ", "persistence_location ")


def shipped_lines() -> list[str]:
    lines = (line.strip() for line in SHIPPED.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_the_window_is_as_large_as_a_worker_asks_for() -> None:
    asked = ClientSettings("w", []).receive_maximum
    assert f"max_inflight_messages {asked}" in shipped_lines()
    assert "max_queued_messages 0" in shipped_lines()
    assert "allow_anonymous false" in shipped_lines()


def test_mosquitto_takes_it(tmp_path: Path) -> None:
    lines = [line for line in shipped_lines() if not line.startswith(OURS_HERE)]
    lines += [*dynamic_security_lines(tmp_path, "admin", "x"), f"persistence_location {tmp_path}/"]
    with mosquitto(tmp_path, extra_lines=lines) as broker:
        with DynamicSecurity(broker.address("admin", "x")) as plugin:
            plugin.ensure_service(SERVICE_USER, SERVICE_PASSWORD)
        client = TelemetryClient(broker.service(), ClientSettings("w", ["v1/+/+/telemetry"]), lambda: 0)
        client.start()
        deadline = time.monotonic() + 20
        while not client.connection.ready:
            assert time.monotonic() < deadline, client.connection.reason
            time.sleep(0.01)
        assert client.connection.send_quota == 1000
        client.stop()
