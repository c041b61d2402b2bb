"""Logging in and out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from flask import Flask, request

from app.models import Role
from app.proxies import TrustedProxies
from app.services.logins import ABSOLUTE_MS, IDLE_MS
from app.web import proxies
from app.web.throttle import (
    FAILURES_FROM_ANYWHERE,
    FAILURES_PER_ACCOUNT,
    FAILURES_PER_CALLER,
    WINDOW_MS,
    LoginThrottle,
)
from tests.app.web.cast import PASSWORD, PEOPLE, City, Time, csrf_of, log_in


def test_login_opens_the_staff_map_and_logout_closes_it(city: City) -> None:
    client = city.logged_in(Role.OPERATOR_MANAGER)
    assert client.get("/duty").status_code == 200
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
        ("/duty?x=1", "/duty?x=1"),
        ("https://evil.example/", "/duty"),
        ("//evil.example/", "/duty"),
        ("/\\evil.example/", "/duty"),
        ("staff", "/duty"),
        ("/\t/evil.example", "/duty"),
        ("/\n/evil.example", "/duty"),
        ("///evil.example", "/duty"),
        ("/%5Cevil.example\\", "/duty"),
        ("\\\\evil.example", "/duty"),
        ("/\u2028/evil.example", "/duty"),
        ("javascript:alert(1)", "/duty"),
        ("http:/evil.example", "/duty"),
        ("http:evil.example", "/duty"),
        ("//evil.example\\@localhost/", "/duty"),
        (" //evil.example", "/duty"),
        ("", "/duty"),
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


def test_a_copied_cookie_is_worthless_after_the_logout(city: City) -> None:
    client, thief = city.logged_in(Role.REGULATOR), city.client()
    cookie = client.get_cookie("pilotage_session")
    assert cookie is not None
    thief.set_cookie("pilotage_session", cookie.value)
    assert thief.get("/api/v1/live").status_code == 200
    assert client.post("/logout", data={"csrf_token": csrf_of(client)}).status_code == 303
    assert thief.get("/api/v1/live").status_code == 401


def test_a_login_takes_no_session_that_was_planted(city: City) -> None:
    client = city.client()
    with client.session_transaction() as session:
        session["login"] = "planted"
        session["csrf_token"] = "planted"
    data = {"email": PEOPLE[Role.REGULATOR], "password": PASSWORD, "csrf_token": "planted"}
    assert client.post("/login", data=data).status_code == 303
    with client.session_transaction() as session:
        assert session["login"] != "planted"
        assert session.get("csrf_token") != "planted"


@pytest.mark.parametrize("value", ["", "x", "x.y.z", "eyJsb2dpbiI6ICJ4In0.aaaa.bbbb"])
def test_a_forged_cookie_is_nobody(city: City, value: str) -> None:
    client = city.client()
    client.set_cookie("pilotage_session", value)
    assert client.get("/api/v1/live").status_code == 401


def test_a_session_ends_when_nobody_uses_it(city: City) -> None:
    client = city.logged_in(Role.REGULATOR)
    city.time.pass_ms(IDLE_MS - 1)
    assert client.get("/api/v1/live").status_code == 200
    city.time.pass_ms(IDLE_MS)
    assert client.get("/api/v1/live").status_code == 401


def test_a_session_ends_after_a_working_day_however_busy(city: City) -> None:
    client = city.logged_in(Role.REGULATOR)
    for _ in range(ABSOLUTE_MS // IDLE_MS * 2 - 1):
        city.time.pass_ms(IDLE_MS // 2)
        assert client.get("/api/v1/live").status_code == 200
    city.time.pass_ms(IDLE_MS // 2)
    assert client.get("/api/v1/live").status_code == 401


def test_a_page_of_another_site_cannot_send_anything(city: City) -> None:
    client = city.logged_in(Role.REGULATOR)
    data = {"csrf_token": csrf_of(client)}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
    ):
        answer = client.post("/logout", data=data, headers=headers)
        assert answer.status_code == 403, headers
    assert client.get("/api/v1/live").status_code == 200


def test_guessing_is_slowed_down(city: City) -> None:
    client = city.client()
    for _ in range(FAILURES_PER_ACCOUNT):
        assert log_in(client, PEOPLE[Role.REGULATOR], "wrong") == 401
    assert log_in(client, PEOPLE[Role.REGULATOR], PASSWORD) == 429
    assert log_in(client, PEOPLE[Role.OPERATOR_MANAGER], PASSWORD) == 303
    city.time.pass_ms(WINDOW_MS)
    assert log_in(city.client(), PEOPLE[Role.REGULATOR], PASSWORD) == 303


def test_the_answer_says_how_long_to_wait(city: City) -> None:
    client = city.client()
    for _ in range(FAILURES_PER_ACCOUNT):
        log_in(client, PEOPLE[Role.REGULATOR], "wrong")
    city.time.pass_ms(60_000)
    data = {"email": PEOPLE[Role.REGULATOR], "password": PASSWORD, "csrf_token": csrf_of(client)}
    assert client.post("/login", data=data).headers["Retry-After"] == "240"


def test_one_caller_cannot_try_many_accounts() -> None:
    throttle = LoginThrottle(Time())
    for number in range(FAILURES_PER_CALLER):
        assert throttle.attempt("192.0.2.7", f"{number}@city.example") == 0
    assert throttle.attempt("192.0.2.7", "another@city.example") > 0
    assert throttle.attempt("192.0.2.8", "another@city.example") == 0


def test_a_network_of_ipv6_is_one_caller() -> None:
    throttle = LoginThrottle(Time())
    waits = [throttle.attempt(f"2001:db8:1:2::{number:x}", "a@city.example") for number in range(FAILURES_PER_ACCOUNT)]
    assert waits == [0] * FAILURES_PER_ACCOUNT
    assert throttle.attempt("2001:db8:1:2:ffff::1", "a@city.example") > 0
    assert throttle.attempt("2001:db8:1:3::1", "a@city.example") == 0


def test_many_callers_slow_an_account_down_but_do_not_lock_its_owner_out() -> None:
    time = Time()
    throttle = LoginThrottle(time)
    assert throttle.attempt("192.0.2.1", "a@city.example") == 0
    throttle.succeeded("192.0.2.1", "a@city.example")
    for number in range(FAILURES_FROM_ANYWHERE):
        assert throttle.attempt(f"198.51.100.{number}", "a@city.example") == 0
    pauses = []
    for number in range(8):
        wait_s = throttle.attempt(f"203.0.113.{number}", "a@city.example")
        pauses.append(wait_s)
        time.pass_ms(wait_s * 1_000)
        assert throttle.attempt(f"203.0.113.{number}", "a@city.example") == 0
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert throttle.attempt("192.0.2.1", "a@city.example") == 0
    assert throttle.attempt("192.0.2.9", "b@city.example") == 0


def test_attempts_at_once_do_not_slip_through() -> None:
    throttle = LoginThrottle(Time())
    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(lambda _: throttle.attempt("192.0.2.7", "a@city.example"), range(64)))
    assert waits.count(0) == FAILURES_PER_ACCOUNT


def test_what_the_throttle_remembers_is_bounded() -> None:
    time = Time()
    throttle = LoginThrottle(time)
    for number in range(10_100):
        throttle.attempt(f"10.0.{number // 250}.{number % 250}", f"{number}@city.example")
        throttle.succeeded(f"10.0.{number // 250}.{number % 250}", f"{number}@city.example")
        throttle.attempt(f"10.1.{number // 250}.{number % 250}", f"{number}@city.example")
    assert len(throttle._failures) <= 10_000
    assert len(throttle._familiar) <= 10_000


def test_an_unknown_person_costs_as_much_as_a_known_one(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of hashes is computed: no clock could tell this more surely."""
    verified: list[str] = []
    genuine = PasswordHasher.verify

    def counting(self: PasswordHasher, password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return genuine(self, password_hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    client = city.client()
    for email in (PEOPLE[Role.REGULATOR], "nobody@city.example"):
        assert log_in(client, email, "wrong") == 401
    assert len(verified) == 2
    assert verified[0].split("$")[:4] == verified[1].split("$")[:4]


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "caller"),
    [
        ("0", "127.0.0.1", "198.51.100.1", "127.0.0.1"),
        ("1", "127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("1", "127.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("2", "127.0.0.1", "198.51.100.1, 10.0.0.1", "198.51.100.1"),
        ("127.0.0.1", "127.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1,10.0.0.0/8", "127.0.0.1", "192.0.2.66, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        ("10.0.0.0/8", "192.0.2.5", "198.51.100.1", "192.0.2.5"),
        ("::1", "::1", "198.51.100.1", "198.51.100.1"),
        ("1", "127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_the_caller_is_the_one_behind_the_trusted_proxies(trusted: str, peer: str, forwarded: str, caller: str) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: request.remote_addr or "")
    proxies.install(app, TrustedProxies.parse(trusted))
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = app.test_client().get("/", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert answer.text == caller


@pytest.mark.parametrize("bad", ["", "-1", "x", "10.0.0.5/33", "10.0.0.1/8", "1,", "²"])
def test_proxies_are_a_number_or_addresses(bad: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the settings say which one it is
        TrustedProxies.parse(bad)
