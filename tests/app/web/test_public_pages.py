"""What a visitor can read: street, permits, trials, operators, places, safety, the map in words."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from shapely import Polygon

from app.database import changing_session
from app.models import Alert as AlertRow
from app.models import (
    Organisation,
    Permit,
    Stage,
    Trial,
    TrialDomain,
    UsageDay,
    UsagePlace,
    Vehicle,
    Zone,
)
from app.services.conditions import Conditions
from app.services.jurisdictions import jurisdiction_by_code
from app.services.permits import issue_permit, revise_permit
from app.services.vehicles import register_vehicle
from app.services.zones import publish_zone_revision
from geofences.schedule import Schedule
from geofences.zones import ZoneKind
from telemetry.findings import Finding, Severity
from telemetry.ports import PermitState
from telemetry.samples import VehicleKind
from tests.app.telling import tell_of
from tests.app.web.cast import DAY_MS, NOON_MS, PLACE_NAME, City

PATHS = ("/street", "/street/QH-R-01", "/permits", "/trials", "/operators", "/places", "/safety", "/map/text")
NUMBER = "QH-2026-0001"
HOURS = Schedule.from_dict(
    {"time_zone": "Asia/Shanghai", "windows": [{"days": ["MON", "TUE", "WED"], "start": "07:00", "end": "22:00"}]}
)
PHONE = "0755-8800 1234"
DELAY_MS = 30_000


def _get(city: City, path: str, language: str = "en") -> str:
    answer = city.client().get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200, path
    return answer.text


def _company(city: City, code: str = "NORTH") -> None:
    with changing_session(city.engine) as session:
        company = session.query(Organisation).filter_by(code=code).one()
        company.emergency_phone, company.website = PHONE, "https://north.example"
        other = session.query(Organisation).filter_by(code="SOUTH").one()
        other.website = "javascript:alert(1)"
        tell_of(session, company, other)


def _permit(city: City, *, hours: Schedule | None = HOURS, vehicles: int = 1) -> None:
    with changing_session(city.engine) as session:
        north = session.query(Organisation).filter_by(code="NORTH").one()
        owned = [session.query(Vehicle).filter_by(vehicle_id="NORTH-R1").one()]
        owned += [
            register_vehicle(
                session, vehicle_id=f"NORTH-X{n}", kind=VehicleKind.ROAD, organisation=north, now_ms=NOON_MS
            )[0]
            for n in range(vehicles - 1)
        ]
        issue_permit(
            session,
            number=NUMBER,
            stage=Stage.DEMONSTRATION,
            jurisdiction=jurisdiction_by_code(session, "QH"),
            holder=north,
            vehicles=owned,
            zone_ids=["QH-R-01"],
            conditions=Conditions(hours=hours, speed_cap_mps=60 / 3.6),
            valid_from_ms=NOON_MS,
            valid_until_ms=NOON_MS + 30 * DAY_MS,
            now_ms=NOON_MS,
        )


def _usage(city: City, kind: VehicleKind, vehicles: int, kilometres: float, day: date = date(2026, 2, 10)) -> None:
    with changing_session(city.engine) as session:
        north = session.query(Organisation).filter_by(code="NORTH").one()
        place = session.query(UsagePlace).one_or_none() or UsagePlace(key="", zones=[])
        session.add(place)
        session.flush()
        for n in range(vehicles):
            vehicle, _ = register_vehicle(
                session, vehicle_id=f"U{kind[0].upper()}{n}", kind=kind, organisation=north, now_ms=NOON_MS
            )
            session.add(
                UsageDay(
                    vehicle_id=vehicle.id,
                    day=day,
                    place_id=place.id,
                    distance_m=kilometres * 1_000,
                    duration_s=3_600.0,
                    autonomous_distance_m=0.0,
                    autonomous_duration_s=0.0,
                    samples=1,
                )
            )


def _alerts(city: City, finding: Finding, count: int) -> None:
    with changing_session(city.engine) as session:
        for n in range(count):
            session.add(
                AlertRow(
                    vehicle_key=city.keys["NORTH-R1"],
                    finding=int(finding),
                    severity=Severity.WARNING,
                    opened_at_ms=NOON_MS - 10 * DAY_MS + n,
                    opened_seq=n,
                    first_seen_ms=NOON_MS - 10 * DAY_MS,
                    last_seen_ms=NOON_MS - 10 * DAY_MS + n,
                    closed_at_ms=NOON_MS - 10 * DAY_MS + n + 1,
                    lon=113.9,
                    lat=22.52,
                )
            )


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("path", PATHS)
def test_each_page_is_there_for_anybody_even_when_nothing_is_registered(city: City, path: str, language: str) -> None:
    text = _get(city, path, language)
    assert f'<html lang="{language}">' in text
    assert "csrf_token" not in text


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/map/text"])
def test_a_visitors_browser_may_keep_a_page_for_a_moment_and_nobody_else(city: City, path: str) -> None:
    anonymous = city.client().get(path)
    assert anonymous.headers["Cache-Control"] == "private, max-age=30"
    assert {"Accept-Language", "Cookie"} <= set(anonymous.headers["Vary"].split(", "))
    assert "Set-Cookie" not in anonymous.headers


def test_a_street_tells_who_may_be_there_and_whom_to_call(city: City) -> None:
    _company(city)
    _permit(city)
    text = _get(city, "/street/QH-R-01")
    for expected in (PLACE_NAME[1], "North Mobility", NUMBER, "Mon to Wed 07:00–22:00", "60 km/h", PHONE, "1.00 km"):
        assert expected in text
    assert "South Mobility" not in text
    assert "javascript:" not in text


def test_a_street_counts_what_the_public_map_shows_there(city: City) -> None:
    city.observe("NORTH-R1")
    assert city.client().get("/api/v1/public/street/QH-R-01").get_json()["now"]["road"] == 0
    city.time.pass_ms(DELAY_MS)
    found = city.client().get("/api/v1/public/street/QH-R-01").get_json()
    assert (found["now"]["road"], found["now"]["air"], found["resting"]) == (1, 0, False)
    assert '<span class="tile-value" data-road>1</span>' in _get(city, "/street/QH-R-01")


def test_an_unknown_street_is_not_found(city: City) -> None:
    assert city.client().get("/street/nowhere").status_code == 404
    assert city.client().get("/api/v1/public/street/nowhere").status_code == 404


def test_streets_are_found_by_name_in_either_language(city: City) -> None:
    for wanted in ("menghai", "梦海", "QH-R"):
        assert "/street/QH-R-01" in _get(city, f"/street?q={wanted}")
    assert 'href="/street/QH-R-01"' not in _get(city, "/street?q=elsewhere")


def test_only_the_street_page_may_ask_the_browser_where_it_is(city: City) -> None:
    assert "geolocation=(self)" in city.client().get("/street").headers["Permissions-Policy"]
    assert "geolocation=()" in city.client().get("/permits").headers["Permissions-Policy"]


def test_permits_leave_the_list_at_once_when_they_are_suspended(city: City) -> None:
    _permit(city)
    assert NUMBER in _get(city, "/permits")
    with changing_session(city.engine) as session:
        permit = session.query(Permit).one()
        revise_permit(session, permit, reason="test", now_ms=city.time(), state=PermitState.SUSPENDED)
    assert NUMBER not in _get(city, "/permits")
    assert city.client().get("/api/v1/public/permits").get_json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(("vehicles", "shown"), [(1, None), (9, None), (10, 10), (12, 12)])
def test_vehicles_of_a_permit_are_counted_from_ten_on(city: City, vehicles: int, shown: int | None) -> None:
    _permit(city, vehicles=vehicles)
    (permit,) = city.client().get("/api/v1/public/permits").get_json()["items"]
    assert permit["vehicles"] == shown
    assert ("fewer than 10" in _get(city, "/permits")) == (shown is None)


def test_operators_are_those_with_permits_in_force(city: City) -> None:
    _permit(city)
    (operator,) = city.client().get("/api/v1/public/operators").get_json()["items"]
    assert operator["names"]["en"] == "North Mobility"
    assert (operator["permits"], operator["stages"], operator["vehicles"]) == (1, ["demonstration"], None)
    text = _get(city, "/operators")
    assert "North Mobility" in text
    assert "South Mobility" not in text


def test_trials_are_public_without_their_vehicles(city: City) -> None:
    with changing_session(city.engine) as session:
        north = session.query(Organisation).filter_by(code="NORTH").one()
        trial = Trial(
            trial_id="T-1",
            organisation=north,
            name_zh="夜间接驳",
            name_en="<b>Night</b> shuttle",
            domain=TrialDomain.ROAD,
            stage=Stage.ROAD_TEST,
            goal="Find out <script>",
            starts_at_ms=NOON_MS - DAY_MS,
            ends_at_ms=NOON_MS + DAY_MS,
            vehicles=[session.query(Vehicle).filter_by(vehicle_id="NORTH-R1").one()],
            zones=[session.query(Zone).one()],
        )
        session.add(trial)
        tell_of(session, trial)
    text = _get(city, "/trials")
    assert "&lt;b&gt;Night&lt;/b&gt; shuttle" in text
    assert "<script>" not in text.replace("<script ", "")
    assert "NORTH-R1" not in text
    (trial,) = city.client().get("/api/v1/public/trials").get_json()["items"]
    assert (trial["state"], [place["id"] for place in trial["places"]]) == ("running", ["QH-R-01"])


def test_roads_have_their_true_length_and_areas_their_area(city: City) -> None:
    square = Polygon([(113.9, 22.5), (113.91, 22.5), (113.91, 22.51), (113.9, 22.51)])
    with changing_session(city.engine) as session:
        publish_zone_revision(
            session,
            zone_id="QH-A-01",
            kind=ZoneKind.TEST_AREA,
            geometry=square,
            name_zh="场",
            name_en="Field",
            starts_at_ms=city.time(),
            now_ms=city.time(),
        )
    found = city.client().get("/api/v1/public/places")
    assert found.mimetype == "application/geo+json"
    document = found.get_json(force=True)
    by_id = {feature["id"]: feature["properties"] for feature in document["features"]}
    assert by_id["QH-R-01"]["length_km"] == pytest.approx(0.9968, abs=0.0002)  # 0.009 degrees of meridian at 22.5° N
    assert by_id["QH-A-01"]["area_km2"] == pytest.approx(1.139, abs=0.002)
    assert {total["kind"]: total["count"] for total in document["totals"]} == {"test_road": 1, "test_area": 1}
    text = _get(city, "/places")
    assert "1.00" in text
    assert "1.139" in text


def test_lists_are_exported(city: City) -> None:
    _permit(city)
    for path in ("/permits", "/trials", "/operators", "/places", "/safety"):
        answer = city.client().get(f"{path}?export=csv", buffered=True)
        assert answer.mimetype == "text/csv"
    assert NUMBER in city.client().get("/permits?export=csv").text


def test_safety_of_a_month_with_ten_vehicles_is_shown(city: City) -> None:
    _usage(city, VehicleKind.ROAD, 10, 100.0)
    _usage(city, VehicleKind.AIR, 9, 50.0)
    _alerts(city, Finding.OVERSPEED, 20)
    _alerts(city, Finding.OUTSIDE_AREA, 6)
    _alerts(city, Finding.LOW_ACCURACY, 4)
    _alerts(city, Finding.TAKEOVER, 40)  # happened, and broke nothing: not counted
    months = city.client().get("/api/v1/public/safety").get_json()["items"]
    air, road = sorted(months, key=lambda month: month["kind"])
    assert (road["month"], road["vehicles"], road["distance_km"], road["hours"]) == ("2026-02", 10, 1_000, 10)
    assert road["findings"] == [{"finding": "overspeed", "alerts": 20, "per_1000_km": 20.0}]
    assert (road["alerts"], road["closed_percent"], road["acknowledged_percent"]) == (30, 100, 0)
    assert [air[name] for name in ("vehicles", "distance_km", "hours", "alerts", "per_1000_km")] == [None] * 5
    text = _get(city, "/safety")
    assert "1,000" in text
    assert "450" not in text


def test_a_sum_that_one_vehicle_makes_up_is_withheld(city: City) -> None:
    _usage(city, VehicleKind.ROAD, 10, 1.0)
    with changing_session(city.engine) as session:
        day = session.query(UsageDay).first()
        assert day is not None
        day.distance_m = 500_000.0
    (road,) = city.client().get("/api/v1/public/safety").get_json()["items"]
    assert (road["vehicles"], road["distance_km"], road["hours"]) == (10, None, None)


def test_the_running_month_is_not_told(city: City) -> None:
    _usage(city, VehicleKind.ROAD, 20, 10.0, date(2026, 3, 1))
    assert city.client().get("/api/v1/public/safety").get_json()["items"] == []


def test_alerts_of_few_vehicles_are_withheld_however_many_they_are(city: City) -> None:
    _usage(city, VehicleKind.ROAD, 9, 100.0)
    _alerts(city, Finding.OVERSPEED, 200)
    (road,) = city.client().get("/api/v1/public/safety").get_json()["items"]
    assert (road["alerts"], road["findings"]) == (None, [])


def test_the_map_in_words_counts_by_place_and_names_alerts(city: City) -> None:
    city.observe("NORTH-R1")
    city.observe("NORTH-E1", lon=113.95, lat=22.6)
    city.store_alert("NORTH-R1", opened_at_ms=NOON_MS)
    city.feed().step()
    city.time.pass_ms(DELAY_MS)
    text = _get(city, "/map/text")
    assert PLACE_NAME[1] in text
    for expected in ("1 car", "1 eVTOL", "Elsewhere", "Outside permitted area"):
        assert expected in text
    seen = city.client().get("/api/v1/public/now").get_json()
    assert (seen["road"], seen["air"]) == (1, 1)
    assert [(area["place"] and area["place"]["id"], area["road"], area["air"]) for area in seen["areas"]] == [
        ("QH-R-01", 1, 0),
        (None, 0, 1),
    ]


def test_the_map_in_words_looks_again_only_when_asked(city: City) -> None:
    assert "Refresh" not in city.client().get("/map/text").headers
    assert city.client().get("/map/text?refresh=1").headers["Refresh"] == "30"


def test_around_midnight_the_pages_say_that_the_view_rests(city: City) -> None:
    city.time.now_ms = NOON_MS + DAY_MS // 2
    for path in ("/map/text", "/street/QH-R-01"):
        assert "rests around midnight" in _get(city, path)


def test_the_street_page_needs_no_script_and_no_foreign_host(city: City) -> None:
    text = _get(city, "/street")
    assert set(re.findall(r"https?://[^\"'\s<]+", text)) == set()
    assert f'href="/street/{"QH-R-01"}"' in text


def test_scripts_keep_the_visitors_place_to_themselves() -> None:
    """The one script that asks for a position sends nothing: its requests are for addresses that the page names."""
    script = (Path(__file__).parents[3] / "app/web/static/js/public/street.js").read_text("utf-8")
    assert re.findall(r"fetch\(([^,)]*)", script) == ["url", "section.dataset.now"]
    assert set(re.findall(r"\bfeatures\(([^)]*)", script)) == {"url", "frame.dataset.city", "frame.dataset.zones"}
    assert not re.search(r"sendBeacon|XMLHttpRequest|WebSocket|location\.(href|assign|search)", script)
