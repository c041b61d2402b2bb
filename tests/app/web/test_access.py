"""Deny by default: every route is in the tables, and the tables are obeyed by the whole matrix."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from flask import Flask, Response
from flask_openapi3 import OpenAPI
from werkzeug.routing import BuildError, Rule

from app.database import changing_session, reading_session
from app.models import Role, User
from app.schemas.accounts import Scope
from app.services.tokens import issue_token, tokens_of
from app.web import access
from tests.app.web.cast import DAY_MS, PEOPLE, City

_HOST = "localhost"
_ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}
_REACHED = HTTPStatus.IM_A_TEAPOT


def urls_of(app: Flask, rule: Rule) -> str:
    """An address of the route, whatever its variables are called."""
    adapter = app.url_map.bind(_HOST)
    for sample in ("1", 1, 1.5, "a/b"):
        try:
            return adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, sample))
        except (BuildError, ValueError):
            continue
    raise AssertionError(f"no sample fits the variables of {rule}: teach this function their kind")


def matrix(app: Flask) -> Iterator[tuple[str, str, str]]:
    """(endpoint, method, address) of everything that can be called."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, urls_of(app, rule)


@pytest.fixture
def stubbed(city: City) -> City:
    """The app with every view replaced: whoever gets past the gate is told so, and nothing happens."""
    for endpoint in city.app.view_functions:
        city.app.view_functions[endpoint] = lambda **_: Response("reached", _REACHED)
    return city


def test_every_route_is_in_exactly_one_table(city: City) -> None:
    endpoints = {rule.endpoint for rule in city.app.url_map.iter_rules()}
    known = access.PUBLIC | set(access.PROTECTED)
    assert not endpoints - known, f"add to PUBLIC or PROTECTED in app/web/access.py: {sorted(endpoints - known)}"
    assert not known - endpoints, f"in the tables of app/web/access.py, but no route: {sorted(known - endpoints)}"
    assert not access.PUBLIC & set(access.PROTECTED)
    assert set(access.PROTECTED) >= access.LOCAL


def test_every_operation_of_the_api_is_in_the_tables(city: City) -> None:
    assert isinstance(city.app, OpenAPI)
    adapter = city.app.url_map.bind(_HOST)
    for path, operations in city.app.api_doc["paths"].items():
        for method in operations:
            if method in {"get", "put", "post", "delete", "patch"}:
                sample = "/".join("1" if part.startswith("{") else part for part in path.split("/"))
                endpoint, _ = adapter.match(sample, method=method.upper())
                assert endpoint in access.PUBLIC | set(access.PROTECTED), f"{method} {path} is {endpoint}"


def test_every_action_names_its_roles() -> None:
    assert set(access.ALLOWED) == set(access.Action)


def test_every_duty_leads_to_a_page(city: City) -> None:
    assert set(access.DUTY_PAGES.values()) <= set(city.app.view_functions)


def test_nobody_gets_nothing_but_the_public_routes(stubbed: City) -> None:
    for endpoint, method, url in matrix(stubbed.app):
        answer = stubbed.client().open(url, method=method, environ_base=_ELSEWHERE)
        if endpoint in access.PUBLIC:
            assert answer.status_code in {_REACHED, 200, 400}, (method, url)  # 400: it wants the form's token
        else:
            assert answer.status_code in {303, 401}, (endpoint, method, url)
            assert answer.status_code == 401 or answer.location.startswith("/login?next="), (method, url)


@pytest.mark.parametrize("role", list(Role))
def test_a_token_does_what_the_role_may(stubbed: City, role: Role) -> None:
    headers = stubbed.bearer(role)
    for endpoint, method, url in matrix(stubbed.app):
        if endpoint in access.PROTECTED:
            action = access.PROTECTED[endpoint]
            is_allowed = access.may(role, action) and access.scope_of(action) is not None
            answer = stubbed.client().open(url, method=method, headers=headers, environ_base=_ELSEWHERE)
            expected = _REACHED if is_allowed else HTTPStatus.FORBIDDEN
            assert answer.status_code == expected, (role, method, url)


@pytest.mark.parametrize("role", list(Role))
def test_a_session_does_what_the_role_may(city: City, role: Role) -> None:
    client = city.logged_in(role)
    with client.session_transaction() as session:
        headers = {"X-CSRF-Token": session.setdefault("csrf_token", "t" * 32)}
    for endpoint in city.app.view_functions:
        city.app.view_functions[endpoint] = lambda **_: Response("reached", _REACHED)
    for endpoint, method, url in matrix(city.app):
        if endpoint in access.PROTECTED:
            answer = client.open(url, method=method, headers=headers, environ_base=_ELSEWHERE)
            expected = _REACHED if access.may(role, access.PROTECTED[endpoint]) else HTTPStatus.FORBIDDEN
            assert answer.status_code == expected, (role, method, url)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_does_only_what_its_scope_says(stubbed: City, scope: Scope) -> None:
    tokens = {}
    with changing_session(stubbed.engine) as session:
        for role, email in PEOPLE.items():
            user = session.query(User).filter_by(email=email).one()
            now_ms = stubbed.time()
            tokens[role] = issue_token(
                session, user, name="narrow", now_ms=now_ms, expires_at_ms=now_ms + DAY_MS, scopes=[scope]
            )
    for endpoint, method, url in matrix(stubbed.app):
        for role, token in tokens.items():
            if endpoint in access.PROTECTED:
                action = access.PROTECTED[endpoint]
                is_allowed = access.may(role, action) and access.scope_of(action) is scope
                headers = {"Authorization": f"Bearer {token}"}
                answer = stubbed.client().open(url, method=method, headers=headers, environ_base=_ELSEWHERE)
                assert (answer.status_code == _REACHED) == is_allowed, (role, scope, method, url)


def test_decisions_take_more_than_the_right_to_write() -> None:
    assert access.scope_of(access.Action.DECIDE_PERMITS) is Scope.DECIDE
    assert access.scope_of(access.Action.CHANGE_USERS) is Scope.USERS
    assert access.scope_of(access.Action.MANAGE_OWN_ACCOUNT) is None
    for action in access.Action:
        is_reading = action.startswith("see_")
        assert (access.scope_of(action) is Scope.READ) == is_reading, action


def test_a_route_in_no_table_is_denied_even_to_the_administrator(city: City) -> None:
    city.app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = city.client().get("/forgotten", headers=city.bearer(Role.ADMINISTRATOR))
    assert answer.status_code == 403
    assert "secret" not in answer.text


def test_metrics_are_for_this_machine_or_for_those_who_may(city: City) -> None:
    client = city.client()
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 303
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 303
    assert client.get("/metrics", headers=city.bearer(Role.OPERATOR_MANAGER) | {"X-Real-IP": "::1"}).status_code == 403


def test_a_changing_request_needs_the_sessions_token(city: City) -> None:
    client = city.logged_in(Role.REGULATOR)
    answer = client.post("/api/v1/alerts/1-outside_area-1-1/acknowledge")
    assert answer.status_code == 400
    assert answer.get_json()["code"] == "csrf"
    assert client.post("/logout").status_code == 400


def test_unknown_expired_and_mangled_tokens_are_nobody(city: City) -> None:
    good = city.bearer(Role.REGULATOR)
    assert city.client().get("/api/v1/live", headers=good).status_code == 200
    token = good["Authorization"]
    forged = ("Bearer", "Bearer ", "Bearer x", token + "x", token[:-1], token.swapcase(), "Basic eDp5", "Bearer null")
    for bad in (*forged, "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOjF9.", "Bearer ' OR 1=1 --"):
        answer = city.client().get("/api/v1/live", headers={"Authorization": bad})
        assert answer.status_code == 401, bad
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    city.time.pass_ms(DAY_MS)
    assert city.client().get("/api/v1/live", headers=good).status_code == 401


def test_a_bad_token_is_not_saved_by_a_good_session(city: City) -> None:
    client = city.logged_in(Role.REGULATOR)
    assert client.get("/api/v1/live", headers={"Authorization": "Bearer x"}).status_code == 401


def test_last_use_of_a_token_is_noted_once_a_minute(city: City) -> None:
    headers, begun_ms = city.bearer(Role.AUDITOR), city.time()
    for pass_ms, expected_ms in ((0, 0), (30_000, 0), (30_000, 60_000)):
        city.time.pass_ms(pass_ms)
        assert city.client().get("/api/v1/live", headers=headers).status_code == 200
        with reading_session(city.engine) as session:
            user = session.query(User).filter_by(email=PEOPLE[Role.AUDITOR]).one()
            assert tokens_of(session, user)[0].last_used_at_ms == begun_ms + expected_ms


def test_every_answer_carries_the_security_headers(city: City) -> None:
    for path in ("/", "/login", "/healthz", "/nowhere", "/api/v1/live", "/assets/leaflet/leaflet.css"):
        answer = city.client().get(path, buffered=True)
        _assert_secure(answer)  # type: ignore[arg-type]  # a test response is a response
    nonces = {city.client().get("/").headers["Content-Security-Policy"] for _ in range(2)}
    assert len(nonces) == 2


def _assert_secure(answer: Response) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_errors_tell_no_secrets(city: City) -> None:
    def fail() -> str:
        raise RuntimeError("password=hunter2")

    city.app.view_functions["health.alive"] = fail
    answer = city.client().get("/healthz")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
