"""Injection into queries: whatever stands in an address, it is a word to look for and no more.

Which parameters a view reads is seen by watching it read them, so a new one is attacked too. Both kinds of
database are asked: PostgreSQL refuses values that SQLite takes, and the other way round.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest
from flask import request
from flask.testing import FlaskClient
from flask_openapi3 import OpenAPI
from werkzeug.datastructures import ImmutableMultiDict

from app.models import Role
from tests.app.web.cast import city_on_postgresql
from tests.app.web.hostile_city import Attack, attacked
from tests.app.web.hostile_routes import Route, looked_at, routes
from tests.databases import PostgresqlServer

#: The same question twice, once with a condition that is always true and once with one that never is.
_TRUE, _FALSE = "x' OR '1'='1' --", "x' OR '1'='2' --"
#: Quoted: what ends a text of SQL, what no text of a database may hold, what is no character, and too large a number.
_BROKEN = (
    quote("'\"\\);DROP TABLE users;--%_"),
    "a%00b",
    "%ED%A0%BD",
    "9" * 30,
    quote("1) UNION SELECT password_hash FROM users--"),
)
_NOISE = re.compile(
    r"nonce[-=]\"?[\w-]+|name=\"csrf_token\" value=\"[^\"]+\"|\"csrf\": \"[^\"]+\"|"
    r"\b[0-9a-f]{32}\b|generated_at_ms\":\d+"
)
#: How a page may write, of what was asked, an apostrophe and an equals sign.
_WRITTEN = (("&#39;", "'"), ("%27", "'"), ("\\u0027", "'"), ("%253D", "="), ("%3D", "="))
_CALLERS = (Role.REGULATOR, Role.ADMINISTRATOR, Role.OPERATOR_MANAGER)
_Read = defaultdict[str, set[str]]


_Callers = Mapping[Role, FlaskClient]


@pytest.fixture(scope="module")
def callers(attack: Attack) -> _Callers:
    return {role: attack.city.logged_in(role) for role in _CALLERS}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    if request.param == "sqlite":
        yield request.getfixturevalue("attack")
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    url = server.url(server.create_database(request.getfixturevalue("migrated_postgresql")))
    with city_on_postgresql(url, tmp_path_factory.mktemp("hostile-postgresql")) as city:
        yield attacked(city)


@pytest.fixture(scope="module")
def asking(target: Attack) -> _Callers:
    return {role: target.city.logged_in(role) for role in _CALLERS}


@pytest.fixture(scope="module")
def parameters(attack: Attack, callers: _Callers) -> _Read:
    """The names of the query parameters that each view reads."""
    read = _described(attack)
    whole = attack.app.request_class

    class Watched(whole):  # type: ignore[misc, valid-type]  # the app's own class
        parameter_storage_class = _watched(read)

    attack.app.request_class = Watched
    for route in looked_at(attack):
        _client(route, callers).get(route.url, buffered=True)
    attack.app.request_class = whole
    return read


def _described(attack: Attack) -> _Read:
    """Those of the API, from its description."""
    read: _Read = defaultdict(set)
    assert isinstance(attack.app, OpenAPI)
    for path, operations in attack.app.api_doc["paths"].items():
        rule = re.sub(r"\{(\w+)\}", r"<\1>", path)
        for known in attack.app.url_map.iter_rules():
            if re.sub(r"<\w+:", "<", known.rule) == rule and "GET" in (known.methods or ()):
                found = operations.get("get", {}).get("parameters", ())
                read[known.endpoint] |= {each["name"] for each in found if each["in"] == "query"}
    return read


def _watched(read: _Read) -> type[ImmutableMultiDict[str, str]]:
    class Watched(ImmutableMultiDict[str, str]):
        def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
            read[request.endpoint or ""].add(key)
            return super().get(key, *args, **kwargs)

        def getlist(self, key: str, *args: Any, **kwargs: Any) -> Any:
            read[request.endpoint or ""].add(key)
            return super().getlist(key, *args, **kwargs)

        def __contains__(self, key: object) -> bool:
            read[request.endpoint or ""].add(str(key))
            return super().__contains__(key)

    return Watched


def _client(route: Route, callers: _Callers) -> FlaskClient:
    return next(callers[role] for role in _CALLERS if role in route.roles())


def test_parameters_are_found(parameters: _Read) -> None:
    assert {"q", "sort", "page", "export"} <= parameters["vehicles.index"]
    assert {"cursor", "limit"} <= parameters["api_vehicles.vehicles"]
    assert sum(len(names) for names in parameters.values()) > 100


def test_no_parameter_breaks_a_query(target: Attack, asking: _Callers, parameters: _Read) -> None:
    broken = []
    for route in looked_at(target):
        for word in _BROKEN if parameters[route.endpoint] else ():
            url = f"{route.url}?" + "&".join(f"{name}={word}" for name in sorted(parameters[route.endpoint]))
            if (status := _client(route, asking).get(url, buffered=True).status_code) >= 500:
                broken.append((status, url))
    assert not broken


def test_no_parameter_is_part_of_a_query(target: Attack, asking: _Callers, parameters: _Read) -> None:
    injected = []
    for route in looked_at(target):
        client = _client(route, asking)
        for name in sorted(parameters[route.endpoint]):
            found = [_asked(client, route.url, name, word) for word in (_TRUE, _FALSE)]
            if found[0] != found[1]:
                injected.append((route.url, name))
    assert not injected


def _asked(client: FlaskClient, url: str, name: str, word: str) -> tuple[int, str]:
    answer = client.get(url, query_string={name: word}, buffered=True)
    body = answer.data.decode(errors="replace")
    for written, sign in _WRITTEN:
        body = body.replace(written, sign)
    return answer.status_code, _NOISE.sub("", body).replace("'1'='2'", "'1'='1'")


def test_no_variable_of_an_address_breaks_a_query(target: Attack, asking: _Callers) -> None:
    broken = []
    for route in (each for each in routes(target) if each.method == "GET"):
        known = target.objects
        for object_name in route.objects.values():
            value = known.get(object_name, "")
            for word in (*_BROKEN, quote(_TRUE)) if value and value in route.url else ():
                url = route.url.replace(value, word)
                answer = _client(route, asking).get(url, buffered=True)
                if answer.status_code not in {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}:
                    broken.append((answer.status_code, url))
    assert not broken
