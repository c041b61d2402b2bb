"""Users and their accounts: who makes whom, what ends when somebody is shut out, tokens, duties."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from flask.testing import FlaskClient

from app.audit_check import faults
from app.database import changing_session, reading_session
from app.models import AuditEntry, Role, User
from app.services.users import disable_user, user_by_email
from app.web import streams
from tests.app.web.cast import DAY_MS, PASSWORD, PEOPLE, SOUTH_MANAGER, City, csrf_of, log_in, small_city

ADMINISTRATOR, REGULATOR = PEOPLE[Role.ADMINISTRATOR], PEOPLE[Role.REGULATOR]
NEW_PASSWORD = "another good password"


@pytest.fixture
def strict(tmp_path: Path, registry: Path) -> Iterator[City]:
    """The city where regulators need a second factor."""
    with small_city(tmp_path, registry, second_factor_required=True) as city:
        yield city


def post(client: FlaskClient, path: str, **fields: object) -> tuple[int, str]:
    """Sends a form with the session's token."""
    with client.session_transaction() as session:
        token = session.setdefault("csrf_token", "t" * 32)
    answer = client.post(path, data={"csrf_token": token, **fields})
    return answer.status_code, answer.text


def id_of(city: City, email: str) -> int:
    with reading_session(city.engine) as session:
        return user_by_email(session, email).id


def entries(city: City, action: str) -> list[AuditEntry]:
    with reading_session(city.engine) as session:
        assert list(faults(session)) == []
        return session.query(AuditEntry).filter_by(action=action).all()


def secret_in(text: str) -> str:
    found = re.search(r"<code>([^<]+)</code>", text)
    assert found is not None
    return found[1]


def create(client: FlaskClient, **changes: object) -> tuple[int, str]:
    fields = {"email": "New@City.Example", "display_name": "New <b>Person</b>", "role": "auditor"}
    return post(client, "/desk/users/new", **(fields | changes))


def test_an_administrator_creates_users_of_every_role(city: City) -> None:
    client = city.logged_in(Role.ADMINISTRATOR)
    for number, role in enumerate(Role):
        own = {"organisation": "NORTH"} if role.startswith("operator") else {}
        own |= {"jurisdictions": "QH"} if role is Role.REGULATOR else {}
        status, text = create(client, email=f"new{number}@city.example", role=role.value, **own)
        assert status == 200, role
        assert "New <b>Person</b>" not in text
        assert log_in(city.client(), f"new{number}@city.example", secret_in(text)) == 303
    with reading_session(city.engine) as session:
        regulator = session.query(User).filter_by(email="new1@city.example").one()
        assert [jurisdiction.code for jurisdiction in regulator.jurisdictions] == ["QH"]
    told = entries(city, "user.created")[-1]
    assert told.actor == ADMINISTRATOR


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "no address"},
        {"email": ADMINISTRATOR},
        {"email": "Admin@CITY.example"},
        {"email": f"{'x' * 200}@city.example"},
        {"display_name": ""},
        {"display_name": "two\nlines"},
        {"role": "root"},
        {"role": "operator_staff"},
        {"role": "operator_staff", "organisation": "NOBODY"},
        {"role": "regulator"},
        {"role": "regulator", "jurisdictions": "MOON"},
        {"role": "auditor", "jurisdictions": "QH"},
    ],
)
def test_what_does_not_fit_is_shown_again(city: City, wrong: dict[str, str]) -> None:
    status, text = create(city.logged_in(Role.ADMINISTRATOR), **wrong)
    assert status == 422
    assert 'aria-invalid="true"' in text or 'role="alert"' in text
    assert entries(city, "user.created")[-1].actor == "platform"


def test_a_temporary_password_is_changed_before_anything_else(city: City) -> None:
    _, text = create(city.logged_in(Role.ADMINISTRATOR))
    client, temporary = city.client(), secret_in(text)
    assert log_in(client, "new@city.example", temporary) == 303
    assert client.get("/duty").location == "/desk/account/password"
    assert client.get("/desk/users").location == "/desk/account/password"
    refused = client.get("/api/v1/live")
    assert refused.status_code == 403
    assert refused.get_json()["code"] == "change_password"
    change = {"old_password": temporary, "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD}
    assert post(client, "/desk/account/password", **change)[0] == 303
    assert client.get("/duty").status_code == 200
    assert log_in(city.client(), "new@city.example", temporary) == 401
    assert log_in(city.client(), "new@city.example", NEW_PASSWORD) == 303


def test_a_manager_manages_its_own_operators_and_nobody_else(city: City) -> None:
    client = city.logged_in(Role.OPERATOR_MANAGER)
    listed = client.get("/desk/users").text
    assert PEOPLE[Role.OPERATOR_STAFF] in listed
    for email in (ADMINISTRATOR, REGULATOR, SOUTH_MANAGER):
        assert email not in listed
        for path in ("", "/edit"):
            assert client.get(f"/desk/users/{id_of(city, email)}{path}").status_code == 404
        for action in ("disable", "enable", "password", "second-factor"):
            assert post(client, f"/desk/users/{id_of(city, email)}/{action}", reason="x")[0] == 404
    assert create(client, role="operator_staff")[0] == 200
    assert create(client, email="more@north.example", role="operator_manager", organisation="SOUTH")[0] == 200
    for role in ("administrator", "auditor"):
        assert create(client, email="e@north.example", role=role)[0] == 422
    with reading_session(city.engine) as session:
        for email in ("new@city.example", "more@north.example"):
            organisation = user_by_email(session, email).organisation
            assert organisation is not None
            assert organisation.code == "NORTH"


def test_a_manager_cannot_make_an_operator_more_than_that(city: City) -> None:
    headers = city.bearer(Role.OPERATOR_MANAGER)
    url = f"/api/v1/users/{id_of(city, PEOPLE[Role.OPERATOR_STAFF])}"
    seen = city.client().get(url, headers=headers)
    headers |= {"If-Match": seen.headers["ETag"]}
    body = {"display_name": "X", "role": "administrator"}
    assert city.client().put(url, json=body, headers=headers).status_code == 422
    body = {"display_name": "X", "role": "operator_staff", "organisation": "SOUTH"}
    assert city.client().put(url, json=body, headers=headers).status_code == 422


def test_who_is_disabled_is_out_at_once(city: City) -> None:
    victim, headers = city.logged_in(Role.OPERATOR_STAFF), city.bearer(Role.OPERATOR_STAFF)
    user_id = id_of(city, PEOPLE[Role.OPERATOR_STAFF])
    administrator = city.logged_in(Role.ADMINISTRATOR)
    assert victim.get("/api/v1/live").status_code == 200
    assert post(administrator, f"/desk/users/{user_id}/disable", reason=" ")[0] == 422
    assert post(administrator, f"/desk/users/{user_id}/disable", reason="left the company")[0] == 303
    assert victim.get("/api/v1/live").status_code == 401
    assert city.client().get("/api/v1/live", headers=headers).status_code == 401
    assert log_in(city.client(), PEOPLE[Role.OPERATOR_STAFF], PASSWORD) == 401
    told = entries(city, "user.disabled")[-1]
    assert (told.actor, told.reason) == (ADMINISTRATOR, "left the company")
    assert told.before is not None
    assert told.before["disabled_at_ms"] is None
    assert post(administrator, f"/desk/users/{user_id}/enable", reason="came back")[0] == 303
    assert log_in(city.client(), PEOPLE[Role.OPERATOR_STAFF], PASSWORD) == 303
    assert victim.get("/api/v1/live").status_code == 401
    assert city.client().get("/api/v1/live", headers=headers).status_code == 401


def test_an_open_stream_ends_for_who_is_disabled(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "ASKED_AGAIN_EVERY_S", 0.0)
    answer = city.logged_in(Role.OPERATOR_STAFF).get("/api/v1/live/stream")
    events = iter(answer.response)
    next(events)
    next(events)
    with changing_session(city.engine) as session:
        user, actor = (user_by_email(session, PEOPLE[role]) for role in (Role.OPERATOR_STAFF, Role.ADMINISTRATOR))
        disable_user(session, user, actor=actor, now_ms=city.time(), reason="left")
    assert list(events) == []
    answer.close()


def test_the_last_administrator_stays_and_nobody_shuts_themselves_out(city: City) -> None:
    client, own_id = city.logged_in(Role.ADMINISTRATOR), id_of(city, ADMINISTRATOR)
    for action in ("disable", "password"):
        assert post(client, f"/desk/users/{own_id}/{action}", reason="tired")[0] == 422
    assert _edit(client, own_id, role="auditor") == 422
    _, text = create(client, role="administrator")
    other, temporary = city.client(), secret_in(text)
    log_in(other, "new@city.example", temporary)
    change = {"old_password": temporary, "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD}
    post(other, "/desk/account/password", **change)
    assert post(other, f"/desk/users/{own_id}/disable", reason="replaced")[0] == 303
    assert client.get("/desk/users").status_code == 303
    assert _edit(other, id_of(city, "new@city.example"), role="auditor") == 422
    with reading_session(city.engine) as session:
        assert session.query(User).filter_by(role=Role.ADMINISTRATOR, disabled_at_ms=None).count() == 1


def _edit(client: FlaskClient, user_id: int, **fields: object) -> int:
    page = client.get(f"/desk/users/{user_id}/edit").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None
    return post(client, f"/desk/users/{user_id}/edit", **({"version": version[1], "display_name": "X"} | fields))[0]


def test_of_two_who_edit_a_user_the_second_is_told(city: City) -> None:
    client, user_id = city.logged_in(Role.ADMINISTRATOR), id_of(city, REGULATOR)
    fields = {"display_name": "First", "role": "regulator", "jurisdictions": ["QH", "BA"], "version": "1"}
    with reading_session(city.engine) as session:
        fields["version"] = str(user_by_email(session, REGULATOR).version)
    assert post(client, f"/desk/users/{user_id}/edit", **fields)[0] == 303
    status, text = post(client, f"/desk/users/{user_id}/edit", **(fields | {"display_name": "Second"}))
    assert status == 422
    assert 'value="Second"' in text
    with reading_session(city.engine) as session:
        user = user_by_email(session, REGULATOR)
        assert user.display_name == "First"
        assert len(user.jurisdictions) == 2


def test_a_forgotten_password_is_reset_and_everything_old_ends(city: City) -> None:
    victim, headers = city.logged_in(Role.AUDITOR), city.bearer(Role.AUDITOR)
    url = f"/desk/users/{id_of(city, PEOPLE[Role.AUDITOR])}/password"
    status, text = post(city.logged_in(Role.ADMINISTRATOR), url, reason="forgotten")
    assert status == 200
    assert victim.get("/api/v1/live").status_code == 401
    assert city.client().get("/api/v1/live", headers=headers).status_code == 401
    assert log_in(city.client(), PEOPLE[Role.AUDITOR], PASSWORD) == 401
    client = city.client()
    assert log_in(client, PEOPLE[Role.AUDITOR], secret_in(text)) == 303
    assert client.get("/duty").location == "/desk/account/password"


@pytest.mark.parametrize(
    "wrong",
    [
        {"old_password": "not my password"},
        {"new_password": "short", "repeated": "short"},
        {"repeated": "different"},
        {"new_password": PASSWORD, "repeated": PASSWORD},
        {"new_password": "abababababab", "repeated": "abababababab"},
        {"new_password": "Auditor@city.example", "repeated": "Auditor@city.example"},
        {"new_password": "x" * 1025, "repeated": "x" * 1025},
    ],
)
def test_a_bad_new_password_changes_nothing(city: City, wrong: dict[str, str]) -> None:
    fields = {"old_password": PASSWORD, "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD} | wrong
    status, text = post(city.logged_in(Role.AUDITOR), "/desk/account/password", **fields)
    assert status == 422
    assert all(value not in text for value in fields.values())
    assert log_in(city.client(), PEOPLE[Role.AUDITOR], PASSWORD) == 303


def test_a_short_new_password_is_told_how_long_one_is(city: City) -> None:
    fields = {"old_password": PASSWORD, "new_password": "short", "repeated": "short"}
    _status, text = post(city.logged_in(Role.AUDITOR), "/desk/account/password", **fields)
    assert "密码长度须为 8 至 1024 个字符。" in text


def test_guessing_the_old_password_is_slowed_down(city: City) -> None:
    client = city.logged_in(Role.AUDITOR)
    fields = {"old_password": "wrong", "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD}
    statuses = [post(client, "/desk/account/password", **fields)[0] for _ in range(6)]
    assert statuses == [422] * 5 + [429]


def test_a_new_password_ends_the_other_sessions(city: City) -> None:
    here, elsewhere = city.logged_in(Role.AUDITOR), city.logged_in(Role.AUDITOR)
    fields = {"old_password": PASSWORD, "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD}
    assert post(here, "/desk/account/password", **fields)[0] == 303
    assert here.get("/api/v1/live").status_code == 200
    assert elsewhere.get("/api/v1/live").status_code == 401


def test_one_logs_out_everywhere_else(city: City) -> None:
    here, elsewhere = city.logged_in(Role.AUDITOR), city.logged_in(Role.AUDITOR)
    assert post(here, "/desk/account/sessions/end")[0] == 303
    assert here.get("/api/v1/live").status_code == 200
    assert elsewhere.get("/api/v1/live").status_code == 401


def test_name_and_language_are_ones_own(city: City) -> None:
    client = city.logged_in(Role.AUDITOR)
    assert post(client, "/desk/account", display_name="审计员", locale="en")[0] == 303
    assert '<html lang="en">' in client.get("/desk/account", headers={"Accept-Language": "zh-CN"}).text
    assert "审计员" in client.get("/desk/account").text
    again = city.client()
    log_in(again, PEOPLE[Role.AUDITOR], PASSWORD)
    assert '<html lang="en">' in again.get("/desk/account", headers={"Accept-Language": "zh-CN"}).text
    assert post(client, "/desk/account", display_name="X", locale="tlh")[0] == 422


def enrol(city: City, client: FlaskClient) -> tuple[str, list[str]]:
    """Sets the second factor up; the secret and the recovery codes."""
    secret = secret_in(client.get("/desk/account/second-factor").text).replace(" ", "")
    status, text = post(client, "/desk/account/second-factor", one_time_code=code_of(city, secret))
    assert status == 200
    codes = re.findall(r"<code>([A-Z2-9-]{19})</code>", text)
    assert len(set(codes)) == 10
    return secret, codes


def code_of(city: City, secret: str) -> str:
    return str(pyotp.TOTP(secret).at(city.time() // 1000))


def half_open(city: City, email: str = REGULATOR) -> FlaskClient:
    """Somebody who gave the right password."""
    client = city.client()
    assert log_in(client, email, PASSWORD) == 200
    return client


def test_a_regulator_without_second_factor_can_do_nothing_but_enrol(strict: City) -> None:
    client = strict.client()
    assert log_in(client, REGULATOR, PASSWORD) == 303
    for path in ("/duty", "/desk/zones", "/desk/account", "/desk/audit"):
        assert client.get(path).location == "/desk/account/second-factor", path
    assert client.get("/api/v1/live").get_json()["code"] == "enrol_second_factor"
    assert post(client, "/desk/account/tokens", name="x", scopes="read")[0] == 303
    assert post(client, "/desk/account/second-factor", one_time_code="000000")[0] == 422
    enrol(strict, client)
    assert client.get("/duty").status_code == 200
    assert strict.logged_in(Role.AUDITOR).get("/duty").status_code == 200


def test_then_the_login_asks_for_the_code(strict: City) -> None:
    first = strict.client()
    log_in(first, REGULATOR, PASSWORD)
    secret, _ = enrol(strict, first)
    client = half_open(strict)
    for path in ("/api/v1/live", "/duty", "/desk/account"):
        assert client.get(path).status_code in {303, 401}
    assert post(client, "/login/code", one_time_code="000000")[0] == 401
    used = code_of(strict, secret)
    assert post(client, "/login/code", one_time_code=used)[0] == 401, "it enrolled with this one"
    strict.time.pass_ms(30_000)
    code = code_of(strict, secret)
    assert post(client, "/login/code", one_time_code=f" {code[:3]} {code[3:]} ")[0] == 303
    assert client.get("/duty").status_code == 200
    assert post(half_open(strict), "/login/code", one_time_code=code)[0] == 401, "a code works once"


def test_a_code_alone_opens_nothing(strict: City) -> None:
    first = strict.client()
    log_in(first, REGULATOR, PASSWORD)
    secret, _ = enrol(strict, first)
    strict.time.pass_ms(30_000)
    assert post(strict.client(), "/login/code", one_time_code=code_of(strict, secret))[0] == 401
    late = half_open(strict)
    strict.time.pass_ms(5 * 60_000)
    assert post(late, "/login/code", one_time_code=code_of(strict, secret))[0] == 401


def test_a_half_open_login_ends_when_the_user_is_changed(strict: City) -> None:
    first = strict.client()
    log_in(first, REGULATOR, PASSWORD)
    secret, _ = enrol(strict, first)
    strict.time.pass_ms(30_000)
    client = half_open(strict)
    post(strict.logged_in(Role.ADMINISTRATOR), f"/desk/users/{id_of(strict, REGULATOR)}/disable", reason="x")
    assert post(client, "/login/code", one_time_code=code_of(strict, secret))[0] == 401


def test_guessing_codes_is_slowed_down(strict: City) -> None:
    first = strict.client()
    log_in(first, REGULATOR, PASSWORD)
    enrol(strict, first)
    client = half_open(strict)
    statuses = [post(client, "/login/code", one_time_code=f"{number:06}")[0] for number in range(6)]
    assert statuses == [401] * 5 + [429]


def test_a_recovery_code_replaces_the_app_once(strict: City) -> None:
    first = strict.client()
    log_in(first, REGULATOR, PASSWORD)
    _, codes = enrol(strict, first)
    assert post(half_open(strict), "/login/code", one_time_code=codes[3].lower())[0] == 303
    assert post(half_open(strict), "/login/code", one_time_code=codes[3])[0] == 401
    assert post(half_open(strict), "/login/code", one_time_code=codes[4].replace("-", " "))[0] == 303
    assert len(entries(strict, "recovery_code.used")) == 2
    assert post(half_open(strict, REGULATOR), "/login/code", one_time_code=codes[3][::-1])[0] == 401


def test_new_recovery_codes_make_the_old_ones_worthless(strict: City) -> None:
    client = strict.client()
    log_in(client, REGULATOR, PASSWORD)
    secret, old = enrol(strict, client)
    assert post(client, "/desk/account/second-factor/recovery-codes", one_time_code="000000")[0] == 422
    strict.time.pass_ms(30_000)
    status, text = post(client, "/desk/account/second-factor/recovery-codes", one_time_code=code_of(strict, secret))
    assert status == 200
    new = re.findall(r"<code>([A-Z2-9-]{19})</code>", text)
    assert not set(new) & set(old)
    assert post(half_open(strict), "/login/code", one_time_code=old[0])[0] == 401
    assert post(half_open(strict), "/login/code", one_time_code=new[0])[0] == 303


def test_the_secret_is_encrypted_for_its_user_alone(strict: City) -> None:
    client = strict.client()
    log_in(client, REGULATOR, PASSWORD)
    secret, _ = enrol(strict, client)
    with changing_session(strict.engine) as session:
        kept = session.connection().exec_driver_sql("SELECT totp_secret FROM users WHERE totp_secret IS NOT NULL")
        stolen = kept.scalar_one()
        assert secret.encode() not in stolen
        session.connection().exec_driver_sql(
            "UPDATE users SET totp_secret = ? WHERE email = ?", (stolen, PEOPLE[Role.AUDITOR])
        )
    strict.time.pass_ms(30_000)
    answer = post(half_open(strict, PEOPLE[Role.AUDITOR]), "/login/code", one_time_code=code_of(strict, secret))
    assert answer[0] in {401, 422}


def test_a_lost_second_factor_is_removed_by_its_owner_or_an_administrator(strict: City) -> None:
    client, administrator = strict.client(), strict.logged_in(Role.ADMINISTRATOR)
    log_in(client, REGULATOR, PASSWORD)
    enrol(strict, client)
    url = f"/desk/users/{id_of(strict, REGULATOR)}/second-factor"
    assert post(administrator, url, reason="lost in the sea")[0] == 303
    assert post(administrator, url, reason="again")[0] == 422
    assert entries(strict, "second_factor.removed")[-1].reason == "lost in the sea"
    again = strict.client()
    assert log_in(again, REGULATOR, PASSWORD) == 303
    strict.time.pass_ms(30_000)
    secret, _ = enrol(strict, again)
    strict.time.pass_ms(30_000)
    assert post(again, "/desk/account/second-factor/remove", one_time_code=code_of(strict, secret))[0] == 303
    assert again.get("/duty").location == "/desk/account/second-factor"


def test_a_token_is_shown_once_and_does_what_it_says(city: City) -> None:
    client = city.logged_in(Role.OPERATOR_MANAGER)
    status, text = post(client, "/desk/account/tokens", name="<i>Script</i>", scopes=["read"], days="7")
    assert status == 200
    headers = {"Authorization": f"Bearer {secret_in(text)}"}
    page = client.get("/desk/account").text
    assert "&lt;i&gt;Script" in page
    assert secret_in(text) not in page
    assert city.client().get("/api/v1/vehicles", headers=headers).status_code in {200, 404}
    assert city.client().get("/api/v1/live", headers=headers).status_code == 200
    refused = city.client().post("/api/v1/users", json={}, headers=headers)
    assert refused.get_json()["code"] == "scope"
    for method, path in (("get", "/api/v1/tokens"), ("post", "/api/v1/tokens"), ("get", "/desk/account")):
        assert getattr(city.client(), method)(path, headers=headers).status_code == 403, path
    token_id = re.search(r"/tokens/(\d+)/revoke", page)
    assert token_id is not None
    assert post(client, f"/desk/account/tokens/{token_id[1]}/revoke")[0] == 303
    assert city.client().get("/api/v1/live", headers=headers).status_code == 401
    assert [entry.action for entry in entries(city, "token.revoked")] == ["token.revoked"]


@pytest.mark.parametrize("wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"days": "0"}, {"days": "367"}])
def test_a_token_has_a_name_a_scope_and_an_end(city: City, wrong: dict[str, object]) -> None:
    fields = {"name": "x", "scopes": ["read"], "days": "7"} | wrong
    assert post(city.logged_in(Role.AUDITOR), "/desk/account/tokens", **fields)[0] == 422


def test_tokens_of_others_do_not_exist(city: City) -> None:
    post(city.logged_in(Role.AUDITOR), "/desk/account/tokens", name="x", scopes="read", days="7")
    assert post(city.logged_in(Role.ADMINISTRATOR), "/desk/account/tokens/1/revoke")[0] == 404


def test_tokens_over_the_api_with_a_session(city: City) -> None:
    client = city.logged_in(Role.AUDITOR)
    body = {"name": "x", "scopes": ["read"], "days": 1}
    assert client.post("/api/v1/tokens", json=body).status_code == 400, "without the session's token"
    headers = {"X-CSRF-Token": csrf_of(client)}
    issued = client.post("/api/v1/tokens", json=body, headers=headers)
    assert issued.status_code == 201
    token, token_id = issued.get_json()["token"], issued.get_json()["details"]["id"]
    listed = client.get("/api/v1/tokens").get_json()["items"]
    assert [(each["id"], each["expires_at_ms"]) for each in listed] == [(token_id, city.time() + DAY_MS)]
    assert token not in client.get("/api/v1/tokens").text
    bearer = {"Authorization": f"Bearer {token}"}
    assert city.client().get("/api/v1/live", headers=bearer).status_code == 200
    assert client.delete(f"/api/v1/tokens/{token_id}", headers=headers).status_code == 200
    assert city.client().get("/api/v1/live", headers=bearer).status_code == 401
    assert client.delete("/api/v1/tokens/99", headers=headers).status_code == 404


def test_users_over_the_api(city: City) -> None:
    headers = city.bearer(Role.ADMINISTRATOR)
    client = city.client()
    created = client.post(
        "/api/v1/users", json={"email": "a@b.example", "display_name": "A", "role": "auditor"}, headers=headers
    )
    assert created.status_code == 201
    url = f"/api/v1/users/{created.get_json()['user']['id']}"
    seen = client.get(url, headers=headers)
    assert "password" not in seen.text.replace("must_change_password", "")
    body = {"display_name": "B", "role": "auditor"}
    assert client.put(url, json=body, headers=headers).status_code == 428
    assert client.put(url, json=body, headers=headers | {"If-Match": '"99"'}).status_code == 412
    changed = client.put(url, json=body, headers=headers | {"If-Match": seen.headers["ETag"]})
    assert changed.get_json()["display_name"] == "B"
    for action, expected in (("disable", 200), ("enable", 200), ("password", 200), ("second-factor/remove", 422)):
        tag = client.get(url, headers=headers).headers["ETag"]
        answer = client.post(f"{url}/{action}", json={"reason": "x"}, headers=headers | {"If-Match": tag})
        assert answer.status_code == expected, (action, answer.text)
    assert client.post("/api/v1/users", json={"email": "a@b.example"}, headers=headers).status_code == 422
    assert len(client.get("/api/v1/users", headers=city.bearer(Role.AUDITOR)).get_json()["items"]) == 8


def test_no_flow_writes_a_secret_to_the_log(strict: City, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [PASSWORD, NEW_PASSWORD]
    client, administrator = strict.client(), strict.logged_in(Role.ADMINISTRATOR)
    log_in(client, REGULATOR, "a wrong password")
    log_in(client, REGULATOR, PASSWORD)
    secret, codes = enrol(strict, client)
    secrets += [secret, *codes, "a wrong password"]
    strict.time.pass_ms(30_000)
    secrets.append(code_of(strict, secret))
    post(half_open(strict), "/login/code", one_time_code=secrets[-1])
    token = secret_in(post(client, "/desk/account/tokens", name="x", scopes="read", days="7")[1])
    strict.client().get("/api/v1/live", headers={"Authorization": f"Bearer {token}"})
    strict.client().get("/api/v1/live", headers={"Authorization": f"Bearer {token}x"})
    temporary = secret_in(create(administrator)[1])
    secrets += [token, temporary, strict.settings.secret_key]
    change = {"old_password": PASSWORD, "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD}
    post(client, "/desk/account/password", **change)
    with client.session_transaction() as session:
        secrets.append(session["login"])
    told = caplog.text + "".join(f"{entry.before}{entry.after}{entry.reason}" for entry in _all_entries(strict))
    assert not [secret for secret in secrets if secret in told]


def _all_entries(city: City) -> list[AuditEntry]:
    with reading_session(city.engine) as session:
        return session.query(AuditEntry).all()
