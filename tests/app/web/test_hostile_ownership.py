"""Whose objects these are, asked of every route that has an object in its address.

A new route is asked too; what its change needs is taken from `_WORDS` by the names of its fields.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_openapi3 import OpenAPI
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.database import reading_session
from app.models import AuditHead, Role, Zone, ZoneRevisionRow
from app.web import access
from app.web.access import Action
from tests.app.web.cast import BAOAN_REGULATOR, NOON_MS, SOUTH_MANAGER, csrf_of
from tests.app.web.hostile_city import PDF, Attack
from tests.app.web.hostile_routes import SHARED, Route, routes

#: Everybody's, or one regulator's own: no operator's.
_NOT_NORTHS = frozenset({*SHARED, "zone_id", "zone_import"})
#: Decided by the jurisdiction that the object belongs to.
_DECISIONS = frozenset(
    {
        Action.DECIDE_PERMITS,
        Action.DECIDE_RECOGNITION,
        Action.PUBLISH_ZONES,
        Action.REVIEW_APPLICATIONS,
        Action.ORDER_VEHICLES,
        Action.REVIEW_INCIDENTS,
    }
)
#: Of a person, not of a jurisdiction: somebody else's is not found.
_PERSONAL = frozenset({"zone_import"})
#: A good value for each field of each change.
_WORDS: Mapping[str, Any] = {
    "address": "https://receiver.example/",
    "assignee_id": None,
    "automation_level": 4,
    "capacity": "onboard_safety_officer",
    "comment": "Done.",
    "conclusion": "Found.",
    "conditions": {},
    "decision": "suspended",
    "display_name": "Somebody",
    "domain": "road",
    "ends_on": "2027-01-01",
    "expires_on": "2030-01-01",
    "fault": "yes",
    "geometry": {"type": "LineString", "coordinates": [[113.91, 22.52], [113.91, 22.53]]},
    "goal": "To learn.",
    "half_width_m": 8,
    "harm": "damage",
    "hours": [],
    "jurisdiction": "QH",
    "jurisdictions": [],
    "kind": "road",
    "licence_class": "C1",
    "licence_number": "4403",
    "make": "Maker",
    "model": "Model",
    "name": "Somebody",
    "name_en": "Name",
    "name_zh": "名",
    "occurred_at_ms": NOON_MS - 1,
    "organisation": "SOUTH",
    "reason": "Because.",
    "role": "operator_staff",
    "speed_cap_mps": 5,
    "speed_cap_kmh": 20,
    "stage": "road_test",
    "stages": ["road_test"],
    "starts_on": "2026-03-02",
    "status": "out_of_service",
    "topics": ["alerts"],
    "summary": "It stopped.",
    "text": "Seen.",
    "valid_from_ms": NOON_MS + 86_400_000,
    "valid_until_ms": NOON_MS + 9 * 86_400_000,
    "vehicle_id": "NORTH-R1",
    "vin": "1M8GDM9AXKP042788",
}
#: The same where a field of this name means something else.
_OTHER_WORDS: Mapping[str, Mapping[str, Any]] = {
    "api_incidents.amend": {"kind": "collision"},
    "incidents.edit": {"kind": "collision"},
    "api_zone_revisions.publish": {"kind": "test_road"},
    "zone_editor.publish": {"kind": "test_road", "geometry": json.dumps(_WORDS["geometry"])},
}
_FILES = frozenset({"api_applications.attach_file", "api_incidents.attach_file"})
#: What an input of some kind cannot do without, although its schema lets it be left out.
_NEEDED = frozenset({"kind", "make", "model", "vin", "automation_level", "organisation", "half_width_m"})
#: The same where a form names it otherwise.
_FORM_WORDS = {"version": "1", "seen": "1", "expected_version": "1"}


@pytest.fixture
def untouched(attack: Attack) -> Iterator[None]:
    """Nothing may have changed when the test ends."""
    before = _head(attack)
    yield
    assert _head(attack) == before


def _head(attack: Attack) -> int:
    with reading_session(attack.city.engine) as session:
        return session.scalars(select(AuditHead.number)).one()


def _query(route: Route) -> dict[str, str]:
    """What a look at two revisions needs."""
    return {"before": "1", "after": "1"} if "compar" in route.endpoint else {}


def _body(attack: Attack, route: Route) -> dict[str, Any]:
    """What the operation's schema wants, from `_WORDS`."""
    assert isinstance(attack.app, OpenAPI)
    documented = route.rule.rule.replace("<int:", "<").replace("<", "{").replace(">", "}")
    operation = attack.app.api_doc["paths"][documented][route.method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return {}
    schema = content["schema"]
    while "$ref" in schema or "oneOf" in schema:
        reference = (schema.get("oneOf") or [schema])[0]["$ref"]
        schema = attack.app.api_doc["components"]["schemas"][reference.rpartition("/")[2]]
    words = {**_WORDS, **_OTHER_WORDS.get(route.endpoint, {})}
    wanted = {*schema.get("required", ()), *(_NEEDED & schema.get("properties", {}).keys())}
    return {name: words[name] for name in wanted if name in words}


def _call(attack: Attack, client: FlaskClient, token: str, route: Route) -> TestResponse:
    if route.method == "GET":
        return client.get(route.url, query_string=_query(route), buffered=True)
    headers = {"X-CSRF-Token": token, "If-Match": '"1"'}
    if route.endpoint in _FILES:
        file = (io.BytesIO(PDF), "plan.pdf")
        return client.post(route.url, data={"file": file}, headers=headers)
    if not route.is_page:
        return client.open(route.url, method=route.method, json=_body(attack, route), headers=headers)
    words = {name: value for name, value in _WORDS.items() if isinstance(value, str | int | list)}
    words |= _OTHER_WORDS.get(route.endpoint, {})
    return client.post(route.url, data=words | _FORM_WORDS, headers=headers)


def _with_norths_objects(attack: Attack) -> list[Route]:
    return [
        route
        for route in routes(attack)
        if set(route.objects.values()) - _NOT_NORTHS and route.endpoint not in access.PUBLIC
    ]


@pytest.mark.usefixtures("untouched")
def test_what_is_anothers_does_not_exist(attack: Attack) -> None:
    client = attack.city.logged_in(SOUTH_MANAGER)
    token, wrong = csrf_of(client), {}
    for route in _with_norths_objects(attack):
        status = _call(attack, client, token, route).status_code
        expected = HTTPStatus.NOT_FOUND if Role.OPERATOR_MANAGER in route.roles() else HTTPStatus.FORBIDDEN
        if status != expected:
            wrong[f"{route.method} {route.url} ({route.endpoint})"] = status
    assert not wrong, "\n".join(f"{route}: {status}" for route, status in wrong.items())


def test_its_owner_finds_all_of_it(attack: Attack) -> None:
    client, wrong = attack.city.logged_in(Role.OPERATOR_MANAGER), {}
    for route in _with_norths_objects(attack):
        if route.method == "GET" and Role.OPERATOR_MANAGER in route.roles():
            status = client.get(route.url, query_string=_query(route), buffered=True).status_code
            if status != HTTPStatus.OK:
                wrong[route.url] = status
    assert not wrong


@pytest.mark.usefixtures("untouched")
def test_a_regulator_decides_in_no_other_jurisdiction(attack: Attack) -> None:
    client = attack.city.logged_in(BAOAN_REGULATOR)
    token, wrong, asked = csrf_of(client), {}, 0
    for route in routes(attack):
        if not route.objects or route.method == "GET" or access.PROTECTED.get(route.endpoint) not in _DECISIONS:
            continue
        asked += 1
        status = _call(attack, client, token, route).status_code
        expected = HTTPStatus.NOT_FOUND if set(route.objects.values()) & _PERSONAL else HTTPStatus.FORBIDDEN
        if status != expected:
            wrong[f"{route.method} {route.url} ({route.endpoint})"] = status
    assert not wrong, "\n".join(f"{route}: {status}" for route, status in wrong.items())
    assert asked > 15


@pytest.mark.usefixtures("untouched")
def test_who_may_only_look_changes_nothing(attack: Attack) -> None:
    for person in (Role.AUDITOR,):
        client = attack.city.logged_in(person)
        token = csrf_of(client)
        for route in routes(attack):
            action = access.PROTECTED.get(route.endpoint)
            # An export leaves a trace of itself and changes nothing else.
            if route.method == "GET" or action is None or action.startswith(("see_", "manage_own", "export_")):
                continue
            assert _call(attack, client, token, route).status_code == HTTPStatus.FORBIDDEN, route


@pytest.mark.usefixtures("untouched")
def test_a_zone_is_not_taken_over_by_naming_ones_own_jurisdiction(attack: Attack) -> None:
    client = attack.city.logged_in(BAOAN_REGULATOR)
    zone = attack.objects["zone_id"]
    with reading_session(attack.city.engine) as session:
        newest = session.scalars(select(ZoneRevisionRow).join(Zone).where(Zone.zone_id == zone)).one().id
    body = {
        "kind": "air_corridor",
        "name_zh": "名",
        "name_en": "Name",
        "jurisdiction": "BA",
        "reason": "Mine.",
        "half_width_m": 8,
        "seen": str(newest),
        "geometry": json.dumps(_WORDS["geometry"]),
    }
    answer = client.post(f"/desk/zones/{zone}/edit", data=body, headers={"X-CSRF-Token": csrf_of(client)})
    assert answer.status_code in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}
