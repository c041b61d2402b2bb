"""Permits in a real browser: two regulators at one permit, a phone, and everybody's eyes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.models import Role
from tests.app.web.cast import PASSWORD, PEOPLE, City, small_city
from tests.app.web.permit_scene import NUMBER, issue
from tests.browser.conftest import Witness
from tests.browser.serving import serving

pytestmark = pytest.mark.browser

PAGE = f"/desk/permits/{NUMBER}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[City, str]]:
    with small_city(tmp_path_factory.mktemp("permits")) as city:
        issue(city)
        with serving(city.app) as url:
            yield city, url


def opened(
    browser: Browser,
    served: tuple[City, str],
    *,
    person: Role | None = None,
) -> Page:
    _, url = served
    context = browser.new_context(base_url=url, locale="en-GB", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(20_000)
    if person is not None:
        page.goto("/login")
        page.fill("input[name=email]", PEOPLE[person])
        page.fill("input[name=password]", PASSWORD)
        page.locator("input[name=password]").press("Enter")
        page.wait_for_url("**/duty")
    return page


@pytest.fixture(autouse=True)
def closed(browser: Browser) -> Iterator[None]:
    yield
    for context in browser.contexts:
        context.close()


def test_of_two_regulators_the_second_is_told_and_loses_nothing(
    browser: Browser, served: tuple[City, str], witness: Witness
) -> None:
    first, second = (opened(browser, served, person=Role.REGULATOR) for _ in range(2))
    witness.watch(first.context)
    for page in (first, second):
        page.goto(PAGE)
    first.get_by_text("Suspend", exact=True).first.click()
    first.locator("#suspended-reason").fill("accident")
    first.locator("#suspended-reason").press("Tab")
    first.keyboard.press("Enter")
    expect(first.get_by_role("heading", level=1)).to_contain_text("Suspended")
    second.get_by_text("Revoke", exact=True).first.click()
    second.locator("#revoked-reason").fill("typed with care")
    second.locator(".confirm[open] button.is-danger").click()
    expect(second.get_by_text("Somebody else has changed this meanwhile")).to_be_visible()
    expect(second.locator("#revoked-reason")).to_have_value("typed with care")
    visitor = opened(browser, served)
    visitor.goto(f"/verify/{NUMBER}")
    expect(visitor.get_by_text("Nothing may be operated under this permit now.")).to_be_visible()
    assert witness.complaints == []


def test_the_number_of_vehicles_on_the_move_follows_them(browser: Browser, served: tuple[City, str]) -> None:
    city, _ = served
    page = opened(browser, served, person=Role.AUDITOR)
    page.goto(PAGE)
    expect(page.locator(".tile-value").first).to_have_text("0 / 1")
    city.observe("NORTH-R1")
    expect(page.locator(".tile-value").first).to_have_text("1 / 1", timeout=20_000)
