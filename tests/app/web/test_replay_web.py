"""The replay over HTTP: sections of one's own fleet, the zones of an instant, the alerts of a period, the page."""

from __future__ import annotations

import pytest

from app.database import changing_session
from app.models import Role
from app.schemas.replay import FleetSectionOut, PastZones
from app.services.zones import publish_zone_revision
from geofences.zones import ZoneKind
from tests.app.web.cast import DAY_MS, NOON_MS, ROAD, SOUTH_MANAGER, City

_PERIOD = {"since_ms": NOON_MS - 60_000, "until_ms": NOON_MS + 1}


def test_everybody_sees_what_is_theirs(city: City) -> None:
    city.store_position("NORTH-R1")
    city.store_position("SOUTH-E1", age_ms=30_000)
    seen = {}
    for who in (Role.REGULATOR, Role.OPERATOR_STAFF, SOUTH_MANAGER):
        answer = city.client().get("/api/v1/replay/section", headers=city.bearer(who), query_string=_PERIOD)
        found = FleetSectionOut.model_validate_json(answer.data)
        assert (found.since_ms, found.until_ms) == (_PERIOD["since_ms"], _PERIOD["until_ms"])
        seen[who] = found.vehicle_id
    assert list(seen.values()) == [["NORTH-R1", "SOUTH-E1"], ["NORTH-R1"], ["SOUTH-E1"]]


def test_a_section_is_packed(city: City) -> None:
    city.store_position("NORTH-R1", age_ms=30_000)
    city.store_position("SOUTH-E1", age_ms=20_000)
    query = _PERIOD | {"step_ms": 5_000}
    answer = city.client().get("/api/v1/replay/section", headers=city.bearer(Role.AUDITOR), query_string=query)
    found = FleetSectionOut.model_validate_json(answer.data)
    assert (found.vehicle_id, found.kind, found.points) == (["NORTH-R1", "SOUTH-E1"], ["road", "air"], [1, 1])
    assert (found.timestamp_ms, found.gaps, found.late) == ([30_000, 40_000], [], [])
    assert (found.lon, found.lat) == ([1_139_000_000] * 2, [225_200_000] * 2)
    assert [found.modes[place] for place in found.mode] == ["minimal_risk"] * 2
    assert [found.safety_officers[place] for place in found.safety_officer] == ["remote"] * 2
    assert (found.speed_mps, found.heading_deg, found.battery_percent) == ([8.0] * 2, [None] * 2, [None] * 2)
    query["step_ms"] = 10_001
    answer = city.client().get("/api/v1/replay/section", headers=city.bearer(Role.AUDITOR), query_string=query)
    assert answer.status_code == 422


def test_zones_are_those_of_the_instant(city: City) -> None:
    with changing_session(city.engine) as session:
        publish_zone_revision(
            session,
            zone_id="QH-R-01",
            kind=ZoneKind.TEST_ROAD,
            geometry=ROAD,
            name_zh="后来",
            name_en="Later",
            half_width_m=20.0,
            starts_at_ms=NOON_MS + 1_000,
            now_ms=NOON_MS,
        )
    found = []
    for at_ms in (NOON_MS - 2 * DAY_MS, NOON_MS, NOON_MS + 999, NOON_MS + 1_000):
        answer = city.client().get(
            "/api/v1/replay/zones", headers=city.bearer(Role.AUDITOR), query_string={"at_ms": at_ms}
        )
        zones = PastZones.model_validate_json(answer.data)
        assert zones.generated_at_ms <= at_ms < zones.until_ms
        found.append([feature.properties.names.en for feature in zones.features])
    assert found == [[], ["Menghai Avenue"], ["Menghai Avenue"], ["Later"]]


def test_alerts_of_a_period_were_open_in_it(city: City) -> None:
    city.store_alert("NORTH-R1", opened_at_ms=NOON_MS - 50_000, closed_at_ms=NOON_MS - 40_000)
    city.store_alert("NORTH-R1", opened_at_ms=NOON_MS - 30_000, closed_at_ms=None)
    for since_ms, until_ms, expected in ((-60, -50, 0), (-60, -49, 1), (-45, -35, 1), (-39, -30, 0), (-39, 10, 1)):
        query = {"state": "all", "since_ms": NOON_MS + since_ms * 1000, "until_ms": NOON_MS + until_ms * 1000}
        answer = city.client().get("/api/v1/alerts", headers=city.bearer(Role.REGULATOR), query_string=query)
        assert len(answer.get_json()["items"]) == expected, (since_ms, until_ms)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        (f"?at_ms={NOON_MS}", 200),
        (f"?since_ms={NOON_MS}&speed=60&vehicle=NORTH-R1", 200),
        (f"?since_ms={NOON_MS}&until_ms={NOON_MS - 1}", 422),
        ("?since_ms=0&until_ms=7258118399999", 422),
        ("?speed=1000", 422),
        ("?since_ms=yesterday", 422),
    ],
)
def test_a_link_is_shown_or_refused_with_a_page(city: City, query: str, status: int) -> None:
    answer = city.logged_in(Role.OPERATOR_STAFF).get(f"/replay{query}", headers={"Accept-Language": "en"})
    assert answer.status_code == status
    assert 'id="slider"' in answer.text
    assert ("cannot be shown" in answer.text) == (status == 422)
