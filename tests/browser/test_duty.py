"""The duty screen in a real browser: an alert's way by keyboard, a flood, a vehicle's trail, saved filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.database import reading_session
from app.models import Alert as AlertRow
from telemetry.findings import Finding
from telemetry.samples import VehicleKind
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import REGULATOR, OpenPage, Witness
from tests.browser.duty_scene import calm, drive_back, end_alert, flood, met, raise_alert
from tests.browser.scene import Scene

pytestmark = pytest.mark.browser

DutyPage = Callable[..., Page]
ROW = ".alert-row"
FLOOD = 10_000


@pytest.fixture
def duty_page(open_page: OpenPage, scene: Scene) -> Iterator[DutyPage]:
    """Opens the duty screen through the login form."""

    def duty_page(path: str = "/duty", **options: object) -> Page:
        page = open_page(f"/login?next={path}", **{"locale": "en-GB", **options})
        page.get_by_label("邮箱").or_(page.get_by_label("E-mail")).fill(REGULATOR.email)
        page.get_by_label("密码").or_(page.get_by_label("Password")).fill(REGULATOR.password)
        page.locator(".login-card .primary").click()
        page.wait_for_url("**/duty*")
        expect(page.locator("#count-critical")).not_to_have_text("–")
        return page

    yield duty_page
    calm(scene)


def test_an_alert_is_handled_by_keyboard_alone(duty_page: DutyPage, scene: Scene, witness: Witness) -> None:
    page = duty_page()
    expect(page.locator("#rows-empty")).to_be_visible()
    raise_alert(scene, scene.actors[0], Finding.CLOCK_SKEW)
    alert_id = raise_alert(scene, scene.actors[1], Finding.OUTSIDE_AREA)
    expect(page).to_have_title(re.compile(r"^\(2\) "))
    page.keyboard.press("j")
    chosen = page.locator(f"{ROW}[aria-selected=true]")
    expect(chosen).to_contain_text(scene.actors[1].vehicle_id)
    page.keyboard.press("a")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    page.keyboard.press("m")
    expect(page.locator("#detail")).to_contain_text("In charge")
    for key, words in (
        ("c", "On the phone with <b>them</b>"),
        ("e", "Second car needed"),
        ("x", "Settled on the spot"),
    ):
        page.keyboard.press(key)
        page.keyboard.type(words)
        page.keyboard.press("Control+Enter")
        expect(page.locator("#detail")).to_contain_text(words)
    expect(chosen.locator(".chip-state.is-resolved")).to_be_visible()
    assert page.locator("#detail b").count() == 0
    with reading_session(scene.engine) as session:
        row = session.scalars(select(AlertRow).where(AlertRow.resolution == "Settled on the spot")).one()
        assert (row.acknowledged_by_id, row.escalated_by_id, row.comment_count) == (
            row.assigned_to_id,
            row.resolved_by_id,
            1,
        )
    page.goto(f"/duty?alert={alert_id}")
    expect(page.locator("#detail")).to_contain_text("Settled on the spot")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert witness.complaints == []


def test_of_two_who_handle_it_the_second_is_told(duty_page: DutyPage, scene: Scene) -> None:
    first, second = duty_page(), duty_page()
    raise_alert(scene, scene.actors[0], Finding.OUTSIDE_AREA)
    for page in (first, second):
        expect(page.locator(ROW)).to_have_count(1)
        page.keyboard.press("j")
        expect(page.locator("#detail")).to_be_visible()
    # The second one's screen hears nothing while its dialog is open.
    second.route("**/live/stream*", lambda route: route.abort())
    second.keyboard.press("e")
    second.keyboard.type("Both of us")
    first.keyboard.press("x")
    first.keyboard.type("Done")
    first.keyboard.press("Control+Enter")
    expect(first.locator(".chip-state.is-resolved")).to_be_visible()
    second.keyboard.press("Control+Enter")
    expect(second.locator(".said.is-refusal")).to_be_visible()


def test_ten_thousand_alerts_are_counted_grouped_and_answer_to_a_click(duty_page: DutyPage, scene: Scene) -> None:
    flood(scene, FLOOD // 2)
    page = duty_page()
    flood(scene, FLOOD // 2)
    expect(page).to_have_title(re.compile(rf"^\({FLOOD}\) "), timeout=60_000)
    expect(page.locator("#shown-count")).to_have_text(f"{FLOOD} of {FLOOD} alerts")
    assert page.locator(ROW).count() < 40, "only what can be seen is built"
    page.locator(ROW).first.click()
    expect(page.locator(f"{ROW}[aria-expanded=true]")).to_have_count(1)
    expect(page.locator(f"{ROW}.is-member").first).to_be_visible()
    page.locator("[data-severity=warning]").click()
    expect(page.locator("#shown-count")).to_have_text(f"{2 * (FLOOD // 6 + 1)} of {FLOOD} alerts")
    page.keyboard.press("/")
    page.keyboard.type(scene.actors[1].vehicle_id)
    expect(page.locator(ROW)).to_have_count(1)


def test_a_group_is_acknowledged_at_once(duty_page: DutyPage, scene: Scene) -> None:
    page = duty_page()
    for age_ms in (3_000, 2_000, 1_000):
        raise_alert(scene, scene.actors[2], Finding.OVERSPEED, age_ms)
    expect(page.locator(f"{ROW}[aria-expanded=false]")).to_contain_text("3 alerts")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page).to_have_title(re.compile("^Duty screen"))


def test_what_ended_unseen_waits_also_for_those_who_come_later(duty_page: DutyPage, scene: Scene) -> None:
    page = duty_page()
    for actor in scene.actors[:3]:
        end_alert(scene, raise_alert(scene, actor, Finding.OUTSIDE_AREA))
    expect(page.locator(f"{ROW} .is-ended")).to_have_count(3)
    page.reload()
    expect(page.locator(f"{ROW} .is-ended")).to_have_count(3)
    later = duty_page()
    expect(later.locator(f"{ROW} .is-ended")).to_have_count(3)
    chosen = page.locator(f"{ROW}[aria-selected=true] .row-vehicle")
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = chosen.text_content()
    page.keyboard.press("a")
    for each in (page, later):
        expect(each.locator(ROW)).to_have_count(2)
        expect(each.locator(ROW).filter(has_text=second or "")).to_have_count(0)
    page.keyboard.press("j")
    third = chosen.text_content()
    page.keyboard.press("k")
    assert len({second, third, chosen.text_content()}) == 3, "who goes on goes on from where the row was"


def test_a_vehicle_leaves_a_trail(duty_page: DutyPage, scene: Scene) -> None:
    actor = scene.actor(VehicleKind.AIR)
    drive_back(scene, actor)
    page = duty_page(f"/duty?vehicle={actor.vehicle_id}")
    expect(page.locator("#trail-title")).to_contain_text(actor.vehicle_id)
    expect(page.locator(".plot-line")).to_have_count(3)
    assert page.locator(".plot-band").count() >= 3
    assert page.locator("path.trail-line.is-takeover").count() == 1
    page.locator(".plots").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#trail-read")).to_contain_text("km/h")
    expect(page.locator("path.trail-dot")).to_be_attached()
    assert_accessible(page, within="#main")
    page.keyboard.press("Escape")
    expect(page.locator("#trail")).to_be_hidden()


def test_a_click_on_the_canvas_chooses_the_vehicle_there(duty_page: DutyPage, scene: Scene) -> None:
    page = duty_page()
    scene.is_driving.clear()
    actor = scene.actors[0]
    with page.expect_response("**/trail"):
        page.evaluate(
            """id => {
                const search = document.getElementById("search");
                search.value = id;
                search.dispatchEvent(new Event("input"));
            }""",
            actor.vehicle_id,
        )
        page.locator("#found-vehicles button").first.click()
    page.wait_for_timeout(1_500)
    page.keyboard.press("Escape")
    expect(page.locator("#trail")).to_be_hidden()
    middle = page.locator(".folium-map").bounding_box()
    assert middle is not None
    page.mouse.click(middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2)
    expect(page.locator("#trail-title")).to_contain_text(actor.vehicle_id)


@pytest.mark.parametrize(("locale", "viewport"), [("en-GB", (1280, 800)), ("zh-CN", (390, 844))])
def test_an_alert_of_two_aircraft_shows_how_far_apart_they_are(
    duty_page: DutyPage, scene: Scene, witness: Witness, locale: str, viewport: tuple[int, int]
) -> None:
    one, other = [actor for actor in scene.actors if actor.kind is VehicleKind.AIR][:2]
    alert_id = raise_alert(scene, one, Finding.SEPARATION, met=met(one, other))
    page = duty_page(f"/duty?alert={alert_id}", locale=locale, viewport=viewport)
    page.locator("#search").fill(other.vehicle_id)
    expect(page.locator(ROW)).to_contain_text(f"{one.vehicle_id} ↔ {other.vehicle_id}")
    detail = page.locator("#detail")
    expect(detail.get_by_role("link", name=other.vehicle_id, exact=True)).to_be_visible()
    for metres in ("320", "42", "35", "8"):
        expect(detail.locator(".detail-facts")).to_contain_text(re.compile(rf"\b{metres}\b"))
    expect(detail.locator(".encounter-place")).to_have_count(2)
    expect(detail.locator(".encounter-legend")).to_contain_text("150")
    assert_accessible(page, within="#main")
    assert witness.complaints == []


def test_filters_are_saved_and_come_back(duty_page: DutyPage, scene: Scene) -> None:
    page = duty_page()
    raise_alert(scene, scene.actors[0], Finding.OUTSIDE_AREA)
    raise_alert(scene, scene.actors[1], Finding.CLOCK_SKEW)
    expect(page.locator(ROW)).to_have_count(2)
    page.locator("[data-severity=critical]").click()
    expect(page.locator(ROW)).to_have_count(1)
    page.locator("#more-filters").click()
    page.locator("#save-filter").click()
    page.keyboard.type("Critical ones")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".said")).to_contain_text("saved")
    page.goto("/duty")
    expect(page.locator(ROW)).to_have_count(2)
    page.locator("#more-filters").click()
    page.locator("#saved").select_option(label="Critical ones")
    expect(page.locator(ROW)).to_have_count(1)
    page.locator("#delete-filter").click()
    expect(page.locator("#saved option")).to_have_count(1)


def test_a_place_is_a_filter_that_the_address_tells(duty_page: DutyPage, scene: Scene) -> None:
    page = duty_page()
    raise_alert(scene, scene.actors[0], Finding.OUTSIDE_AREA)
    raise_alert(scene, scene.actors[1], Finding.OVERSPEED, is_of_menghai=False)
    expect(page.locator(ROW)).to_have_count(2)
    page.locator("#more-filters").click()
    page.locator("#zone").select_option("road-menghai")
    expect(page.locator(ROW)).to_have_count(1)
    page.locator("[data-severity=critical]").click()
    page.locator("#grouping").select_option("finding")
    assert page.url.endswith("/duty?severity=critical&zone=road-menghai&group=finding")
    sent = duty_page(page.url.removeprefix(scene.url).replace("&", "%26"))
    expect(sent.locator(ROW)).to_have_count(1)
    expect(sent.locator("#zone")).to_have_value("road-menghai")
    expect(sent.locator("#filter-more")).to_be_visible()
    sent.locator("#save-filter").click()
    sent.keyboard.type("Menghai")
    sent.keyboard.press("Control+Enter")
    expect(sent.locator(".said")).to_contain_text("saved")
    sent.locator("#clear-filter").click()
    expect(sent.locator(ROW)).to_have_count(2)
    assert sent.url.endswith("/duty")
    sent.locator("#saved").select_option(label="Menghai")
    expect(sent.locator(ROW)).to_have_count(1)
    expect(sent.locator("#grouping")).to_have_value("finding")
    sent.locator("#delete-filter").click()


@pytest.mark.parametrize(("locale", "viewport"), [("zh-CN", (390, 800)), ("en-GB", (1280, 800))])
def test_it_can_be_used_by_everybody(duty_page: DutyPage, scene: Scene, locale: str, viewport: tuple[int, int]) -> None:
    raise_alert(scene, scene.actors[0], Finding.OUTSIDE_AREA)
    raise_alert(scene, scene.actors[0], Finding.OUTSIDE_AREA, 1_000)
    page = duty_page(locale=locale, viewport=viewport)
    page.keyboard.press("j")
    expect(page.locator("#detail")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport[0]
    assert page.evaluate("document.documentElement.scrollHeight") <= viewport[1]
    page.locator("#more-filters").click()
    assert_accessible(page, within="#main")
    for tab in ("#tab-fleet", "#tab-officers"):
        page.locator(tab).click()
        assert_accessible(page, within="#main")
