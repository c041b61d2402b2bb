"""Both databases fill the picture and answer the API alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.models import Role
from app.settings import Settings
from telemetry.findings import Finding
from tests.app.web.cast import SECRET, Time, city_over, register_cast


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    environment = {"PILOTAGE_HOME": str(tmp_path), "PILOTAGE_SECRET_KEY": SECRET, "PILOTAGE_DATABASE_URL": database_url}
    return Settings.from_environment(environment)


def test_a_stored_city_is_shown_escalated_and_acknowledged(engine: Engine, settings: Settings) -> None:
    register_cast(engine, Time())
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:  # the writer makes a partition for each day; this test is no writer
            connection.exec_driver_sql("CREATE TABLE samples_p_any PARTITION OF samples DEFAULT")
    with city_over(engine, settings) as city:
        city.store_position("NORTH-R1")
        city.store_alert("NORTH-R1", opened_at_ms=city.time() - 300_000)
        city.store_alert("SOUTH-E1", Finding.ABOVE_CEILING, closed_at_ms=city.time())
        city.feed().step()
        document = json.loads(city.live.staff.snapshot())
        assert [feature["id"] for feature in document["features"]] == ["NORTH-R1"]
        assert document["features"][0]["properties"]["mode"] == "minimal_risk"
        waits, alert = document["alerts"]
        assert (waits["vehicle_id"], waits["closed"], document["alerts_beyond"]) == ("SOUTH-E1", True, 0)
        assert alert["escalated_at_ms"] == city.time()
        bearer = city.bearer(Role.OPERATOR_MANAGER)
        body = {"alert_ids": [alert["id"]]}
        (seen,) = city.client().post("/api/v1/alerts/acknowledge", json=body, headers=bearer).get_json()["alerts"]
        assert (seen["acknowledged_at_ms"], seen["version"]) == (city.time(), 3)
        listed = city.client().get("/api/v1/alerts?state=all", headers=bearer).get_json()["items"]
        assert [found["vehicle_id"] for found in listed] == ["NORTH-R1"]
        assert city.client().get("/readyz").get_json()["checks"]["database"]["ok"]
