from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine

from app.evidence.verify import faults_in
from tests.app.evidence.scene import BESIDE, CAR, FAR, MOMENT_MS, bundle, street, unpacked


@pytest.fixture
def told(engine: Engine) -> Engine:
    street(engine)
    return engine


def test_a_bundle_is_whole_and_its_bytes_follow_from_its_content(told: Engine) -> None:
    made = bundle(told)
    assert faults_in(made) == []
    assert bundle(told) == made


def test_it_holds_the_window_and_who_was_near(told: Engine) -> None:
    files = unpacked(bundle(told))
    samples = json.loads(files["data/samples.json"])
    times = [row[samples["columns"].index("timestamp_ms")] for row in samples["rows"]]
    assert MOMENT_MS - 90_000 <= min(times) < MOMENT_MS - 88_000
    assert MOMENT_MS + 28_000 < max(times) <= MOMENT_MS + 30_000
    assert sorted(json.loads(files["manifest.json"])["sealed_vehicles"].values()) == [CAR, BESIDE]
    text = b"".join(files.values())
    assert FAR.encode() not in files["data/samples.csv"]
    assert b"CITY-2024-0001" in text
    assert [alert["finding"] for alert in json.loads(files["data/alerts.json"])] == ["overspeed"]
    assert {zone["properties"]["zone"] for zone in json.loads(files["data/zones.geojson"])["features"]} == {"R1", "R2"}
    actions = {entry["action"] for entry in json.loads(files["data/audit.json"])}
    assert "permit.issued" in actions, actions
