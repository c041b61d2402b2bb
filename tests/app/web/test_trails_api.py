"""Trails over HTTP: described, packed, and nobody's but one's own."""

from __future__ import annotations

import gzip

import msgspec

from app.models import Role
from app.schemas.replay import SectionOut
from tests.app.web.cast import SOUTH_MANAGER, City

_URL = "/api/v1/vehicles/NORTH-R1/trail"


def test_the_last_ten_minutes(city: City) -> None:
    city.store_position("NORTH-R1", age_ms=599_000)
    answer = city.client().get(_URL, headers=city.bearer(Role.OPERATOR_STAFF))
    found = SectionOut.model_validate_json(answer.data)
    assert (found.since_ms, found.until_ms) == (city.time() - 600_000, city.time())
    [trail] = found.trails
    assert (trail.vehicle_id, trail.operator, trail.total, trail.gaps) == ("NORTH-R1", "NORTH", 1, [])
    assert (trail.mode, trail.safety_officer, trail.altitude_datum) == (["minimal_risk"], ["remote"], ["AMSL"])
    assert (trail.heading_deg, trail.speed_mps, trail.late) == ([None], [8.0], [False])
    city.time.pass_ms(2_000)
    assert city.client().get(_URL, headers=city.bearer(Role.AUDITOR)).get_json()["trails"] == []


def test_it_is_packed_for_those_who_take_it(city: City) -> None:
    city.store_position("NORTH-R1")
    headers = city.bearer(Role.REGULATOR) | {"Accept-Encoding": "gzip"}
    until_ms = city.time() + 1
    answer = city.client().get(_URL, headers=headers, query_string={"since_ms": until_ms - 10, "until_ms": until_ms})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert msgspec.json.decode(gzip.decompress(answer.data))["trails"][0]["total"] == 1


def test_another_operators_vehicle_is_not_there(city: City) -> None:
    assert city.client().get(_URL, headers=city.bearer(SOUTH_MANAGER)).status_code == 404


def test_a_bad_period_is_told_at_its_field(city: City) -> None:
    for query, code in (
        ({"since_ms": 2, "until_ms": 1}, "period_empty"),
        ({"since_ms": 0, "until_ms": 90_000_000}, "period_too_long"),
        ({"since_ms": 0, "until_ms": "soon"}, "invalid_input"),
    ):
        answer = city.client().get(_URL, headers=city.bearer(Role.AUDITOR), query_string=query)
        assert (answer.status_code, answer.get_json()["code"]) == (422, code)
