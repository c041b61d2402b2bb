"""Logging in through an OpenID Connect provider."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import OctKey, RSAKey
from werkzeug.test import TestResponse

from app.database import changing_session, reading_session
from app.models import AuditEntry, Role
from app.services.users import disable_user, user_by_email
from app.settings import OpenIdProvider
from tests.app.web.cast import PEOPLE, City, small_city
from tests.app.web.provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider

REGULATOR = PEOPLE[Role.REGULATOR]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        provider.claims = {"sub": "s-1", "email": REGULATOR, "email_verified": True}
        yield provider


@pytest.fixture
def joined(tmp_path: Path, registry: Path, provider: Provider) -> Iterator[City]:
    """The city with the provider; regulators need a second factor."""
    openid = OpenIdProvider(provider.issuer, CLIENT_ID, CLIENT_SECRET, "City <login>")
    with small_city(tmp_path, registry, openid=openid, second_factor_required=True) as city:
        yield city


def query_of(location: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(location).query))


def come_back(client: FlaskClient, provider: Provider, wanted: str = "", **changes: str) -> TestResponse:
    """The whole way to the provider and back."""
    begun = client.get("/login/openid", query_string={"next": wanted})
    assert begun.status_code == 302
    assert begun.location.startswith(f"{provider.issuer}/authorize?")
    answer = {"code": provider.authorize(begun.location), "state": query_of(begun.location)["state"]}
    return client.get("/login/openid/callback", query_string=answer | changes)


def is_logged_in(client: FlaskClient) -> bool:
    return client.get("/api/v1/live").status_code == 200


def test_the_login_page_offers_the_provider(joined: City, city: City) -> None:
    text = joined.client().get("/login?next=/duty").text
    assert "/login/openid?next=/duty" in text
    assert "City &lt;login&gt;" in text
    assert "/login/openid" not in city.client().get("/login").text
    assert city.client().get("/login/openid").status_code == 404
    assert city.client().get("/login/openid/callback").status_code == 404


def test_what_the_provider_is_asked(joined: City) -> None:
    asked = query_of(joined.client().get("/login/openid").location)
    assert asked["client_id"] == CLIENT_ID
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://localhost/login/openid/callback"
    assert {"openid", "email"} <= set(asked["scope"].split())
    assert asked["nonce"]
    assert asked["state"]
    assert CLIENT_SECRET not in str(asked)


def test_a_verified_address_links_the_user_at_the_first_time(joined: City, provider: Provider) -> None:
    client = joined.client()
    answer = come_back(client, provider, "/desk/account")
    assert (answer.status_code, answer.location) == (303, "/desk/account")
    assert client.get("/duty").status_code == 200, "the second factor is the provider's"
    with reading_session(joined.engine) as session:
        user = user_by_email(session, REGULATOR)
        assert (user.oidc_issuer, user.oidc_subject) == (provider.issuer, "s-1")
        assert session.query(AuditEntry).filter_by(action="user.linked").count() == 1
    provider.claims["email"] = "renamed@city.example"
    again = joined.client()
    assert come_back(again, provider).status_code == 303
    assert is_logged_in(again)


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email": "nobody@city.example"},
        {"email": None},
        {"email": ["regulator@city.example"]},
    ],
)
def test_nobody_else_is_let_in_or_made(joined: City, provider: Provider, claims: dict[str, object]) -> None:
    provider.claims |= claims
    client = joined.client()
    assert come_back(client, provider).status_code == 403
    assert not is_logged_in(client)


def test_a_linked_user_is_not_taken_over_by_another_subject(joined: City, provider: Provider) -> None:
    assert come_back(joined.client(), provider).status_code == 303
    provider.claims["sub"] = "s-2"
    client = joined.client()
    assert come_back(client, provider).status_code == 403
    assert not is_logged_in(client)


def test_a_disabled_user_stays_out(joined: City, provider: Provider) -> None:
    client = joined.client()
    come_back(client, provider)
    with changing_session(joined.engine) as session:
        user, actor = user_by_email(session, REGULATOR), user_by_email(session, PEOPLE[Role.ADMINISTRATOR])
        disable_user(session, user, actor=actor, now_ms=joined.time(), reason="x")
    assert not is_logged_in(client)
    assert come_back(client, provider).status_code == 403


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody else"},
        {"aud": ["somebody else"], "azp": CLIENT_ID},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": lambda: int(time.time()) - 600},
        {"exp": None},
        {"iat": lambda: int(time.time()) + 600},
        {"sub": None},
    ],
)
def test_an_id_token_that_does_not_fit_is_refused(joined: City, provider: Provider, lie: dict[str, object]) -> None:
    provider.lies = {claim: value() if callable(value) else value for claim, value in lie.items()}
    client = joined.client()
    assert come_back(client, provider).status_code == 401
    assert not is_logged_in(client)


def _another_key(provider: Provider) -> None:
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "k1"})


def _another_algorithm(provider: Provider) -> None:
    provider.algorithm = "HS256"
    provider.signing_key = OctKey.import_key(CLIENT_SECRET * 4)


@pytest.mark.parametrize("forge", [_another_key, _another_algorithm])
def test_an_id_token_that_somebody_else_signed_is_refused(
    joined: City, provider: Provider, forge: Callable[[Provider], None]
) -> None:
    forge(provider)
    client = joined.client()
    assert come_back(client, provider).status_code == 401
    assert not is_logged_in(client)


def test_the_answer_belongs_to_the_browser_that_asked(joined: City, provider: Provider) -> None:
    client = joined.client()
    assert come_back(client, provider, state="another").status_code == 401
    location = client.get("/login/openid").location
    stolen = {"code": provider.authorize(location), "state": query_of(location)["state"]}
    assert joined.client().get("/login/openid/callback", query_string=stolen).status_code == 401
    assert client.get("/login/openid/callback", query_string=stolen).status_code == 303
    assert joined.client().get("/login/openid/callback").status_code == 401
    assert joined.client().get("/login/openid/callback?error=access_denied&state=x").status_code == 401


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/\\evil.example", ""])
def test_it_leads_to_this_server_only(joined: City, provider: Provider, wanted: str) -> None:
    assert come_back(joined.client(), provider, wanted).location == "/duty"


def test_a_provider_that_is_gone_is_told_in_words(
    tmp_path: Path, registry: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "app")
    openid = OpenIdProvider("http://127.0.0.1:1", CLIENT_ID, CLIENT_SECRET, "Gone")
    with small_city(tmp_path, registry, openid=openid) as city:
        answer = city.client().get("/login/openid")
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert CLIENT_SECRET not in caplog.text
