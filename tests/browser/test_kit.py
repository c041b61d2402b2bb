"""Every part of the page kit in a real browser: usable by everybody, by keyboard, on a phone, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.models import Role
from tests.app.web.cast import PASSWORD, PEOPLE
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import OpenPage, Witness
from tests.browser.kit_pages import HOSTILE, kit_pages

pytestmark = pytest.mark.browser

PAGES = ("/kit/table", "/kit/table?q=nothing-like-it", "/kit/forms", "/kit/forms?wrong=1", "/kit/parts?flash=1")
SIZES = {"desk": (1280, 800), "tablet": (1024, 768), "phone": (390, 844)}


@pytest.fixture(scope="module")
def kit_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with kit_pages(tmp_path_factory.mktemp("kit")) as url:
        yield url


class Visitor:
    """Opens pages of the kit, each in a browser of its own."""

    def __init__(self, browser: Browser, url: str, witness: Witness) -> None:
        self._browser, self._url, self._witness = browser, url, witness

    def open(self, path: str, *, size: str = "desk", scripts: bool = True, locale: str = "zh-CN") -> Page:
        width, height = SIZES[size]
        context = self._browser.new_context(
            base_url=self._url,
            locale=locale,
            viewport={"width": width, "height": height},
            java_script_enabled=scripts,
            permissions=["clipboard-read", "clipboard-write"],
            accept_downloads=True,
        )
        self._witness.watch(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        answer = page.goto(path)
        assert answer is not None
        assert answer.ok
        return page


@pytest.fixture
def visitor(browser: Browser, kit_url: str, witness: Witness) -> Iterator[Visitor]:
    yield Visitor(browser, kit_url, witness)
    for context in browser.contexts:
        context.close()


def sideways_px(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("size", SIZES)
def test_every_part_is_accessible_and_fits_its_screen(visitor: Visitor, witness: Witness, path: str, size: str) -> None:
    page = visitor.open(path, size=size)
    assert_accessible(page)
    assert sideways_px(page) <= 0
    assert witness.complaints == []


@pytest.mark.parametrize("path", ["/login", "/about"])
@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_login_and_about_are_accessible(visitor: Visitor, path: str, locale: str) -> None:
    assert_accessible(visitor.open(path, locale=locale))


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_both_maps_are_accessible(open_page: OpenPage, staff_page: OpenPage, size: str) -> None:
    for page in (open_page("/", viewport=SIZES[size]), staff_page(viewport=SIZES[size])):
        expect(page.locator("#count-road")).not_to_have_text("–")
        assert_accessible(page)


def test_open_menus_and_forms_are_accessible(visitor: Visitor) -> None:
    page = visitor.open("/kit/parts", size="phone")
    page.get_by_text("撤销许可").first.click()
    assert_accessible(page, within=".confirm")
    page.locator(".menu-opener").click()
    assert_accessible(page, within=".top")
    assert sideways_px(page) <= 0


# --- tables ---


@pytest.mark.parametrize("scripts", [True, False])
def test_a_table_is_sorted_filtered_and_turned_without_a_script_too(visitor: Visitor, scripts: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    page = visitor.open("/kit/table", scripts=scripts)
    first = page.locator("tbody tr").first
    expect(first).to_contain_text("前海 001")
    page.locator("thead a", has_text="里程").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("里程")
    page.locator("thead a", has_text="里程").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("里程")
    expect(first).to_contain_text("前海 060")
    page.locator("select[name=state]").select_option("retired")
    page.locator(".toolbar-form button").click()
    expect(first).to_contain_text("前海 059")
    page.wait_for_load_state()  # until then the page still scrolls to the table
    page.locator(".pages a[rel=next]").click()
    expect(page.locator(".pages a[aria-current]")).to_have_text("2")
    assert set(re.findall(r"[?&](\w+)=", page.url)) == {"sort", "state", "page"}


def test_a_phone_can_sort_too(visitor: Visitor) -> None:
    page = visitor.open("/kit/table", size="phone")
    page.locator("select[name=sort]").select_option("-distance")
    page.locator(".toolbar-form button").click()
    expect(page.locator("tbody tr").first).to_contain_text("前海 060")
    expect(page.locator("select[name=sort]")).to_have_value("-distance")


def test_what_is_filtered_is_what_is_exported(visitor: Visitor) -> None:
    page = visitor.open("/kit/table?state=active")
    for form, magic in (("CSV", b"\xef\xbb\xbf"), ("XLSX", b"PK")):
        with page.expect_download() as waiting:
            page.locator(".toolbar-end a", has_text=form).click()
        data = Path(waiting.value.path()).read_bytes()
        assert waiting.value.suggested_filename == f"cars.{form.lower()}"
        assert data.startswith(magic)
        if form == "CSV":
            assert len(data.splitlines()) == 21


def test_times_are_shanghai_with_utc_on_hover(visitor: Visitor) -> None:
    time = visitor.open("/kit/table").locator("tbody time").first
    expect(time).to_have_text("2027-01-15 15:00")
    expect(time).to_have_attribute("title", "2027-01-15 07:00:00 UTC")
    expect(time).to_have_attribute("datetime", "2027-01-15T07:00:00Z")


def test_nothing_that_was_typed_becomes_markup(visitor: Visitor) -> None:
    for path in ("/kit/table", "/kit/forms", "/kit/parts"):
        assert HOSTILE not in visitor.open(path).content()


# --- forms ---


def test_the_summary_has_the_focus_and_leads_to_each_bad_field(visitor: Visitor) -> None:
    page = visitor.open("/kit/forms?wrong=1")
    expect(page.locator(".form-summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_be_focused()
    expect(page.locator("#name")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#name")).to_have_accessible_description(re.compile("名称太长"))
    page.locator(".form-summary a").nth(1).click()
    assert focused(page) == "zones"  # the problem is with one item of the list
    expect(page.locator("#zones")).to_have_accessible_description(re.compile("这条道路已停用"))


def test_the_summary_has_the_focus_without_a_script(visitor: Visitor) -> None:
    expect(visitor.open("/kit/forms?wrong=1", scripts=False).locator(".form-summary")).to_be_focused()


def test_what_was_typed_is_shown_again(visitor: Visitor) -> None:
    page = visitor.open("/kit/forms?wrong=1")
    expect(page.get_by_label("名称", exact=True)).to_have_value(HOSTILE)
    assert page.locator("[name=zones]:checked").evaluate_all("boxes => boxes.map(box => box.value)") == ["3", "5"]
    expect(page.locator("[name=starts]")).to_have_value("2027-01-15T16:00")
    expect(page.get_by_label("道路测试")).to_be_checked()
    expect(page.locator("[name=password]")).to_have_value("")


def test_a_long_list_of_choices_can_be_filtered(visitor: Visitor) -> None:
    page = visitor.open("/kit/forms")
    page.locator(".choices-filter").fill("前湾")
    expect(page.locator("#zones-list .choice:visible")).to_have_count(2)
    page.locator(".choices-filter").press("Enter")
    assert page.url.endswith("/kit/forms")


def test_without_a_script_no_dead_button_is_shown(visitor: Visitor) -> None:
    page = visitor.open("/kit/forms", scripts=False)
    expect(page.locator(".choices-filter")).to_be_hidden()
    parts = visitor.open("/kit/parts", scripts=False)
    expect(parts.locator("[data-copy]").first).to_be_hidden()
    parts.get_by_text("撤销许可").first.click()
    expect(parts.locator("#revoke-reason")).to_be_visible()
    expect(parts.locator("[data-close]").first).to_be_hidden()


def test_a_dangerous_action_asks_and_escape_takes_it_back(visitor: Visitor) -> None:
    page = visitor.open("/kit/parts")
    page.locator(".confirm summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#revoke-reason")).to_be_visible()
    page.locator("#revoke-reason").fill("两次驶出区域")
    page.keyboard.press("Escape")
    expect(page.locator("#revoke-reason")).to_be_hidden()
    expect(page.locator(".confirm summary")).to_be_focused()


# --- header, copying, progress ---


def test_the_menu_of_a_phone_works_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open("/kit/table", size="phone")
    page.locator(".menu-opener").focus()
    page.keyboard.press("Enter")
    about = page.locator(".menu-sheet a", has_text="关于")
    expect(about).to_be_visible()
    page.keyboard.press("Escape")
    expect(about).to_be_hidden()
    expect(page.locator(".menu-opener")).to_be_focused()


def test_a_click_elsewhere_closes_the_menu(visitor: Visitor) -> None:
    page = visitor.open("/kit/table", size="phone")
    page.locator(".menu-opener").click()
    page.mouse.click(200, 840)
    expect(page.locator(".menu-sheet")).to_be_hidden()


def test_the_menu_closes_when_the_focus_leaves_it(visitor: Visitor) -> None:
    page = visitor.open("/kit/table", size="phone")
    page.locator(".menu-opener").click()
    page.locator(".crumbs a").first.focus()
    expect(page.locator(".menu-sheet")).to_be_hidden()


def test_a_secret_can_be_copied(visitor: Visitor) -> None:
    page = visitor.open("/kit/parts")
    page.locator(".secret [data-copy]").click()
    expect(page.locator(".secret [data-copy-label]")).to_have_attribute("aria-live", "polite")
    assert page.evaluate("navigator.clipboard.readText()") == "b7Kq-93mV-x2Pz-Ld0w"


def test_long_work_says_so_once_the_form_was_sent(visitor: Visitor) -> None:
    page = visitor.open("/kit/forms")
    expect(page.get_by_text("正在保存")).to_be_hidden()
    page.evaluate("addEventListener('submit', (event) => event.preventDefault())")  # the answer does not come
    page.locator(".submit-row button.is-primary").click()
    expect(page.get_by_text("正在保存")).to_be_visible()
    expect(page.locator(".submit-row button.is-primary")).to_be_disabled()


def assert_one_row(page: Page) -> None:
    """All entries of the header stand in one line, inside the window."""
    middles = page.locator(".top-row .nav-link, .top-row .nav-button").evaluate_all(
        "links => links.map(link => link.getBoundingClientRect()).map(box => Math.round(box.top + box.height / 2))"
    )
    assert max(middles) - min(middles) <= 2
    assert page.locator(".top").evaluate("top => top.getBoundingClientRect().height") <= 60
    assert page.locator(".top").evaluate("top => top.scrollWidth - top.clientWidth") <= 0


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
@pytest.mark.parametrize("size", ["desk", "tablet"])
def test_the_header_is_one_row(visitor: Visitor, locale: str, size: str) -> None:
    page = visitor.open("/login", size=size, locale=locale)
    assert_one_row(page)
    page.locator("#email").fill(PEOPLE[Role.AUDITOR])
    page.locator("#password").fill(PASSWORD)
    page.locator(".login-card .primary").click()
    page.wait_for_url("**/duty")
    assert_one_row(page)


def test_a_table_stays_a_table_on_paper(visitor: Visitor) -> None:
    page = visitor.open("/kit/table", size="phone")
    page.emulate_media(media="print")
    expect(page.locator("thead")).to_be_visible()
    expect(page.locator(".toolbar")).to_be_hidden()
