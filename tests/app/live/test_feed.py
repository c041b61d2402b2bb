"""The feed: what the database knows at the start and after an outage, and what the bus says between."""

from __future__ import annotations

import json
import logging

import pytest

from app.database import changing_session
from app.live.feed import HANDLED_EVERY_MS, RECONCILE_EVERY_MS, LiveFeed
from app.live.views import build_views
from app.models import Role
from app.services.organisations import organisation_by_code
from app.services.vehicles import register_vehicle
from telemetry import bus
from telemetry.findings import Severity
from telemetry.samples import VehicleKind
from tests.app.web.cast import City


def _message(city: City, vehicle_id: str = "NORTH-R1", *, closed: bool = False) -> bus.AlertMessage:
    return bus.AlertMessage(
        vehicle=city.keys[vehicle_id],
        vehicle_id=vehicle_id,
        finding="outside_area",
        severity=Severity.CRITICAL,
        opened_at_ms=city.time() - 1_234,
        opened_seq=7,
        first_seen_ms=city.time() - 2_000,
        last_seen_ms=city.time(),
        closed_at_ms=city.time() if closed else None,
        zone_revision=city.zone_revision,
        permit_revision=-1,
        lon=113.9,
        lat=22.52,
        is_new=not closed,
    )


def _shown(city: City) -> dict[str, str]:
    features = json.loads(city.live.staff.snapshot())["features"]
    return {feature["id"]: feature["properties"]["mode"] for feature in features}


def test_a_new_process_shows_the_newest_stored_positions_and_open_alerts(city: City) -> None:
    city.store_position("NORTH-R1")
    city.store_position("SOUTH-R1", age_ms=3_600_000)
    city.store_alert("NORTH-R1")
    city.feed().step()
    assert _shown(city) == {"NORTH-R1": "minimal_risk"}
    assert len(city.live.picture.open_alerts()) == 1


def test_alerts_of_the_bus_are_taken_in_their_order(city: City) -> None:
    feed = city.feed()
    feed.step()
    feed.hear_alert(_message(city))
    feed.step()
    assert len(city.live.picture.open_alerts()) == 1
    feed.hear_alert(_message(city, closed=True))
    feed.hear_alert(_message(city))  # delivered once more
    feed.step()
    assert city.live.picture.open_alerts() == []


def test_what_the_bus_lost_is_found_in_the_database(city: City) -> None:
    feed = city.feed()
    feed.step()
    city.store_alert("NORTH-R1")
    feed.step()
    assert city.live.picture.open_alerts() == []
    city.time.pass_ms(RECONCILE_EVERY_MS)
    feed.step()
    assert len(city.live.picture.open_alerts()) == 1


def test_a_reconnection_reads_everything_again(city: City) -> None:
    feed = city.feed()
    feed.step()
    city.store_position("NORTH-R1")
    city.store_alert("NORTH-R1")
    feed.reload()
    feed.step()
    assert set(_shown(city)) == {"NORTH-R1"}
    assert len(city.live.picture.open_alerts()) == 1


def test_a_vehicle_registered_later_is_shown_soon(city: City) -> None:
    feed = city.feed()
    feed.step()
    with changing_session(city.engine) as session:
        company = organisation_by_code(session, "NORTH")
        vehicle, _ = register_vehicle(
            session, vehicle_id="NEW-1", kind=VehicleKind.ROAD, organisation=company, now_ms=city.time()
        )
        city.keys["NEW-1"] = vehicle.id
    feed.hear_positions([city.position("NEW-1")])
    city.time.pass_ms(2_000)
    feed.step()
    feed.hear_positions([city.position("NEW-1")])
    assert set(_shown(city)) == {"NEW-1"}


def test_what_ended_unseen_is_there_after_a_restart_until_somebody_has_seen_it(city: City) -> None:
    city.store_alert("NORTH-R1", closed_at_ms=city.time())
    city.store_alert("NORTH-E1", closed_at_ms=city.time(), resolved_at_ms=city.time(), resolved_by_id=1)
    city.feed().step()
    (waits,) = json.loads(city.live.staff.snapshot())["alerts"]
    assert (waits["vehicle_id"], waits["closed"]) == ("NORTH-R1", True)
    elsewhere = build_views(city.settings, city.time)
    feed = LiveFeed(elsewhere, city.engine, city.time, escalate_after_s=300.0)
    feed.step()
    assert len(json.loads(elsewhere.staff.snapshot())["alerts"]) == 1
    answer = city.client().post(
        f"/api/v1/alerts/{waits['id']}/acknowledge", json={}, headers=city.bearer(Role.REGULATOR)
    )
    assert answer.status_code == 200
    city.time.pass_ms(HANDLED_EVERY_MS)
    feed.step()
    for live in (city.live, elsewhere):
        assert json.loads(live.staff.snapshot())["alerts"] == []


def test_nobodys_alert_is_escalated_once(city: City) -> None:
    city.store_alert("NORTH-R1", opened_at_ms=city.time() - 300_000)
    city.feed().step()
    (alert,) = city.live.picture.open_alerts()
    assert alert.escalated_at_ms == city.time()


def test_without_a_database_the_bus_still_feeds_the_picture(city: City, caplog: pytest.LogCaptureFixture) -> None:
    feed = city.feed()
    feed.step()
    city.store_alert("SOUTH-R1")
    with city.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE alerts RENAME TO elsewhere")
    city.time.pass_ms(RECONCILE_EVERY_MS)
    feed.hear_positions([city.position("NORTH-R1")])
    feed.hear_alert(_message(city))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            feed.step()
    assert [record.levelname for record in caplog.records] == ["WARNING"]  # said once, not at each attempt
    assert set(_shown(city)) == {"NORTH-R1"}
    with city.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO alerts")
    feed.step()
    assert [alert.vehicle for alert in city.live.picture.open_alerts()] == [city.keys["SOUTH-R1"]]


def test_the_thread_ends_when_told(city: City) -> None:
    feed = city.feed()
    feed.start()
    feed.stop()
