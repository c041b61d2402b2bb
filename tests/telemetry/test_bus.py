"""What worker and web tell each other survives the wire, and nothing else is taken for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from telemetry.bus import (
    Heartbeat,
    WorkerState,
    alerts_topic,
    decode_alert,
    decode_heartbeat,
    decode_positions,
    encode_alert,
    encode_committed,
    encode_heartbeat,
    encode_positions,
    live_topic,
    status_topic,
)
from telemetry.errors import InvalidBusMessage
from telemetry.findings import Finding
from tests.telemetry.cast import CAR, drive, world


def test_topics_are_under_the_service_branch() -> None:
    assert live_topic("w") == "v1/service/live/w"
    assert alerts_topic("w") == "v1/service/alerts/w"
    assert status_topic("w") == "v1/service/status/w"


def test_positions_survive_the_wire() -> None:
    positions = world().send(*drive([(500, 500)], location={"speed": None, "altitude": None})).positions
    assert positions[0].speed_mps is None
    assert decode_positions(encode_positions(positions)) == list(positions)
    assert list(json.loads(encode_positions(positions))) == ["positions"]


def test_alerts_survive_the_wire() -> None:
    [change] = world().send(*drive([(1200, 200)] * 3)).alerts
    told = decode_alert(encode_alert(change, CAR.vehicle_id))
    assert (told.finding, told.bit, told.vehicle_id) == ("outside_area", Finding.OUTSIDE_AREA, CAR.vehicle_id)
    for name in ("opened_at_ms", "opened_seq", "first_seen_ms", "closed_at_ms", "lon", "severity", "is_new"):
        assert getattr(told, name) == getattr(change, name)


def test_heartbeats_survive_the_wire() -> None:
    heartbeat = Heartbeat("w", 5, WorkerState.WAITING_FOR_DATABASE, reason="locked", lag_ms=9)
    assert decode_heartbeat(encode_heartbeat(heartbeat)) == heartbeat


def test_what_is_committed_reads_as_documented() -> None:
    assert json.loads(encode_committed(7, ((9, 12),))) == {"watermark": 7, "received": [[9, 12]]}


@pytest.mark.parametrize("decode", [decode_positions, decode_alert, decode_heartbeat])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"positions":[{}]}'])
def test_anything_else_is_refused(decode: Callable[[bytes], Any], body: bytes) -> None:
    with pytest.raises(InvalidBusMessage):
        decode(body)


def test_an_alert_of_an_unknown_finding_is_refused() -> None:
    [change] = world().send(*drive([(1200, 200)] * 3)).alerts
    body = encode_alert(change, "x").replace(b"outside_area", b"flat_tyre")
    with pytest.raises(InvalidBusMessage, match="flat_tyre"):
        decode_alert(body)
