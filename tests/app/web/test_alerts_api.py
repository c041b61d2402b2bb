"""Alerts over HTTP: lists, pages, ownership, acknowledgement."""

from __future__ import annotations

import pytest

from app.database import changing_session
from app.models import EncounterRow, Role
from telemetry.findings import Finding
from tests.app.web.cast import City, csrf_of


def _alerts(city: City, query: str = "", role: Role = Role.REGULATOR) -> list[dict[str, object]]:
    answer = city.client().get(f"/api/v1/alerts{query}", headers=city.bearer(role))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.get_json()["items"]
    return found


def _public_id(city: City, vehicle_id: str, finding: str = "outside_area") -> str:
    return f"{city.keys[vehicle_id]}-{finding}-{city.time() - 1_234}-7"


def test_a_stored_alert_has_the_same_id_in_list_and_live_picture(city: City) -> None:
    city.store_alert("NORTH-R1")
    city.feed().step()
    (listed,) = _alerts(city)
    (live,) = city.client().get("/api/v1/live", headers=city.bearer(Role.REGULATOR)).get_json(force=True)["alerts"]
    assert listed["id"] == live["id"] == _public_id(city, "NORTH-R1")
    assert listed.items() >= live.items()


def test_lists_are_by_state(city: City) -> None:
    city.store_alert("NORTH-R1")
    city.store_alert("NORTH-R1", Finding.OVERSPEED, closed_at_ms=city.time())
    assert [a["finding"] for a in _alerts(city)] == ["outside_area"]
    assert [a["finding"] for a in _alerts(city, "?state=closed")] == ["overspeed"]
    assert len(_alerts(city, "?state=all")) == 2


def test_pages_follow_each_other(city: City) -> None:
    for number in range(5):
        city.store_alert("NORTH-R1", opened_seq=number)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"?limit=2&cursor={cursor}" if cursor else "?limit=2"
        page = city.client().get(f"/api/v1/alerts{query}", headers=city.bearer(Role.REGULATOR)).get_json()
        seen += [alert["id"] for alert in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("query", ["?state=x", "?limit=0", "?limit=501", "?limit=-1", "?limit=ten", "?cursor=x"])
def test_bad_questions_are_refused(city: City, query: str) -> None:
    answer = city.client().get(f"/api/v1/alerts{query}", headers=city.bearer(Role.REGULATOR))
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")


def test_an_operator_sees_and_answers_its_own_alerts_only(city: City) -> None:
    city.store_alert("NORTH-R1")
    city.store_alert("SOUTH-R1")
    assert [a["vehicle_id"] for a in _alerts(city, role=Role.OPERATOR_MANAGER)] == ["NORTH-R1"]
    bearer = city.bearer(Role.OPERATOR_MANAGER)
    own = city.client().post(f"/api/v1/alerts/{_public_id(city, 'NORTH-R1')}/acknowledge", json={}, headers=bearer)
    foreign = city.client().post(f"/api/v1/alerts/{_public_id(city, 'SOUTH-R1')}/acknowledge", json={}, headers=bearer)
    assert (own.status_code, foreign.status_code) == (200, 404)


def test_acknowledging_is_noted_and_seen_at_once(city: City) -> None:
    city.store_alert("NORTH-R1")
    city.feed().step()
    client = city.logged_in(Role.REGULATOR)
    answer = client.post(
        f"/api/v1/alerts/{_public_id(city, 'NORTH-R1')}/acknowledge",
        json={"note": "已联系运营方"},
        headers={"X-CSRF-Token": csrf_of(client)},
    )
    fields = answer.get_json()
    assert (fields["acknowledged_at_ms"], fields["acknowledged_by"]) == (city.time(), "Regulator Person")
    assert fields["note"] == "已联系运营方"
    (live,) = client.get("/api/v1/live").get_json(force=True)["alerts"]
    assert live["acknowledged_at_ms"] == city.time()


@pytest.mark.parametrize(
    "public_id",
    [
        "1",
        "x-y-z-w",
        "1-nothing-1-1",
        "1-outside_area-1-1",
        "1-outside_area-1-1-1",
        f"{10**30}-outside_area-1-1",
        "²-outside_area-1-1",
    ],
)
def test_an_id_that_no_alert_has_is_not_found(city: City, public_id: str) -> None:
    answer = city.client().post(f"/api/v1/alerts/{public_id}/acknowledge", json={}, headers=city.bearer(Role.REGULATOR))
    assert answer.status_code == 404


@pytest.mark.parametrize("note", [5, "x" * 2_001])
def test_a_note_is_a_text_of_some_length(city: City, note: object) -> None:
    city.store_alert("NORTH-R1")
    path = f"/api/v1/alerts/{_public_id(city, 'NORTH-R1')}/acknowledge"
    answer = city.client().post(path, json={"note": note}, headers=city.bearer(Role.REGULATOR))
    assert answer.status_code == 422


def test_an_alert_names_the_aircraft_that_is_too_close_but_no_other_operators_to_an_operator(city: City) -> None:
    city.store_alert("NORTH-E1", Finding.SEPARATION)
    with changing_session(city.engine) as session:
        session.add(
            EncounterRow(
                vehicle_key=city.keys["NORTH-E1"],
                other_key=city.keys["SOUTH-E1"],
                began_ms=city.time() - 2_000,
                last_seen_ms=city.time(),
                horizontal_m=80.04,
                vertical_m=None,
                closest_at_ms=city.time() + 5_000,
                closest_horizontal_m=31.0,
                closest_vertical_m=4.0,
            )
        )
    told = {
        "other_vehicle_id": "SOUTH-E1",
        "seen_at_ms": city.time(),
        "horizontal_m": 80.0,
        "vertical_m": None,
        "closest_at_ms": city.time() + 5_000,
        "closest_horizontal_m": 31.0,
        "closest_vertical_m": 4.0,
    }
    city.feed().step()
    for person, expected in ((Role.REGULATOR, told), (Role.OPERATOR_MANAGER, told | {"other_vehicle_id": None})):
        headers = city.bearer(person)
        (live,) = city.client().get("/api/v1/live", headers=headers).get_json(force=True)["alerts"]
        (listed,) = city.client().get("/api/v1/alerts", headers=headers).get_json()["items"]
        assert live["encounter"] == listed["encounter"] == expected
