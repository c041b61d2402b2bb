"""Deny by default: every route is in the tables, and the tables are obeyed."""

from __future__ import annotations

import pytest
from flask import Response
from werkzeug.routing import Rule

from app.models import Role
from app.web import access
from tests.app.web.cast import City


def _url(rule: Rule) -> str:
    return (
        str(rule)
        .replace("<package>", "leaflet")
        .replace("<path:path>", "leaflet.js")
        .replace("<path:filename>", "css/map.css")
        .replace("<code>", "en")
        .replace("<alert_id>", "1-outside_area-1-1")
    )


def _rules(city: City) -> list[Rule]:
    return [rule for rule in city.app.url_map.iter_rules() if not str(rule).endswith("/stream")]


def test_every_route_is_in_exactly_one_table(city: City) -> None:
    endpoints = {rule.endpoint for rule in city.app.url_map.iter_rules()}
    assert endpoints == access.PUBLIC | set(access.PROTECTED)
    assert not access.PUBLIC & set(access.PROTECTED)
    assert set(access.PROTECTED) >= access.LOCAL


def test_every_action_names_its_roles() -> None:
    assert set(access.ALLOWED) == set(access.Action)


def test_nobody_gets_nothing_but_the_public_routes(city: City) -> None:
    for rule in city.app.url_map.iter_rules():
        if rule.endpoint in access.PUBLIC | access.LOCAL:
            continue
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        answer = city.client().open(_url(rule), method=method)
        assert answer.status_code in {303, 401}, rule
        if answer.status_code == 303:
            assert answer.location.startswith("/login")


@pytest.mark.parametrize("role", list(Role))
def test_roles_do_what_the_table_says(city: City, role: Role) -> None:
    for rule in _rules(city):
        if rule.endpoint not in access.PROTECTED:
            continue
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        answer = city.client().open(
            _url(rule), method=method, headers=city.bearer(role) | {"X-Forwarded-For": "1.2.3.4"}
        )
        is_allowed = role in access.ALLOWED[access.PROTECTED[rule.endpoint]]
        assert (answer.status_code != 403) == is_allowed, (role, rule)


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
    for bad in ("Bearer", "Bearer ", "Bearer x", good["Authorization"] + "x", "Basic eDp5"):
        answer = city.client().get("/api/v1/live", headers={"Authorization": bad})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    city.time.pass_ms(86_400_000)
    assert city.client().get("/api/v1/live", headers=good).status_code == 401


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
