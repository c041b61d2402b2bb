"""Alerts handled over HTTP: who may what, versions, and what other processes see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.database import reading_session
from app.live.feed import HANDLED_EVERY_MS, LiveFeed
from app.live.views import build_views
from app.models import Role, User
from telemetry.findings import Finding
from tests.app.web.cast import BAOAN_REGULATOR, PEOPLE, City
from tests.app.web.permit_scene import issue, newest

REASON = {"reason": "已核实"}


@pytest.fixture
def alert(city: City) -> str:
    """The address of an open alert of NORTH."""
    city.store_alert("NORTH-R1")
    city.feed().step()
    return f"/api/v1/alerts/{city.keys['NORTH-R1']}-outside_area-{city.time() - 1_234}-7"


def _post(city: City, url: str, body: dict[str, Any], who: Role | str = Role.REGULATOR, etag: str = "") -> TestResponse:
    headers = city.bearer(who) | ({"If-Match": etag} if etag else {})
    return city.client().post(url, json=body, headers=headers)


def _etag(city: City, url: str) -> str:
    return str(city.client().get(url, headers=city.bearer(Role.REGULATOR)).headers["ETag"])


def _number(city: City, email: str) -> int:
    with reading_session(city.engine) as session:
        return session.scalars(select(User.id).where(User.email == email)).one()


def test_an_alert_is_assigned_escalated_and_closed(city: City, alert: str) -> None:
    regulator = _number(city, PEOPLE[Role.REGULATOR])
    assigned = _post(city, f"{alert}/assign", {"assignee_id": regulator}, etag=_etag(city, alert))
    assert assigned.get_json()["assignee"] == {"id": regulator, "name": "Regulator Person"}
    escalated = _post(city, f"{alert}/escalate", REASON, etag=assigned.headers["ETag"])
    assert (escalated.get_json()["escalated_by"], escalated.get_json()["escalation"]) == ("Regulator Person", "已核实")
    closed = _post(city, f"{alert}/resolve", REASON, etag=escalated.headers["ETag"])
    assert (closed.get_json()["resolved_at_ms"], closed.get_json()["closed"]) == (city.time(), False)
    (live,) = json.loads(city.live.staff.snapshot())["alerts"]
    assert live.items() <= closed.get_json().items()
    listed = city.client().get("/api/v1/alerts?handling=resolved&assignee=me", headers=city.bearer(Role.REGULATOR))
    assert [found["id"] for found in listed.get_json()["items"]] == [live["id"]]


@pytest.mark.parametrize("verb", ["assign", "escalate", "resolve"])
def test_a_change_names_the_version_that_was_seen(city: City, alert: str, verb: str) -> None:
    body = {"assignee_id": None} if verb == "assign" else REASON
    etag = _etag(city, alert)
    assert _post(city, f"{alert}/{verb}", body).status_code == 428
    assert _post(city, f"{alert}/comments", {"text": "unterwegs"}).status_code == 201
    assert _post(city, f"{alert}/{verb}", body, etag=etag).status_code == 412
    assert _post(city, f"{alert}/{verb}", body, etag=_etag(city, alert)).status_code == 200


def test_operators_handle_their_own_and_close_none(city: City, alert: str) -> None:
    city.store_alert("SOUTH-R1")
    foreign = f"/api/v1/alerts/{city.keys['SOUTH-R1']}-outside_area-{city.time() - 1_234}-7"
    manager = Role.OPERATOR_MANAGER
    assert _post(city, f"{alert}/comments", {"text": "我们已联系安全员"}, manager).status_code == 201
    assert _post(city, f"{alert}/resolve", REASON, manager, _etag(city, alert)).status_code == 403
    for verb, body in (("comments", {"text": "x"}), ("assign", {"assignee_id": None}), ("escalate", REASON)):
        assert _post(city, f"{foreign}/{verb}", body, manager, "1").status_code == 404, verb
    assert city.client().get(foreign, headers=city.bearer(manager)).status_code == 404
    (written,) = city.client().get(f"{alert}/comments", headers=city.bearer(Role.REGULATOR)).get_json()["items"]
    assert (written["author"], written["text"]) == ("Operator Manager Person", "我们已联系安全员")
    staff = _number(city, PEOPLE[Role.OPERATOR_STAFF])
    taken = _post(city, f"{alert}/assign", {"assignee_id": staff}, manager, _etag(city, alert))
    assert taken.get_json()["assignee"]["id"] == staff
    refused = _post(city, f"{alert}/assign", {"assignee_id": 99}, manager, taken.headers["ETag"])
    assert (refused.status_code, refused.get_json()["code"]) == (422, "unknown_assignee")


def test_a_regulator_closes_what_its_own_jurisdiction_permits(city: City) -> None:
    issue(city)
    city.store_alert("NORTH-R1", Finding.OVERSPEED, permit_revision_id=newest(city).id)
    url = f"/api/v1/alerts/{city.keys['NORTH-R1']}-overspeed-{city.time() - 1_234}-7"
    assert _post(city, f"{url}/resolve", REASON, BAOAN_REGULATOR, _etag(city, url)).status_code == 403
    assert _post(city, f"{url}/resolve", REASON, etag=_etag(city, url)).status_code == 200


@pytest.mark.usefixtures("alert")
def test_many_are_acknowledged_at_once_or_none(city: City) -> None:
    city.store_alert("NORTH-R1", Finding.OVERSPEED)
    ids = [found["id"] for found in _listed(city)]
    answer = _post(city, "/api/v1/alerts/acknowledge", {"alert_ids": [*ids, ids[0]]})
    assert sorted(seen["id"] for seen in answer.get_json()["alerts"]) == sorted(ids)
    assert [found["acknowledged_by"] for found in _listed(city)] == ["Regulator Person"] * 2
    assert _post(city, "/api/v1/alerts/acknowledge", {"alert_ids": []}).status_code == 422
    city.store_alert("SOUTH-R1")
    theirs = next(found["id"] for found in _listed(city) if found["vehicle_id"] == "SOUTH-R1")
    mixed = {"alert_ids": [ids[0], theirs]}
    assert _post(city, "/api/v1/alerts/acknowledge", mixed, Role.OPERATOR_MANAGER).status_code == 404


def _listed(city: City) -> list[dict[str, Any]]:
    answer = city.client().get("/api/v1/alerts", headers=city.bearer(Role.REGULATOR))
    found: list[dict[str, Any]] = answer.get_json()["items"]
    return found


@pytest.mark.usefixtures("alert")
def test_lists_are_filtered(city: City) -> None:
    city.store_alert("SOUTH-E1", Finding.ABOVE_CEILING, zone_revision_id=None)
    for query, expected in (
        ("finding=above_ceiling", ["SOUTH-E1"]),
        ("zone_id=QH-R-01", ["NORTH-R1"]),
        ("assignee=nobody&severity=critical", ["SOUTH-E1", "NORTH-R1"]),
        ("handling=acknowledged", []),
    ):
        answer = city.client().get(f"/api/v1/alerts?{query}", headers=city.bearer(Role.REGULATOR))
        assert sorted(found["vehicle_id"] for found in answer.get_json()["items"]) == sorted(expected), query
    for query in ("finding=nothing", "assignee=you", "handling=x"):
        answer = city.client().get(f"/api/v1/alerts?{query}", headers=city.bearer(Role.REGULATOR))
        assert answer.status_code == 422, query


def test_another_process_sees_it_within_a_second(city: City, alert: str) -> None:
    elsewhere = build_views(city.settings, city.time)
    feed = LiveFeed(elsewhere, city.engine, city.time, escalate_after_s=300.0)
    feed.step()
    _post(city, f"{alert}/resolve", REASON, etag=_etag(city, alert))
    city.time.pass_ms(HANDLED_EVERY_MS)
    feed.step()
    (seen,) = json.loads(elsewhere.staff.snapshot())["alerts"]
    assert seen["resolved_at_ms"] == city.time() - HANDLED_EVERY_MS


def test_filters_are_each_persons_own(city: City) -> None:
    wanted = {
        "name": "夜间",
        "criteria": {"shown": "new", "severities": ["critical"], "zone": "QH-R-01", "text": "NORTH"},
    }
    made = _post(city, "/api/v1/saved-filters", wanted)
    url = f"/api/v1/saved-filters/{made.get_json()['id']}"
    assert made.get_json()["criteria"] == {
        "shown": "new",
        "severities": ["critical"],
        "finding": None,
        "organisation": None,
        "kind": None,
        "zone": "QH-R-01",
        "text": "NORTH",
        "grouping": "vehicle",
    }
    again = _post(city, "/api/v1/saved-filters", wanted)
    assert (again.status_code, again.get_json()["code"]) == (409, "already_registered")
    assert city.client().get(url, headers=city.bearer(Role.AUDITOR)).status_code == 404
    assert city.client().delete(url, headers=city.bearer(Role.REGULATOR)).status_code == 428
    owner = city.bearer(Role.REGULATOR) | {"If-Match": made.headers["ETag"]}
    assert city.client().delete(url, headers=owner).status_code == 204
    assert city.client().get(url, headers=owner).status_code == 404


def test_the_picture_knows_what_a_remote_officer_may_have(city: City) -> None:
    issue(city, ratio=3)
    city.feed().step()
    city.observe("NORTH-R1", safety_officer="remote", officer_id="N-REMOTE")
    city.observe("SOUTH-R1")
    features = {found["id"]: found["properties"] for found in json.loads(city.live.staff.snapshot())["features"]}
    assert (features["NORTH-R1"]["officer_id"], features["NORTH-R1"]["officer_limit"]) == ("N-REMOTE", 3)
    assert features["SOUTH-R1"]["officer_limit"] is None


@pytest.mark.parametrize("bbox", ["", "1,2,3", "a,b,c,d", "1,2,3,4,5", "1e3,2,3,4"])
def test_a_part_of_the_map_is_four_numbers(city: City, bbox: str) -> None:
    answer = city.client().get("/api/v1/live/stream", query_string={"bbox": bbox}, headers=city.bearer(Role.REGULATOR))
    assert answer.status_code == 422
