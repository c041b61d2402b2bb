"""The API describes itself, whole and valid, and docs/api.md says what no schema can."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule

from app.models import Role
from app.schemas.base import Schema
from app.web import access
from tests.app.web.cast import City

DOCS = Path(__file__).parents[3] / "docs" / "api.md"
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def document(city: City) -> dict[str, Any]:
    found = city.client().get("/api/docs/openapi.json").get_json()
    assert isinstance(found, dict)
    return found


def _templated(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule))


def _schemas(parent: type[Schema]) -> set[type[Schema]]:
    return set(parent.__subclasses__()).union(*(_schemas(child) for child in parent.__subclasses__()))


def test_no_two_schemas_have_one_name(city: City) -> None:
    """The document knows schemas by name alone: of two, one would describe both."""
    city.client().get("/api/docs/openapi.json")
    names = Counter(schema.__name__ for schema in _schemas(Schema) if schema.__module__.startswith("app."))
    assert [name for name, times in names.items() if times > 1] == []


def test_the_document_is_openapi_3_1_and_anybody_may_read_it(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Pilotage"


def test_every_route_of_the_api_is_in_the_document(city: City, document: dict[str, Any]) -> None:
    for rule in city.app.url_map.iter_rules():
        if str(rule).startswith("/api/v1/"):
            path = _templated(rule)
            described = {method.upper() for method in document["paths"].get(path, {})}
            assert (rule.methods or set()) & _METHODS <= described, rule


def test_every_operation_says_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), (method, path)
            is_public = {} in operation.get("security", [])
            assert is_public == path.startswith("/api/v1/public/"), (method, path)
            assert is_public or {"401", "403"} <= set(operation["responses"]), (method, path)


def test_what_the_document_calls_public_is_public(city: City, document: dict[str, Any]) -> None:
    for rule in city.app.url_map.iter_rules():
        path = _templated(rule)
        for method, operation in document["paths"].get(path, {}).items():
            if method.upper() in (rule.methods or ()):
                assert ({} in operation.get("security", [])) == (rule.endpoint in access.PUBLIC), rule


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])

    def references(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        if isinstance(node, list):
            return set().union(*(references(value) for value in node))
        return set()

    assert references(document) <= names


def test_the_page_that_browses_it_needs_nobody_else(city: City) -> None:
    page = city.client().get("/api/docs").text
    assert "/assets/swagger-ui/js/swagger-ui-bundle.js" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_every_other_route_for_programs_is_described(city: City) -> None:
    text = DOCS.read_text(encoding="utf-8")
    for rule in city.app.url_map.iter_rules():
        if rule.endpoint.startswith(("health.", "api_docs.")):
            assert f"`GET {rule}`" in text, rule


def test_every_field_of_the_live_picture_is_described(city: City) -> None:
    text = DOCS.read_text(encoding="utf-8")
    city.observe("NORTH-R1")
    city.store_alert("NORTH-R1")
    city.feed().step()
    city.time.pass_ms(30_000)
    for path in ("/api/v1/live", "/api/v1/public/live"):
        headers = {} if "public" in path else city.bearer(Role.REGULATOR)
        document = city.client().get(path, headers=headers).get_json(force=True)
        for field in (*document["features"][0]["properties"], *document["alerts"][0]):
            assert f"`{field}`" in text, field


def test_what_demands_a_version_says_so(city: City, document: dict[str, Any]) -> None:
    """So the page that browses the API, and every program made from the document, can send it."""
    again = city.client().get("/api/docs/openapi.json").get_json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            headers = [each["name"] for each in operation["parameters"] if each["in"] == "header"]
            assert headers == (["If-Match"] if "428" in operation["responses"] else []), (method, path)
            assert operation == again["paths"][path][method]


def test_a_session_tries_operations_out_with_its_token_and_visitors_get_no_cookie(city: City) -> None:
    assert "data-csrf-token" in city.logged_in(Role.AUDITOR).get("/api/docs").text
    visit = city.client().get("/api/docs")
    assert "data-csrf-token" not in visit.text
    assert "Set-Cookie" not in visit.headers


def test_no_parameter_of_the_api_is_a_list(document: dict[str, Any]) -> None:
    """So one that is given twice can be refused (app.web.api.base)."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                kinds = {kind.get("type") for kind in parameter["schema"].get("anyOf", [parameter["schema"]])}
                assert "array" not in kinds, (path, parameter["name"])


def test_of_two_values_for_one_parameter_none_is_guessed(city: City) -> None:
    answer = city.logged_in(Role.ADMINISTRATOR).get("/api/v1/vehicles?limit=1&limit=2&organisation=X")
    assert answer.status_code == 422
    assert [error["path"] for error in answer.get_json()["errors"]] == ["limit"]
