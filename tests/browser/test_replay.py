"""The replay in a browser: it plays, jumps to alerts, fades where nothing is known, and a link restores it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from telemetry.clock import system_clock
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import Witness
from tests.browser.recorded import SILENCE, Recorded, record
from tests.browser.scene import Scene, stage

_VEHICLES = re.compile(r"^\d+$")


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A stage of its own: other tests store samples of the same vehicles on theirs."""
    with stage(tmp_path_factory.mktemp("replayed")) as scene:
        yield scene


@pytest.fixture(scope="module")
def recorded(theatre: Scene) -> Recorded:
    return record(theatre, system_clock())


@pytest.fixture
def replay(staff_page: Callable[..., Page], recorded: Recorded) -> Callable[..., Page]:
    def opened(*, viewport: tuple[int, int] = (1280, 800), **query: object) -> Page:
        page = staff_page(locale="en-GB", viewport=viewport)
        asked = {"since_ms": recorded.since_ms, "until_ms": recorded.until_ms} | query
        page.goto("/replay?" + "&".join(f"{name}={value}" for name, value in asked.items()))
        expect(page.locator("body")).to_have_attribute("data-vehicles", _VEHICLES)
        return page

    return opened


def _instant(page: Page) -> int:
    return int(page.locator("#slider").input_value())


def _shown(page: Page) -> int:
    return int(page.locator("body").get_attribute("data-vehicles") or "-1")


def test_it_plays_jumps_and_a_link_restores_the_instant(
    replay: Callable[..., Page], recorded: Recorded, witness: Witness
) -> None:
    page = replay(at_ms=recorded.since_ms + 5_000, speed=60)
    expect(page.locator("#replay-note")).to_be_hidden()
    page.keyboard.press("Space")
    page.wait_for_function(
        "([at]) => Number(document.getElementById('slider').value) > at", arg=[recorded.since_ms + 20_000]
    )
    page.keyboard.press("Space")
    expect(page.locator("body")).to_have_attribute("data-playing", "false")
    page.locator("#slider").fill(str(recorded.since_ms + 6_000))
    page.locator("body").click(position={"x": 2, "y": 2})
    page.keyboard.press("Shift+ArrowRight")
    assert abs(_instant(page) - recorded.opened_at_ms) < 1_000
    page.locator("#alert-list button").first.click()
    expect(page.locator("#chosen-name")).to_have_text(recorded.offender)
    expect(page.locator("#chosen-facts")).to_contain_text("Outside permitted area")
    page.locator("#share").click()
    expect(page).to_have_url(re.compile(r"at_ms=\d+.*vehicle="))
    instant, where = _instant(page), page.evaluate("window.pilotageMap.getCenter().toString()")
    page.goto(page.url)
    expect(page.locator("#chosen-name")).to_have_text(recorded.offender)
    assert abs(_instant(page) - instant) < 1_000
    assert page.evaluate("window.pilotageMap.getCenter().toString()") == where
    assert_accessible(page)
    assert witness.complaints == []


def test_a_silent_vehicle_fades_and_never_glides(replay: Callable[..., Page], recorded: Recorded) -> None:
    middle_ms = recorded.since_ms + (SILENCE[0] + 30) * 1000
    page = replay(at_ms=middle_ms, vehicle=recorded.silent)
    expect(page.locator("#chosen-facts")).to_contain_text("Last seen")
    before = page.locator("#chosen-facts").inner_text()
    page.locator("body").click(position={"x": 2, "y": 2})
    page.keyboard.press("ArrowRight")
    assert _instant(page) > middle_ms
    assert page.locator("#chosen-facts").inner_text() == before


def test_an_empty_period_says_so_and_a_long_one_is_refused(replay: Callable[..., Page], recorded: Recorded) -> None:
    page = replay(since_ms=1_000, until_ms=600_000)
    expect(page.locator("#replay-note")).to_contain_text("nothing is stored")
    assert _shown(page) == 0
    page.goto(f"/replay?since_ms={recorded.since_ms}&until_ms={recorded.since_ms + 90_000_000}")
    expect(page.get_by_role("alert")).to_contain_text("24 hours at most")


def test_on_a_telephone(replay: Callable[..., Page], recorded: Recorded) -> None:
    page = replay(viewport=(390, 800), at_ms=recorded.opened_at_ms)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(page)


def test_what_if_a_zone_were_narrower(replay: Callable[..., Page], recorded: Recorded, witness: Witness) -> None:
    page = replay()
    page.get_by_role("link", name="What if").click()
    page.get_by_label("Another shape").select_option("road-menghai")
    page.get_by_role("button", name="Edit a draft").click()
    expect(page.locator("#verdict-title")).to_have_text("This can be asked.")
    page.get_by_label("Half width").fill("3")
    assert_accessible(page)
    page.get_by_role("button", name="What would have been?").click()
    expect(page.locator("#outcome")).to_contain_text("judged twice")
    expect(page.get_by_label("Half width")).to_have_value("3")
    assert_accessible(page)
    assert recorded.since_ms
    assert witness.complaints == []
