"""No secret is ever told: not in a log, however much is logged, nor in any answer but the one that hands it out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from app.database import changing_session
from app.models import Role, User
from app.services.second_factor import enrol
from app.web.auth import cipher
from tests.app.web.cast import PASSWORD, SECRET, csrf_of, email_of, log_in
from tests.app.web.hostile_city import Attack, hostile_city
from tests.app.web.hostile_routes import looked_at, routes

_WRONG = "a-wrong-passphrase-of-somebody"
_MISPLACED = "a-secret-in-the-wrong-field"


@pytest.fixture
def fresh(tmp_path: Path, registry: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Attack]:
    caplog.set_level(logging.DEBUG)
    with hostile_city(tmp_path, registry) as attack:
        yield attack


def test_nothing_tells_a_secret(fresh: Attack, caplog: pytest.LogCaptureFixture) -> None:
    """Secrets are handed out and typed wrongly everywhere; then everything is looked at, and the database fails."""
    manager = fresh.city.logged_in(Role.OPERATOR_MANAGER)
    secrets = {SECRET, PASSWORD, _WRONG, _MISPLACED, *_handed_out(fresh, manager), *_enrolled(fresh)}
    secrets |= {fresh.city.settings.key_for(purpose).hex() for purpose in ("session", "totp", "interrupted", "webhook")}
    told = "".join(_typed_wrongly(fresh, manager)) + "".join(_everything(fresh))
    told += "".join(_with_a_broken_database(fresh, manager))
    cookie = manager.get_cookie("pilotage_session")
    assert cookie is not None
    assert not [secret for secret in secrets if secret in told]
    assert not [secret for secret in {*secrets, cookie.value, csrf_of(manager)} if secret in caplog.text]
    assert "argon2" not in told + caplog.text
    assert "the database failed" in caplog.text


def _handed_out(fresh: Attack, manager: FlaskClient) -> Iterator[str]:
    """What is shown once: an API token, a vehicle's token, a webhook's secret, a temporary password."""
    headers = {"X-CSRF-Token": csrf_of(manager)}
    body = {"name": "program", "scopes": ["read"], "days": 3}
    issued = manager.post("/api/v1/tokens", json=body, headers=headers)
    assert issued.status_code == 201, issued.text
    yield issued.get_json()["token"]
    version = manager.get("/api/v1/vehicles/NORTH-R1").headers["ETag"]
    rotated = manager.post("/api/v1/vehicles/NORTH-R1/credential", headers={**headers, "If-Match": version})
    assert rotated.status_code == 200, rotated.text
    yield rotated.get_json()["token"]
    channel = {"name": "Hook", "kind": "webhook", "address": "https://hooks.example.com/", "topics": ["alerts"]}
    added = manager.post("/api/v1/notifications/channels", json=channel, headers=headers)
    assert added.status_code == 201, added.text
    yield added.get_json()["secret"]
    person = {"email": "new@north.example", "display_name": "New", "role": "operator_staff", "organisation": "NORTH"}
    invited = manager.post("/api/v1/users", json=person, headers=headers)
    assert invited.status_code == 201, invited.text
    yield invited.get_json()["temporary_password"]
    yield fresh.city.bearer(Role.ADMINISTRATOR)["Authorization"].removeprefix("Bearer ")


def _enrolled(fresh: Attack) -> Iterator[str]:
    """A second factor with its recovery codes."""
    secret = pyotp.random_base32()
    with fresh.app.app_context(), changing_session(fresh.city.engine) as session:
        auditor = session.scalars(select(User).where(User.email == email_of(Role.AUDITOR))).one()
        code = pyotp.TOTP(secret).at(fresh.city.time() // 1000)
        codes = enrol(session, auditor, secret=secret, code=code, cipher=cipher(), now_ms=fresh.city.time())
    yield from (secret, *codes)


def _typed_wrongly(fresh: Attack, manager: FlaskClient) -> Iterator[str]:
    """Secrets in a login, in a change of password, in fields and places where none belongs."""
    stranger, headers = fresh.city.client(), {"X-CSRF-Token": csrf_of(manager)}
    assert log_in(stranger, email_of(Role.REGULATOR), _WRONG) == 401
    data = {"email": "nobody@x.example", "password": _WRONG, "csrf_token": csrf_of(stranger)}
    yield stranger.post("/login", data=data).text
    fields = {"old": _WRONG, "new": "short", "again": _WRONG, "old_password": _WRONG, "new_password": _WRONG}
    yield manager.post("/desk/account/password", data=fields, headers=headers).text
    for route in routes(fresh):
        if route.method in {"POST", "PUT"} and not route.is_page:
            body = {"password": _MISPLACED, "token": _MISPLACED, "reason": [_MISPLACED]}
            yield (
                fresh.city.client()
                .open(route.url, method=route.method, json=body, headers=fresh.city.bearer(Role.ADMINISTRATOR))
                .text
            )
    for value in (f"Bearer {_MISPLACED}", f"Basic {_MISPLACED}", _MISPLACED):
        yield stranger.get("/api/v1/live", headers={"Authorization": value}).text


def _everything(fresh: Attack) -> Iterator[str]:
    client = fresh.city.logged_in(Role.ADMINISTRATOR)
    for route in looked_at(fresh):
        if Role.ADMINISTRATOR in route.roles():
            yield client.get(route.url, buffered=True).data.decode(errors="replace")


def _with_a_broken_database(fresh: Attack, manager: FlaskClient) -> Iterator[str]:
    """Every statement that writes fails, with all that it was about to write."""

    def fail(_c: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            raise OperationalError(statement, parameters, RuntimeError("disk I/O error"), hide_parameters=True)

    headers = {"X-CSRF-Token": csrf_of(manager)}
    event.listen(fresh.city.engine, "before_cursor_execute", fail)
    try:
        body = {"name": "program", "scopes": ["read"], "days": 3}
        answer = manager.post("/api/v1/tokens", json=body, headers=headers)
        assert answer.status_code == 503
        yield answer.text
        stranger = fresh.city.client()
        data = {"email": email_of(Role.REGULATOR), "password": PASSWORD, "csrf_token": csrf_of(stranger)}
        yield stranger.post("/login", data=data).text
    finally:
        event.remove(fresh.city.engine, "before_cursor_execute", fail)


def test_errors_of_the_database_name_no_values(fresh: Attack) -> None:
    assert fresh.city.engine.hide_parameters
