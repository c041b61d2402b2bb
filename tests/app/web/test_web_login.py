"""Logging in and out."""

from __future__ import annotations

import pytest

from app.database import changing_session
from app.models import Role, User
from app.web.throttle import FAILURES_PER_ACCOUNT, WINDOW_MS, LoginThrottle
from tests.app.web.cast import PASSWORD, PEOPLE, City, Time, csrf_of, log_in


def test_login_opens_the_staff_map_and_logout_closes_it(city: City) -> None:
    client = city.logged_in(Role.OPERATOR_MANAGER)
    assert client.get("/staff").status_code == 200
    assert client.get("/api/v1/live").status_code == 200
    assert client.post("/logout", data={"csrf_token": csrf_of(client)}).status_code == 303
    assert client.get("/api/v1/live").status_code == 401


def test_wrong_passwords_and_unknown_people_look_the_same(city: City) -> None:
    client = city.client()
    answers = [
        client.post("/login", data={"email": email, "password": password, "csrf_token": csrf_of(client)})
        for email, password in ((PEOPLE[Role.REGULATOR], "wrong"), ("nobody@city.example", PASSWORD), ("", ""))
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert client.get("/api/v1/live").status_code == 401


def test_login_needs_the_forms_token(city: City) -> None:
    client = city.client()
    data = {"email": PEOPLE[Role.REGULATOR], "password": PASSWORD}
    assert client.post("/login", data=data).status_code == 400
    csrf_of(client)
    assert client.post("/login", data=data | {"csrf_token": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/staff?x=1", "/staff?x=1"),
        ("https://evil.example/", "/staff"),
        ("//evil.example/", "/staff"),
        ("/\\evil.example/", "/staff"),
        ("staff", "/staff"),
        ("/\t/evil.example", "/staff"),
        ("", "/staff"),
    ],
)
def test_login_leads_only_to_this_server(city: City, wanted: str, goes_to: str) -> None:
    client = city.client()
    data = {"email": PEOPLE[Role.REGULATOR], "password": PASSWORD, "csrf_token": csrf_of(client), "next": wanted}
    assert client.post("/login", data=data).location == goes_to


def test_the_session_cookie_is_kept_from_scripts_and_from_the_open_network(city: City) -> None:
    assert "Secure" not in city.client().get("/login").headers["Set-Cookie"]
    cookie = city.client().get("/login", base_url="http://pilotage.example").headers["Set-Cookie"]
    for flag in ("Secure", "HttpOnly", "SameSite=Lax"):
        assert flag in cookie


def test_a_new_password_ends_the_sessions(city: City) -> None:
    client = city.logged_in(Role.REGULATOR)
    with changing_session(city.engine) as session:
        person = session.query(User).filter_by(email=PEOPLE[Role.REGULATOR]).one()
        person.password_hash = person.password_hash[:-1] + "x"
    assert client.get("/api/v1/live").status_code == 401


def test_guessing_is_slowed_down(city: City) -> None:
    client = city.client()
    for _ in range(FAILURES_PER_ACCOUNT):
        assert log_in(client, PEOPLE[Role.REGULATOR], "wrong") == 401
    assert log_in(client, PEOPLE[Role.REGULATOR], PASSWORD) == 429
    assert log_in(client, PEOPLE[Role.OPERATOR_MANAGER], PASSWORD) == 303
    city.time.pass_ms(WINDOW_MS)
    assert log_in(city.client(), PEOPLE[Role.REGULATOR], PASSWORD) == 303


def test_one_caller_cannot_try_many_accounts() -> None:
    throttle = LoginThrottle(Time())
    for number in range(30):
        assert not throttle.blocked("192.0.2.7", f"{number}@city.example")
        throttle.failed("192.0.2.7", f"{number}@city.example")
    assert throttle.blocked("192.0.2.7", "another@city.example")
    assert not throttle.blocked("192.0.2.8", "another@city.example")
