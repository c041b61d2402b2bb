"""A session that ends in the middle of a form costs nobody what was typed, and opens no door."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from flask import request
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from app.database import reading_session
from app.models import Role
from app.services.logins import IDLE_MS
from app.services.users import user_by_email
from tests.app.web.cast import PASSWORD, PEOPLE, City, csrf_of
from tests.app.web.test_accounts import code_of, enrol

ADMINISTRATOR, AUDITOR = PEOPLE[Role.ADMINISTRATOR], PEOPLE[Role.AUDITOR]
OURS = {"Origin": "http://localhost"}
#: What a browser sends with a form of our own pages, in both generations of browsers.
PROOFS = (OURS, {"Sec-Fetch-Site": "same-origin"})
HOSTILE = '"><script>alert(1)</script>'


class Forms(HTMLParser):
    """The forms of a page: address and fields."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str]]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((values.get("action", ""), []))
        elif tag == "input" and self.found and "name" in values:
            self.found[-1][1].append((values["name"], values.get("value", "")))

    def to(self, action: str) -> dict[str, list[str]]:
        fields: dict[str, list[str]] = {}
        for name, value in next(fields for address, fields in self.found if address == action):
            fields.setdefault(name, []).append(value)
        return fields


def typed(city: City, client: FlaskClient) -> tuple[str, dict[str, object]]:
    """A form that is being filled in: its address and what is in it."""
    with reading_session(city.engine) as session:
        user = user_by_email(session, AUDITOR)
    fields: dict[str, object] = {
        "display_name": HOSTILE,
        "role": "auditor",
        "version": str(user.version),
        "csrf_token": csrf_of(client),
    }
    return f"/desk/users/{user.id}/edit", fields


def interrupted(city: City, client: FlaskClient, proof: dict[str, str] = OURS) -> tuple[str, TestResponse]:
    """The form is sent after the session has ended."""
    path, fields = typed(city, client)
    city.time.pass_ms(IDLE_MS)
    return path, client.post(path, data=fields, headers=proof)


def log_in_again(client: FlaskClient, page: TestResponse, email: str = ADMINISTRATOR) -> TestResponse:
    fields = Forms(page.text).to("/login") | {"email": [email], "password": [PASSWORD]}
    return client.post("/login", data=fields, headers=OURS)


def name_of(city: City, email: str) -> str:
    with reading_session(city.engine) as session:
        return user_by_email(session, email).display_name


@pytest.mark.parametrize("proof", PROOFS)
def test_what_was_typed_is_sent_again_after_the_login(city: City, proof: dict[str, str]) -> None:
    client = city.logged_in(Role.ADMINISTRATOR)
    path, page = interrupted(city, client, proof)
    assert page.status_code == 401
    assert "<script>alert" not in page.text
    offered = log_in_again(client, page)
    assert offered.status_code == 200
    assert HOSTILE not in offered.text
    assert HOSTILE in unescape(offered.text)
    assert name_of(city, AUDITOR) != HOSTILE, "nothing is done before somebody agrees"
    fields = Forms(offered.text).to(path)
    assert client.post(path, data=fields, headers=OURS).status_code == 303
    assert name_of(city, AUDITOR) == HOSTILE


def test_it_survives_a_wrong_password_and_the_second_factor(city: City) -> None:
    client = city.logged_in(Role.ADMINISTRATOR)
    secret, _ = enrol(city, client)
    path, page = interrupted(city, client)
    wrong = Forms(page.text).to("/login") | {"email": [ADMINISTRATOR], "password": ["wrong"]}
    page = client.post("/login", data=wrong, headers=OURS)
    assert page.status_code == 401
    asked = log_in_again(client, page)
    for code, expected in (("000000", 401), (code_of(city, secret), 200)):
        fields = Forms(asked.text).to("/login/code") | {"one_time_code": [code]}
        asked = client.post("/login/code", data=fields, headers=OURS)
        assert asked.status_code == expected
    assert Forms(asked.text).to(path)["display_name"] == [HOSTILE]


def test_it_survives_a_login_page_that_became_too_old(city: City) -> None:
    client = city.logged_in(Role.ADMINISTRATOR)
    path, page = interrupted(city, client)
    client.delete_cookie("pilotage_session")
    page = log_in_again(client, page)
    assert page.status_code == 400
    offered = log_in_again(client, page)
    assert Forms(offered.text).to(path)["display_name"] == [HOSTILE]


def test_a_token_of_another_session_is_asked_about(city: City) -> None:
    client = city.logged_in(Role.ADMINISTRATOR)
    path, fields = typed(city, client)
    client.post("/login", data={"email": ADMINISTRATOR, "password": PASSWORD, "csrf_token": csrf_of(client)})
    offered = client.post(path, data=fields, headers=OURS)
    assert offered.status_code == 400
    again = Forms(offered.text).to(path)
    assert again["csrf_token"] != [fields["csrf_token"]]
    assert client.post(path, data=again, headers=OURS).status_code == 303


def test_passwords_and_files_are_not_carried(city: City) -> None:
    client = city.client()
    data = {"old_password": "one secret", "api_token": "two secret", "name": "kept", "f": (BytesIO(b"x"), "file.txt")}
    page = client.post("/desk/account/password", data=data, headers=OURS, content_type="multipart/form-data")
    offered = log_in_again(client, page)
    assert "secret" not in page.text + offered.text
    assert Forms(offered.text).to("/desk/account/password").keys() == {"csrf_token", "name"}
    assert "file.txt" in page.text
    assert "file.txt" in offered.text
    assert offered.text.count("is-warning") == 2


def upload() -> dict[str, object]:
    """What the form of the safety case takes."""
    return {"safety_case": "We drive slowly.", "file": [(BytesIO(b"x" * 9_000), f"{n}.pdf") for n in range(3)]}


def test_beside_files_what_was_typed_is_kept(city: City) -> None:
    client, path = city.client(), "/desk/applications/A26-1/edit/safety"
    page = client.post(path, data=upload(), headers=OURS, content_type="multipart/form-data")
    assert page.status_code == 401
    assert "0.pdf, 1.pdf, 2.pdf" in page.text
    offered = log_in_again(client, page, PEOPLE[Role.OPERATOR_MANAGER])
    assert Forms(offered.text).to(path)["safety_case"] == ["We drive slowly."]
    assert "0.pdf, 1.pdf, 2.pdf" in offered.text


def test_files_of_somebody_unknown_are_nowhere(city: City) -> None:
    path = "/desk/applications/A26-1/edit/safety"
    with city.app.test_request_context(path, method="POST", data=upload()):
        found = request.files.getlist("file")
        assert [(file.filename, file.read()) for file in found] == [(f"{n}.pdf", b"") for n in range(3)]


def test_several_values_of_one_name_are_kept_in_order(city: City) -> None:
    client = city.client()
    fields = {"jurisdictions": ["QH", "BA", "QH"], "": "no name", "x[]<>": "odd"}
    page = client.post("/desk/users/new?a=1&b=%22", data=fields, headers=OURS)
    offered = log_in_again(client, page)
    found = Forms(offered.text).to("/desk/users/new?a=1&b=%22")
    assert found["jurisdictions"] == ["QH", "BA", "QH"]
    assert found["x[]<>"] == ["odd"]


def test_a_long_form_is_carried_too(city: City) -> None:
    client, path = city.client(), "/desk/zone-editor"
    drawing = "".join(f"{value:.6f}," for value in np.random.default_rng(7).random(100_000))  # about 900 kB
    page = client.post(path, data={"geometry": drawing}, headers=OURS)
    assert page.status_code == 401
    assert Forms(log_in_again(client, page).text).to(path)["geometry"] == [drawing]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_another_sites_form_is_not_carried(city: City, headers: dict[str, str]) -> None:
    answer = city.client().post("/desk/users/new", data={"email": "evil@evil.example"}, headers=headers)
    assert answer.status_code == 403
    assert "evil@" not in answer.text


def test_a_form_without_any_proof_is_not_carried(city: City) -> None:
    answer = city.client().post("/desk/users/new", data={"email": "evil@evil.example"})
    assert answer.status_code == 401
    assert "evil@" not in answer.text


def _sealed(key: bytes, path: str) -> str:
    return URLSafeTimedSerializer(key).dumps([path, [["a", "b"]], False, []])


def test_what_we_did_not_seal_is_not_carried(city: City) -> None:
    key = city.settings.key_for("interrupted")
    for carried in (
        _sealed(b"x" * 32, "/duty"),
        _sealed(key, "/duty") + "x",
        "rubbish",
        _sealed(key, "//evil.example"),
    ):
        client = city.client()
        data = {"email": AUDITOR, "password": PASSWORD, "csrf_token": csrf_of(client), "carried": carried}
        answer = client.post("/login", data=data, headers=OURS)
        assert (answer.status_code, answer.location) == (303, "/duty")


def test_programs_are_answered_as_before(city: City) -> None:
    answer = city.client().post("/api/v1/users", json={}, headers=OURS)
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    client = city.logged_in(Role.ADMINISTRATOR)
    answer = client.post("/api/v1/users", json={}, headers=OURS)
    assert answer.get_json()["code"] == "csrf"


def test_the_login_page_does_not_carry_what_it_is_itself(city: City) -> None:
    client = city.client()
    stale = {"email": AUDITOR, "password": PASSWORD, "csrf_token": "of yesterday"}
    page = client.post("/login", data=stale, headers=OURS)
    assert page.status_code == 400
    assert re.search(r'name="email"[^>]+value="auditor@city.example"', page.text)
    assert PASSWORD not in page.text
    assert log_in_again(client, page, AUDITOR).status_code == 303
