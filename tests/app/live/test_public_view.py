"""The public's view: late, coarse, under changing names, and with nothing else in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.live.journeys import STRIDES
from app.live.pseudonyms import Pseudonyms
from app.live.public import ALERT_TIME_STEP_MS, GONE_AFTER_MS, RELEASE_EVERY_MS
from app.live.things import Alert
from telemetry.findings import Finding, Severity
from tests.app.web.cast import DAY_MS, NOON_MS, PEOPLE, PLACE_NAME, ROAD, City, small_city

DELAY_MS = 30_000
REST_MS = 1_800_000


def _public(city: City) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(city.live.public.snapshot())
    return document


def _alert(city: City, **changes: Any) -> Alert:
    return replace(
        Alert(
            vehicle=city.keys["NORTH-R1"],
            finding=Finding.OUTSIDE_AREA,
            severity=Severity.CRITICAL,
            opened_at_ms=NOON_MS + 1_234,
            opened_seq=5,
            last_seen_ms=NOON_MS,
            lon=113.900051,
            lat=22.523456,
            zone_revision=city.zone_revision,
        ),
        **changes,
    )


def test_nothing_is_shown_before_the_delay_has_passed(city: City) -> None:
    city.observe("NORTH-R1")
    city.live.picture.observe_alerts([_alert(city)])
    city.time.pass_ms(DELAY_MS - 1)
    assert (_public(city)["features"], _public(city)["alerts"]) == ([], [])
    city.time.pass_ms(1)
    assert (len(_public(city)["features"]), len(_public(city)["alerts"])) == (1, 1)


def test_what_merely_happens_to_a_vehicle_is_not_shown(city: City) -> None:
    city.observe("NORTH-R1")
    city.live.picture.observe_alerts([_alert(city, finding=Finding.LINK_LOST)])
    city.time.pass_ms(DELAY_MS)
    (shown,) = _public(city)["features"]
    assert (shown["properties"]["alert"], _public(city)["alerts"]) == (None, [])


def test_a_closing_is_late_too(city: City) -> None:
    city.observe("NORTH-R1")
    city.live.picture.observe_alerts([_alert(city)])
    city.time.pass_ms(DELAY_MS)
    city.live.picture.observe_alerts([_alert(city, closed_at_ms=city.time())])
    assert _public(city)["features"][0]["properties"]["alert"] == "critical"
    city.time.pass_ms(DELAY_MS - 1)
    assert len(_public(city)["alerts"]) == 1
    city.time.pass_ms(1)
    assert (_public(city)["alerts"], _public(city)["features"][0]["properties"]["alert"]) == ([], None)


def test_the_schema_is_this_and_nothing_more(city: City) -> None:
    for vehicle_id in city.keys:
        city.observe(vehicle_id, verdict=int(Finding.OUTSIDE_AREA))
    city.live.picture.observe_alerts([_alert(city)])
    city.time.pass_ms(DELAY_MS)
    document = _public(city)
    assert set(document) == {"type", "generated_at_ms", "delay_ms", "features", "alerts"}
    for feature in document["features"]:
        assert set(feature) == {"type", "id", "geometry", "properties"}
        assert set(feature["properties"]) == {"id", "kind", "heading_deg", "altitude_m", "alert"}
    assert set(document["alerts"][0]) == {
        "id", "finding", "severity", "opened_at_ms", "closed", "vehicle", "kind", "place", "geometry",
    }  # fmt: skip


def test_no_identifier_no_person_and_no_true_value_is_in_the_text(city: City) -> None:
    """An attacker who knows the registry searches the text for everything that is in it."""
    city.time.pass_ms(1_777)
    for vehicle_id in city.keys:
        city.observe(vehicle_id, lon=113.900051, lat=22.523456)
    city.live.picture.observe_alerts([_alert(city)])
    city.time.pass_ms(DELAY_MS + RELEASE_EVERY_MS)
    text = city.client().get("/api/v1/public/live").text
    known = [*city.keys, "粤B", "NORTH", "SOUTH", "北方", "南方", "Mobility", "Person", *PEOPLE.values()]
    known += ["113.900051", "22.523456", "123.4", "8.31", "12.3", str(NOON_MS + 1_777), str(NOON_MS + 1_234), "onboard"]
    for identifier in known:
        assert identifier not in text
    keys = {str(key) for key in city.keys.values()}
    texts = set(re.findall(r'"(?:id|vehicle)":"([^"]*)"', text))
    assert texts
    assert not texts & keys
    assert all(re.fullmatch(r"[a-z2-7]{10}", name) for name in texts)


def test_times_are_coarse(city: City) -> None:
    city.live.picture.observe_alerts([_alert(city)])
    city.time.pass_ms(DELAY_MS + 777)
    document = _public(city)
    assert document["generated_at_ms"] % 1_000 == 0
    assert document["alerts"][0]["opened_at_ms"] == NOON_MS // ALERT_TIME_STEP_MS * ALERT_TIME_STEP_MS
    assert document["alerts"][0]["place"] == dict(zip(("zh", "en"), PLACE_NAME, strict=True))


def test_values_are_coarse(city: City) -> None:
    city.observe("NORTH-E1", heading_deg=357.0, altitude_m=96.0)
    city.observe("SOUTH-E1", heading_deg=None, altitude_m=None)
    city.time.pass_ms(DELAY_MS)
    values = {(f["properties"]["heading_deg"], f["properties"]["altitude_m"]) for f in _public(city)["features"]}
    assert values == {(0, 100), (None, None)}


def test_a_vehicle_on_a_road_is_shown_on_its_centreline_in_steps(city: City) -> None:
    shown = set()
    for step in range(50):
        city.observe("NORTH-R1", lon=113.90005, lat=22.5235 + step * 1e-5, seq=NOON_MS + step)
        city.time.pass_ms(DELAY_MS)
        lon, lat = _public(city)["features"][0]["geometry"]["coordinates"]
        assert abs(lon - ROAD.coords[0][0]) < 1e-6
        shown.add(lat)
    assert len(shown) == 2  # 55 m in steps of 50 m


def test_a_breach_off_the_road_is_shown_on_the_grid(city: City) -> None:
    places = set()
    for step in range(20):
        city.observe("NORTH-R1", lon=113.9008 + step * 1e-6, lat=22.5235, seq=NOON_MS + step)
        city.time.pass_ms(DELAY_MS)
        places.add(tuple(_public(city)["features"][0]["geometry"]["coordinates"]))
    assert len(places) <= 2
    (lon, lat), *_ = places
    assert (lon, lat) != (113.9008, 22.5235)


def test_an_aircraft_is_not_pulled_onto_a_road(city: City) -> None:
    city.observe("NORTH-E1", lon=113.90015, lat=22.5235)
    city.time.pass_ms(DELAY_MS)
    assert _public(city)["features"][0]["geometry"]["coordinates"][0] != ROAD.coords[0][0]


def test_a_silent_vehicle_is_no_longer_shown(city: City) -> None:
    city.observe("NORTH-R1")
    city.time.pass_ms(DELAY_MS)
    assert len(_public(city)["features"]) == 1
    city.time.pass_ms(GONE_AFTER_MS + 1)
    assert _public(city)["features"] == []


def test_without_a_rest_names_change_at_midnight_of_the_city_for_everybody_at_once(
    tmp_path: Path, registry: Path
) -> None:
    midnight_ms = NOON_MS + DAY_MS // 2
    with small_city(tmp_path, registry, public_rest_s=0.0) as city:
        city.time.now_ms = midnight_ms - 2 * DELAY_MS
        city.observe("NORTH-R1")
        city.live.picture.observe_alerts([_alert(city)])
        city.time.now_ms = midnight_ms - 1
        cursor = city.live.public.changes(0).cursor
        today = _public(city)
        assert not city.live.public.changes(cursor).complete
        city.time.now_ms = midnight_ms
        assert city.live.public.changes(cursor).complete
        tomorrow = _public(city)
    for part in ("features", "alerts"):
        assert len(today[part]) == len(tomorrow[part]) == 1
        assert today[part][0]["id"] != tomorrow[part][0]["id"]
    assert tomorrow["alerts"][0]["vehicle"] == tomorrow["features"][0]["id"]


def test_around_midnight_the_view_rests_and_then_shows_who_has_come_far(city: City) -> None:
    midnight_ms = NOON_MS + DAY_MS // 2
    city.time.now_ms = midnight_ms - REST_MS - 2 * DELAY_MS
    city.observe("NORTH-R1")
    city.observe("SOUTH-R1")
    city.live.picture.observe_alerts([_alert(city)])
    city.time.now_ms = midnight_ms - REST_MS - 1
    assert (len(_public(city)["features"]), len(_public(city)["alerts"])) == (2, 1)
    city.time.now_ms = midnight_ms - REST_MS
    assert (_public(city)["features"], _public(city)["alerts"], city.live.public.is_resting()) == ([], [], True)
    far = STRIDES + 1
    for stride in range(far):
        city.time.now_ms = midnight_ms + stride * DELAY_MS
        city.observe("NORTH-R1", lat=22.52 + stride * 0.002)
        city.observe("SOUTH-R1", lat=22.52 + stride % 2 * 1e-5)
        city.live.picture.observe_alerts([_alert(city, last_seen_ms=city.time())])
        assert _public(city)["features"] == []
    city.time.now_ms = midnight_ms + REST_MS
    assert not city.live.public.is_resting()
    city.observe("NORTH-R1", lat=22.52)
    city.observe("SOUTH-R1")
    city.live.picture.observe_alerts([_alert(city, last_seen_ms=city.time())])
    city.time.pass_ms(DELAY_MS)
    (shown,), alerts = _public(city)["features"], _public(city)["alerts"]
    assert shown["properties"]["kind"] == "road"  # the one that moved, not the one that stood
    assert alerts == []  # opened yesterday
    fresh = _alert(city, opened_at_ms=city.time(), opened_seq=9)
    city.live.picture.observe_alerts([fresh])
    city.time.pass_ms(DELAY_MS)
    assert [alert["vehicle"] for alert in _public(city)["alerts"]] == [shown["id"]]


def test_a_process_that_starts_in_the_day_shows_who_drives_and_not_who_stands(city: City) -> None:
    """Who stands may have stood there since yesterday, in public view and under another name."""
    city.observe("NORTH-R1", speed_mps=8.0)
    city.observe("SOUTH-R1", speed_mps=0.2, lat=22.525)
    city.observe("SOUTH-E1", speed_mps=None, lat=22.525)
    stands = replace(_alert(city), vehicle=city.keys["SOUTH-R1"])
    city.live.picture.observe_alerts([stands])
    city.time.pass_ms(DELAY_MS)
    assert (len(_public(city)["features"]), _public(city)["alerts"]) == (1, [])
    for stride in range(STRIDES + 1):
        city.time.pass_ms(DELAY_MS)
        city.observe("NORTH-R1", speed_mps=0.0)
        city.observe("SOUTH-R1", lat=22.525 + stride * 0.002)
    city.time.pass_ms(DELAY_MS)
    assert len(_public(city)["features"]) == 2


def test_a_closing_that_follows_nothing_shown_tells_nothing(city: City) -> None:
    cursor = city.live.public.changes(0).cursor
    city.live.picture.observe_alerts([_alert(city, closed_at_ms=city.time())])
    city.time.pass_ms(DELAY_MS)
    assert city.live.public.changes(cursor).alerts == []


def test_what_is_due_is_released_together_in_the_order_of_the_names(city: City) -> None:
    cursor = city.live.public.changes(0).cursor
    for vehicle_id in ("SOUTH-R1", "NORTH-R1"):
        city.time.pass_ms(1_300)
        city.observe(vehicle_id)
    city.time.now_ms = NOON_MS + DELAY_MS + RELEASE_EVERY_MS - 1
    assert city.live.public.changes(cursor).features == []
    city.time.pass_ms(1)
    names = [json.loads(feature)["id"] for feature in city.live.public.changes(cursor).features]
    assert names == sorted(names)
    assert len(names) == 2


def test_pseudonyms_are_stable_within_a_day_and_unlinkable_across_days_and_kinds() -> None:
    vehicles, alerts = Pseudonyms(b"k" * 32), Pseudonyms(b"a" * 32)
    monday, tuesday = "2026-03-01", "2026-03-02"
    assert vehicles.name("17", monday) == vehicles.name("17", monday)
    names = {n.name(str(key), day) for n in (vehicles, alerts) for key in range(500) for day in (monday, tuesday)}
    assert len(names) == 2_000


def test_another_secret_gives_other_names(tmp_path: Path) -> None:
    names = []
    for number in range(2):
        home = tmp_path / str(number)
        home.mkdir()
        with small_city(home, secret_key=f"{number}" * 32) as city:
            city.observe("NORTH-R1")
            city.time.pass_ms(DELAY_MS)
            names.append(_public(city)["features"][0]["id"])
    assert names[0] != names[1]
