"""What all operations have in common: lists have pages, which together are the whole; changes name a version."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_openapi3 import OpenAPI

from app.models import Role
from tests.app.web.cast import city_on_postgresql
from tests.app.web.hostile_city import PERMIT, Attack, attacked, hostile_city
from tests.app.web.hostile_routes import routes
from tests.app.web.permit_scene import issue
from tests.app.web.register_cast import TRIAL, Program
from tests.databases import PostgresqlServer

#: Lists without pages, and what bounds them.
_WHOLE: Mapping[str, str] = {
    "/api/v1/jurisdictions": "authorities of one city and its neighbours",
    "/api/v1/public/operators": "companies with a permit in one city",
    "/api/v1/public/safety": "twelve months by two kinds of vehicle",
    "/api/v1/applications/{number}/comparison": "the fields of an application",
    "/api/v1/live": "a picture: the fleet at this moment",
    "/api/v1/public/live": "a picture: the fleet at this moment",
    "/api/v1/public/places": "a picture: what is in force now, with totals of all of it",
    "/api/v1/replay/zones": "a picture: what was in force at an instant",
    "/api/v1/zones": "a picture: what is in force now",
    "/api/v1/public/zones": "a picture: what is in force now",
    "/api/v1/permits/{number}/zones": "a picture: the zones of one permit",
}
_OUT, _IN = {"status": "out_of_service", "reason": "r"}, {"status": "in_service", "reason": "r"}
_LICENCE = {"licence_class": "C1", "licence_number": "4404", "expires_on": "2027-12-31"}
_SUSPENDED = {"decision": "suspended", "reason": "r"}
#: Changes of an object that need no If-Match, and why nobody can change what they have not seen.
_UNMATCHED: Mapping[str, str] = {
    "DELETE /api/v1/tokens/{token_id}": "it ends once, whatever it was",
    "POST /api/v1/alerts/{alert_id}/acknowledge": "the first acknowledgement stands",
    "POST /api/v1/alerts/{alert_id}/comments": "it only adds",
    "POST /api/v1/emergencies/{number}/vehicles/{vehicle_id}/order": "an order once more changes nothing that was seen",
    "POST /api/v1/notices/{notice_id}/read": "the first reading counts",
    "POST /api/v1/notifications/channels/{channel_id}/test": "a message more, which changes no channel",
    "POST /api/v1/notifications/deliveries/{delivery_id}/send-again": "only one that did not arrive, whatever it was",
}
_MEMBERS = ("items", "features")
#: None of these was given by a page: no base64, no JSON, other keys, and what no database takes as a value.
_FOREIGN = ("x", "", "%00", "W10", "WzEuNV0", "WzEsMiwzLDRd", "WyJhXHUwMDAwIl0", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ")


def _operations(app: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """The operations that answer a list, by path."""
    assert isinstance(app, OpenAPI)
    schemas = app.api_doc["components"]["schemas"]
    for path, operations in app.api_doc["paths"].items():
        for content in operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).values():
            schema = content["schema"]
            schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            if any(member in schema.get("properties", {}) for member in _MEMBERS):
                yield path, operations["get"] | {"members": schema["properties"]}


def _parameters(operation: Mapping[str, Any]) -> set[str]:
    return {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}


def test_every_list_has_pages_or_a_bound(attack: Attack) -> None:
    found = dict(_operations(attack.app))
    whole = {path for path, operation in found.items() if not {"limit", "cursor"} <= _parameters(operation)}
    assert whole == set(_WHOLE)
    assert all("next_cursor" in found[path]["members"] for path in set(found) - whole)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, registry: Path) -> Iterator[Attack]:
    """A city where each list has more than one item, on each database: what comes after what is theirs to say."""
    home = tmp_path_factory.mktemp("busy")
    if request.param == "sqlite":
        with hostile_city(home, registry) as attack:
            yield _with_more_of_each(attack)
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    url = server.url(server.create_database(request.getfixturevalue("migrated_postgresql")))
    with city_on_postgresql(url, home) as city:
        yield _with_more_of_each(attacked(city))


def _with_more_of_each(attack: Attack) -> Attack:
    """A second item for every list; two trials begin on one day, so that only their codes order them."""
    city, application = attack.city, f"/applications/{attack.objects['returned']}"
    incident = f"/incidents/{attack.objects['incident']}"
    manager, regulator = Program(city, Role.OPERATOR_MANAGER), Program(city, Role.REGULATOR)
    pair = {"recogniser": "QH", "issuer": "BA", "reason": "r"}
    issue(city, "QH-2026-0002")
    issue(city, "QH-2026-0003", holder="SOUTH")
    sent = [
        manager.change("POST", "/vehicles/NORTH-R1/statuses", _OUT, seen="/vehicles/NORTH-R1"),
        manager.change("POST", "/vehicles/NORTH-R1/statuses", _IN, seen="/vehicles/NORTH-R1"),
        manager.change("POST", "/officers/N-ON/licences", _LICENCE, seen="/officers/N-ON"),
        manager.send("POST", "/trials", TRIAL | {"trial_id": "T-2"}),
        manager.send("POST", "/trials", TRIAL | {"trial_id": "T-3"}),
        manager.change("POST", f"{application}/submission", {}, seen=application),
        regulator.change("POST", f"/permits/{PERMIT}/decisions", _SUSPENDED, seen=f"/permits/{PERMIT}"),
        regulator.change("POST", f"{incident}/review", {}, seen=incident),
        regulator.change("POST", "/zones/QH-C-01/end", {"reason": "r"}, seen="/zones/QH-C-01"),
        manager.send("POST", f"/alerts/{attack.objects['alert_id']}/comments", {"text": "c"}),
        manager.send("POST", "/saved-filters", {"name": "n", "criteria": {}}),
        (begun := regulator.send("POST", "/recognition", pair | {"stages": ["road_test"], "seen": 0})),
        regulator.send("POST", "/recognition/end", pair | {"seen": begun.get_json()["id"]}),
    ]
    assert [(answer.status_code, answer.text) for answer in sent if answer.status_code >= 400] == []
    return Attack(city, attack.objects | {"application": attack.objects["returned"]})


@pytest.fixture(scope="module")
def lists(busy: Attack) -> list[tuple[str, FlaskClient]]:
    """The address of every list with pages, with each of those who may read it."""
    callers = {role: busy.city.logged_in(role) for role in (Role.OPERATOR_MANAGER, Role.ADMINISTRATOR)}
    paged = {path for path, operation in _operations(busy.app) if "cursor" in _parameters(operation)}
    found: dict[str, list[tuple[str, FlaskClient]]] = {path: [] for path in paged}
    for route in routes(busy):
        path = re.sub(r"<(?:int:)?(\w+)>", r"{\1}", route.rule.rule)
        if route.method == "GET" and path in found:
            found[path] += [(route.url, client) for role, client in callers.items() if role in route.roles()]
    assert all(found.values())
    return [each for clients in found.values() for each in clients]


def test_pages_of_one_are_the_same_list(lists: list[tuple[str, FlaskClient]]) -> None:
    most: dict[str, int] = defaultdict(int)
    for url, client in lists:
        (whole,) = _pages(client, url, 500)
        assert [item for page in _pages(client, url, 1) for item in page] == whole, url
        most[url] = max(most[url], len(whole))
    assert {url: items for url, items in most.items() if items < 2} == {}, "such a list proves nothing"


def _pages(client: FlaskClient, url: str, limit: int) -> list[list[Any]]:
    """Every page of a list, one after another, none with more than `limit` items."""
    pages: list[list[Any]] = []
    query: dict[str, Any] = {"limit": limit}
    for _ in range(1_000):
        answer = client.get(url, query_string=query)
        assert answer.status_code == HTTPStatus.OK, (url, query)
        body = answer.get_json(force=True)
        pages.append(next(body[member] for member in _MEMBERS if member in body))
        assert len(pages[-1]) <= limit
        if body["next_cursor"] is None:
            return pages
        query["cursor"] = body["next_cursor"]
    raise AssertionError(f"{url} does not end")


def test_a_foreign_cursor_is_told_at_its_field(lists: list[tuple[str, FlaskClient]]) -> None:
    for url, client in dict(lists).items():
        for cursor in _FOREIGN:
            answer = client.get(url, query_string={"cursor": cursor})
            assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, (url, cursor)
            assert [error["path"] for error in answer.get_json()["errors"]] == ["cursor"], (url, cursor)


def test_every_change_of_an_object_demands_its_version(attack: Attack) -> None:
    assert isinstance(attack.app, OpenAPI)
    unmatched = {
        f"{method.upper()} {path}"
        for path, operations in attack.app.api_doc["paths"].items()
        for method, operation in operations.items()
        if method in {"post", "put", "delete", "patch"} and "{" in path and "428" not in operation["responses"]
    }
    assert unmatched == set(_UNMATCHED)
