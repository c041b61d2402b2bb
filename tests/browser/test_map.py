"""The maps in a real browser, over the real web edge."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from geofences.zones import ZoneKind
from telemetry.findings import Finding
from telemetry.samples import VehicleKind
from tests.browser.conftest import REGULATOR, OpenPage, Witness
from tests.browser.scene import HOSTILE_OPERATOR, HOSTILE_ZONE, Scene

pytestmark = pytest.mark.browser

CARS = '.vehicle[data-kind="road"]'
AIRCRAFT = '.vehicle[data-kind="air"]'
WHERE_ALL_ARE = "() => [...document.querySelectorAll('.vehicle')].map(v => [v.dataset.vehicle, v.style.transform])"


def wait_for_fleet(page: Page, scene: Scene) -> None:
    expect(page.locator(".vehicle")).to_have_count(len(scene.actors))


def see_fleet(page: Page, scene: Scene) -> None:
    """The duty screen counts what it draws on its canvas."""
    cars = sum(actor.kind is VehicleKind.ROAD for actor in scene.actors)
    expect(page.locator("#count-road")).to_have_text(str(cars))


def test_public_map_draws_every_kind_of_zone(open_page: OpenPage) -> None:
    page = open_page("/")
    expect(page.locator(".folium-map[data-drawn=whole]")).to_be_attached()
    for kind in ZoneKind:
        assert page.locator(f".leaflet-zones-pane path.zone-{kind.value}").count() > 0, kind
    for layer in ("land", "water", "green", "road_major"):
        assert page.locator(f".leaflet-city-pane path.city-{layer}").count() > 0, layer
    expect(page.locator(".leaflet-city-labels-pane").get_by_text("前海湾", exact=True)).to_be_attached()
    expect(page.locator(".legend")).to_contain_text("空中走廊")


def test_a_map_that_lacks_its_zones_says_so(open_page: OpenPage) -> None:
    page = open_page("/about", locale="en-GB")
    page.route("**/api/v1/public/zones", lambda route: route.abort("connectionrefused"))
    page.goto("/")
    expect(page.get_by_role("alert").filter(has_text="could not be loaded")).to_be_visible()


def test_zones_are_fetched_once_and_then_only_asked_about(open_page: OpenPage) -> None:
    page = open_page("/")
    expect(page.locator(".folium-map[data-drawn=whole]")).to_be_attached()
    for path in ("/api/v1/public/zones", "/api/v1/public/zones?centreline=1"):
        answer = page.context.request.get(path)
        again = page.context.request.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (answer.status, again.status, again.body()) == (200, 304, b"")


def test_vehicles_move_on_the_public_map(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/")
    wait_for_fleet(page, scene)
    before = dict(page.evaluate(WHERE_ALL_ARE))
    page.wait_for_function(
        """before => [...document.querySelectorAll('.vehicle')]
            .filter(v => before[v.dataset.vehicle] !== v.style.transform).length > 5""",
        arg=before,
    )
    expect(page.locator(f"{AIRCRAFT} .vehicle-altitude").first).to_have_text("60 m")


def report_once(page: Page, scene: Scene) -> None:
    """The fleet stands still, then reports once more; `placesSeen` collects where one aircraft was shown since."""
    wait_for_fleet(page, scene)
    scene.is_driving.clear()
    page.wait_for_timeout(2_000)
    page.evaluate(
        """selector => {
            const marker = document.querySelector(selector);
            window.placesSeen = new Set();
            new MutationObserver(() => window.placesSeen.add(marker.style.transform))
                .observe(marker, { attributes: true, attributeFilter: ["style"] });
        }""",
        AIRCRAFT,
    )
    scene.tick()


def test_one_report_becomes_a_glide_and_not_a_hop(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/")
    report_once(page, scene)
    page.wait_for_function("() => window.placesSeen.size >= 4")


def test_those_who_want_no_motion_get_a_hop(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/", still=True)
    report_once(page, scene)
    page.wait_for_function("() => window.placesSeen.size >= 1")
    page.wait_for_timeout(1_500)
    assert page.evaluate("window.placesSeen.size") == 1


def test_a_vehicle_turns_to_its_heading(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/")
    wait_for_fleet(page, scene)
    turned = page.locator(f"{CARS} .vehicle-shape").evaluate_all(
        "shapes => new Set(shapes.map(s => s.style.transform)).size"
    )
    assert turned > 3


def test_a_breach_turns_the_vehicle_red_and_is_listed(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/")
    actor = scene.actor(VehicleKind.ROAD)
    wait_for_fleet(page, scene)
    expect(page.locator("#alert-empty")).to_be_visible()
    scene.breach(actor, Finding.OUTSIDE_AREA)
    expect(page.locator('.vehicle[data-alert="critical"]')).to_have_count(1)
    expect(page.locator(".alert-item")).to_have_count(1)
    expect(page.locator(".alert-item")).to_contain_text("驶出许可区域")
    expect(page.locator(".alert-item")).to_contain_text("梦海大道")
    expect(page.locator("#count-alerts")).to_have_text("1")
    red = page.locator('.vehicle[data-alert="critical"]').evaluate("v => getComputedStyle(v).color")
    assert red == "rgb(193, 18, 31)"
    scene.amend(actor)
    expect(page.locator(".alert-item")).to_have_count(0)
    expect(page.locator('.vehicle[data-alert="none"]')).to_have_count(len(scene.actors))


def test_a_warning_is_amber_and_tells_its_time(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/", locale="en-GB")
    wait_for_fleet(page, scene)
    scene.breach(scene.actors[1], Finding.OVERSPEED, aside_m=0.0)
    expect(page.locator(".alert-name")).to_have_text(["Overspeed"])
    amber = page.locator('.vehicle[data-alert="warning"]')
    assert amber.evaluate("v => getComputedStyle(v).color") == "rgb(217, 115, 26)"
    shown = page.locator(".alert-item time").first
    utc = (shown.get_attribute("datetime") or "")[:19].replace("T", " ")
    expect(shown).to_have_attribute("title", f"{utc} UTC")


def test_a_click_on_an_alert_centres_the_map_and_opens_the_popup(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/")
    wait_for_fleet(page, scene)
    actor = scene.actor(VehicleKind.AIR)
    scene.breach(actor, Finding.ABOVE_CEILING)
    page.locator(".alert-button").click()
    expect(page.locator(".leaflet-popup")).to_contain_text("超出高度上限")
    off_centre = page.locator('.vehicle[data-alert="critical"]').evaluate(
        """v => {
            const map = document.querySelector('.folium-map').getBoundingClientRect();
            const at = v.getBoundingClientRect();
            return [(at.x + at.width / 2 - map.x) / map.width, (at.y + at.height / 2 - map.y) / map.height];
        }"""
    )
    assert all(0.25 < share < 0.75 for share in off_centre), off_centre


def test_the_public_popup_names_nobody(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/", locale="en-GB")
    wait_for_fleet(page, scene)
    page.locator(AIRCRAFT).first.focus()
    page.keyboard.press("Enter")
    popup = page.locator(".leaflet-popup")
    expect(popup).to_contain_text("pseudonym")
    expect(popup).to_contain_text("60 m")
    whole = page.content()
    for actor in scene.actors:
        assert actor.vehicle_id not in whole
    assert "某公司" not in whole


def test_names_are_never_read_as_markup(
    open_page: OpenPage, staff_page: OpenPage, scene: Scene, witness: Witness
) -> None:
    public, staff = open_page("/"), staff_page()
    for page in (public, staff):
        expect(page.locator(".road-name", has_text=HOSTILE_ZONE).first).to_be_attached()
        assert page.locator(".road-name b").count() == 0
    staff.goto(f"/duty?vehicle={scene.actors[0].vehicle_id}")
    expect(staff.locator("#trail-facts")).to_contain_text(HOSTILE_OPERATOR)
    assert staff.locator(".trail img, .trail b").count() == 0
    assert witness.complaints == []


@pytest.mark.parametrize(
    ("locale", "title", "heading", "road"),
    [("zh-CN", "实时地图", "未关闭告警", "梦海大道"), ("en-GB", "Live map", "Open alerts", "Menghai Avenue")],
)
def test_both_languages(open_page: OpenPage, locale: str, title: str, heading: str, road: str) -> None:
    page = open_page("/", locale=locale)
    expect(page).to_have_title(f"{title} · Pilotage 领航")
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator(".road-name", has_text=road).first).to_be_attached()
    expect(page.locator(".chip-illustrative")).to_contain_text("Illustrative data")


def test_the_language_can_be_switched_and_stays(open_page: OpenPage) -> None:
    page = open_page("/about")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("About this map")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_nothing_is_asked_of_any_other_server(
    open_page: OpenPage, staff_page: OpenPage, scene: Scene, witness: Witness
) -> None:
    public, staff, *_others = open_page("/"), staff_page(), open_page("/login"), open_page("/about")
    wait_for_fleet(public, scene)
    see_fleet(staff, scene)
    for page in (public, staff):
        page.locator(".leaflet-control-layers").hover()
        page.locator(".leaflet-control-zoom-in").click()
    assert len(witness.requested) > 20
    origin = urlsplit(scene.url).netloc
    assert {urlsplit(url).netloc for url in witness.requested} == {origin}
    assert witness.complaints == []


def test_a_lost_connection_is_said_and_mended(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/about", locale="en-GB")

    def refuse(route: Route) -> None:
        route.abort("connectionrefused")

    page.route("**/live/stream", refuse)
    page.goto("/")
    banner = page.locator("#connection-banner")
    expect(banner).to_have_text("Connection lost. Reconnecting; positions may be out of date.")
    expect(banner).to_be_visible()
    page.unroute("**/live/stream", refuse)
    expect(banner).to_be_hidden()
    wait_for_fleet(page, scene)


def test_a_phone_gets_a_sheet_that_opens(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/", viewport=(390, 800))
    wait_for_fleet(page, scene)
    handle, panel = page.locator("#panel-handle"), page.locator("#panel")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    peeking_px = panel.evaluate("panel => panel.getBoundingClientRect().top")
    expect(handle).to_have_attribute("aria-expanded", "false")
    handle.click()
    expect(handle).to_have_attribute("aria-expanded", "true")
    page.wait_for_function(
        "top => document.getElementById('panel').getBoundingClientRect().top < top - 100", arg=peeking_px
    )
    scene.breach(scene.actors[0], Finding.OUTSIDE_AREA)
    page.locator(".alert-button").click()
    expect(handle).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".leaflet-popup")).to_be_visible()


def test_a_wrong_password_is_said_and_logging_out_ends_the_view(staff_page: OpenPage, open_page: OpenPage) -> None:
    page = open_page("/login", locale="en-GB")
    page.get_by_label("E-mail").fill("nobody@scene.example")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("E-mail address or password is wrong.")
    staff = staff_page(locale="en-GB")
    expect(staff.locator(".top")).to_contain_text(REGULATOR.display_name)
    staff.locator(".menu-account summary").click()
    staff.get_by_role("button", name="Log out").click()
    staff.goto("/duty")
    expect(staff).to_have_url(re.compile(r"/login\?next=/duty$"))


def test_a_demo_user_logs_in_with_one_click(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/login?next=/duty", locale="en-GB")
    page.get_by_role("button", name=f"Log in: {REGULATOR.display_name}").click()
    page.wait_for_url("**/duty")
    see_fleet(page, scene)


def test_every_button_is_named_in_the_pages_language(open_page: OpenPage, scene: Scene) -> None:
    page = open_page("/")
    wait_for_fleet(page, scene)
    page.locator(CARS).first.focus()
    page.keyboard.press("Enter")
    for name in ("放大", "缩小", "图层", "关闭", "展开或收起列表"):
        expect(page.locator(f'[aria-label="{name}"]').or_(page.locator("button", has_text=name)).first).to_be_attached()
    unnamed = page.locator("button, a, [role=button]").evaluate_all(
        "nodes => nodes.filter(n => !(n.getAttribute('aria-label') || n.textContent).trim()).map(n => n.outerHTML)"
    )
    assert unnamed == []


def test_a_session_that_ended_leads_back_to_the_login(staff_page: OpenPage, scene: Scene) -> None:
    page = staff_page()
    see_fleet(page, scene)
    page.context.clear_cookies()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_url("**/login?next=/duty")
