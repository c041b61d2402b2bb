"""What people see when a request fails: a page in their language, and nothing of the inside."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from flask import abort
from sqlalchemy.exc import IntegrityError, OperationalError

from app.errors import Conflict
from app.models import Role
from app.web import access
from app.web.problem_page import problem_page
from tests.app.web.cast import City

SECRET = "postgresql://pilotage:hunter2@db/pilotage"


@pytest.mark.parametrize(("accepted", "title"), [("en", "There is no such page"), ("zh-CN", '<html lang="zh-CN">')])
def test_a_missing_page_is_said_in_the_readers_language(city: City, accepted: str, title: str) -> None:
    answer = city.client().get("/no/such/page", headers={"Accept-Language": accepted})
    assert answer.status_code == 404
    assert title in answer.text


@pytest.mark.parametrize("status", [status for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST])
def test_every_status_has_a_page(city: City, status: HTTPStatus) -> None:
    with city.app.test_request_context("/"):
        assert str(status.value) in problem_page(status, "any_code")


def test_a_page_that_may_not_be_opened_says_so(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "ALLOWED", {})
    answer = city.logged_in(Role.AUDITOR).get("/duty", headers={"Accept-Language": "en"})
    assert answer.status_code == 403
    assert "This is not open to you" in answer.text


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (OperationalError(SECRET, {}, Exception(SECRET)), 503),
        (IntegrityError(SECRET, {}, Exception(SECRET)), 500),
        (RuntimeError(SECRET), 500),
        (Conflict(SECRET), 409),
    ],
    ids=["database", "constraint", "defect", "conflict"],
)
def test_nothing_of_the_inside_is_shown(
    city: City, monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int
) -> None:
    def fails() -> str:
        raise failure

    monkeypatch.setitem(city.app.view_functions, "pages.about", fails)
    answer = city.client().get("/about", headers={"Accept-Language": "en"})
    assert answer.status_code == status
    assert SECRET not in answer.text


def test_the_page_needs_no_database(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large() -> str:
        abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    monkeypatch.setitem(city.app.view_functions, "pages.about", too_large)
    monkeypatch.setattr("app.web.page_sources.is_seeded", lambda _: pytest.fail("asked the database"))
    assert "This is too large" in city.client().get("/about", headers={"Accept-Language": "en"}).text


@pytest.mark.parametrize("number", [10**18, 2**63, 10**30, "1" * 5000])
def test_a_number_that_no_row_has_is_no_address(city: City, number: object) -> None:
    client = city.logged_in(Role.ADMINISTRATOR)
    assert client.get(f"/api/v1/users/{number}").status_code == 404
    assert client.put(f"/api/v1/users/{number}", json={}).status_code == 404
