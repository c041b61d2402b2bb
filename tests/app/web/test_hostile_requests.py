"""Requests that pretend: to be of our pages, of somebody else, for another host, or of another method."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.database import changing_session, reading_session
from app.models import AuditHead, Role, User
from app.services.users import disable_user
from app.web import access
from tests.app.web.cast import PASSWORD, SOUTH_MANAGER, City, csrf_of, email_of
from tests.app.web.hostile_city import Attack
from tests.app.web.hostile_routes import looked_at, routes

_ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/%09/evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    " https://evil.example",
    "/\r\nSet-Cookie: a=b",
    "/login@evil.example",
    "http://localhost@evil.example/",
    "/\u2028/evil.example",
)
_REGISTER = "/api/v1/officers/N-ON"


def _stays(location: str) -> bool:
    parts = urlsplit(location)
    return not parts.scheme and not parts.netloc and location.startswith("/") and location[1:2] not in {"/", "\\"}


def test_a_login_leads_to_pages_of_this_server_only(city: City) -> None:
    for wanted in _ELSEWHERE:
        client = city.client()
        data = {"email": email_of(Role.AUDITOR), "password": PASSWORD, "next": wanted, "csrf_token": csrf_of(client)}
        answer = client.post("/login", data=data)
        assert answer.status_code == HTTPStatus.SEE_OTHER, wanted
        assert _stays(answer.location), wanted
        assert not set(answer.location) & set("\r\n")


def test_the_switch_of_language_leads_to_pages_of_this_server_only(city: City) -> None:
    for referrer in _ELSEWHERE:
        # What no header can carry is tried as a page of ours that is called so.
        header = f"http://localhost/{quote(referrer)}" if not referrer.isprintable() else referrer
        answer = city.client().get("/lang/en", headers={"Referer": header})
        assert _stays(answer.location), referrer


def test_no_redirect_follows_a_parameter_or_a_header(attack: Attack) -> None:
    """Every page, asked with an address of somebody else in every place where one could be taken from."""
    clients = {
        role: attack.city.logged_in(role) for role in (Role.REGULATOR, Role.OPERATOR_MANAGER, Role.ADMINISTRATOR)
    }
    evil = "https://evil.example/"
    query = dict.fromkeys(("next", "url", "return", "return_to", "redirect", "continue", "target", "back", "go"), evil)
    headers = {"Referer": evil, "X-Forwarded-Host": "evil.example", "X-Original-URL": evil, "X-Rewrite-URL": evil}
    for route in looked_at(attack):
        client = next(clients[role] for role in clients if role in route.roles())
        answer = client.get(route.url, query_string=query, headers=headers, buffered=True)
        assert _stays(answer.headers.get("Location", "/")), route.url
        if answer.mimetype == "text/html":
            assert 'href="https://evil' not in answer.text, route.url
            assert 'action="https://evil' not in answer.text, route.url
        disposition = answer.headers.get("Content-Disposition", "")
        assert not set(disposition) & set("\r\n"), route.url


def test_a_proxy_that_nobody_trusts_changes_no_link(city: City) -> None:
    answer = city.client().get("/", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert "evil.example" not in answer.text


def test_the_address_on_paper_is_the_one_of_the_settings(attack: Attack) -> None:
    """Whoever asks for the notice under another name must not choose where its QR code leads."""
    client = attack.city.logged_in(Role.REGULATOR)
    settings = attack.city.settings
    number = attack.objects["permit"]
    answer = client.get(f"/desk/permits/{number}", headers={"X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in answer.text
    assert settings.public_url is None or settings.public_url in answer.text


# --- other methods and other kinds of content ---------------------------------------------------


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_does_not_change_the_method(city: City, header: str) -> None:
    client = city.logged_in(Role.OPERATOR_MANAGER)
    token = csrf_of(client)
    for method in ("DELETE", "PUT"):
        answer = client.get("/api/v1/vehicles/NORTH-R1", headers={header: method, "X-CSRF-Token": token})
        assert answer.get_json()["vehicle_id"] == "NORTH-R1"
        answer = client.post("/api/v1/vehicles/NORTH-R1", headers={header: method, "X-CSRF-Token": token})
        assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED


def test_head_and_options_tell_and_change_nothing(attack: Attack) -> None:
    client, before = attack.city.client(), _head(attack.city)
    for route in routes(attack):
        if route.endpoint in access.PUBLIC:
            continue
        for method in ("HEAD", "OPTIONS", "TRACE"):
            answer = client.open(route.url, method=method, environ_base={"REMOTE_ADDR": "192.0.2.7"})
            told = answer.status_code < HTTPStatus.MULTIPLE_CHOICES and (answer.data or method != "OPTIONS")
            assert not told, (method, route.url)
    assert _head(attack.city) == before


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json", ""]
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
def test_another_site_cannot_send_json_in_a_users_name(attack: Attack, kind: str, headers: dict[str, str]) -> None:
    client, before = attack.city.logged_in(Role.OPERATOR_MANAGER), _head(attack.city)
    for url in ("/api/v1/officers", "/api/v1/vehicles/NORTH-R1/credential", "/desk/vehicles/NORTH-R1/status"):
        answer = client.post(url, data=b'{"reason":"x"}', content_type=kind or None, headers=headers)
        assert answer.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}, url
    assert _head(attack.city) == before


def test_every_change_wants_the_token_of_its_own_session(attack: Attack) -> None:
    """Without a token, with a made-up one, and with that of somebody else who is logged in."""
    other = csrf_of(attack.city.logged_in(SOUTH_MANAGER))
    clients = {role: attack.city.logged_in(role) for role in Role}
    before = _head(attack.city)
    for client in clients.values():
        csrf_of(client)
    for route in routes(attack):
        if route.method == "GET" or route.endpoint in access.PUBLIC:
            continue
        client = next(clients[role] for role in route.roles())
        for token in ("", "x" * 43, other):
            answer = client.open(route.url, method=route.method, headers={"X-CSRF-Token": token} if token else {})
            assert answer.status_code == HTTPStatus.BAD_REQUEST, (route.method, route.url)
    assert _head(attack.city) == before


# --- cookies and tokens --------------------------------------------------------------------------


def test_a_cookie_that_was_tampered_with_is_nobodys(city: City) -> None:
    client = city.logged_in(Role.ADMINISTRATOR)
    cookie = client.get_cookie("pilotage_session")
    assert cookie is not None
    value = cookie.value
    half = len(value) // 2
    for forged in (value[:-1], value + "A", "." + value, value.split(".")[0] + "..", value[:half] + "A" + value[half:]):
        stranger = city.client()
        stranger.set_cookie("pilotage_session", forged)
        assert stranger.get("/api/v1/users").status_code == HTTPStatus.UNAUTHORIZED, forged
    assert client.get("/api/v1/users").status_code == HTTPStatus.OK


def test_a_disabled_user_is_out_at_once_by_session_and_by_token(city: City) -> None:
    client, headers = city.logged_in(Role.AUDITOR), city.bearer(Role.AUDITOR)
    assert _reads(client, {}) == _reads(city.client(), headers) == HTTPStatus.OK
    with changing_session(city.engine) as session:
        auditor = session.scalars(select(User).where(User.email == email_of(Role.AUDITOR))).one()
        admin = session.scalars(select(User).where(User.email == email_of(Role.ADMINISTRATOR))).one()
        disable_user(session, auditor, actor=admin, now_ms=city.time(), reason="gone")
    assert _reads(client, {}) == _reads(city.client(), headers) == HTTPStatus.UNAUTHORIZED


def _reads(client: FlaskClient, headers: dict[str, str]) -> int:
    return client.get("/api/v1/vehicles", headers=headers).status_code


def _head(city: City) -> int:
    with reading_session(city.engine) as session:
        return session.scalars(select(AuditHead.number)).one()
