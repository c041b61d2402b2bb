"""A visitor finds out what drives on their street today, as docs/guide/visitor.md tells it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import is_zipfile

import pytest
from playwright.sync_api import Browser, Page, expect

from app.database import changing_session, opened_engine
from app.showcase.seed import seed
from app.simulator.credentials import write_credentials
from telemetry.clock import system_clock
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import Witness
from tests.walks.installation import ROOT, Installation, context_of, installation, picture

pytestmark = pytest.mark.browser

PHONE, DESKTOP = (390, 844), (1280, 800)
#: Those whose duty keeps them on the visitor's street, and some company.
DRIVING = {"YL-011", "YL-012", "YL-013", "HJ-001", "HJ-002", "YL-002", "FL-101", "FL-102"}
STREET = "road-hanghai"
#: The public view is late, and a page looks again every 15 s.
SOON_MS = 60_000
LISTS = {
    "Permits in force": ("permits", "QH-2026-R01"),
    "Trials": ("trials", "Trial"),
    "Operators": ("operators", "Headland Mobility"),
    "Roads and corridors": ("places", "Hanghai Road"),
}
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The showcase with a small fleet on its way."""
    home = tmp_path_factory.mktemp("visitor")
    with installation(home, PILOTAGE_PUBLIC_REST_S="0") as place:
        with opened_engine(place.settings().database_url) as engine, changing_session(engine) as session:
            credentials = seed(session, system_clock()).credentials
        fleet = home / "fleet.json"
        write_credentials(fleet, [each for each in credentials if each.vehicle_id in DRIVING])
        program = [sys.executable, "-c", "from app.cli import main; main()", "simulate", "--fleet", str(fleet)]
        with (home / "simulate.log").open("wb") as log:
            simulator = subprocess.Popen(program, cwd=ROOT, env=dict(place.environment), stdout=log, stderr=log)
        try:
            yield place
        finally:
            simulator.send_signal(signal.SIGTERM)
            simulator.wait(timeout=30)


@pytest.fixture
def visit(browser: Browser, city: Installation, witness: Witness) -> Iterator[Visit]:
    """Opens a path for somebody who was never here: `visit("/", "zh-CN", PHONE)`."""
    opened: list[Page] = []

    def visit(path: str, locale: str, size: tuple[int, int]) -> Page:
        context = context_of(browser, city, locale=locale, size=size)
        witness.watch(context)
        opened.append(context.new_page())
        opened[-1].goto(path)
        return opened[-1]

    yield visit
    for page in opened:
        page.context.close()


def good_for_everybody(page: Page) -> None:
    """Readable by screen readers, and nothing to be pushed sideways."""
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def choose_in_menu(page: Page, *names: str) -> None:
    for name in names:
        exactly = re.compile(rf"^\s*{re.escape(name)}\s*$")
        page.locator("header").locator("summary, a").filter(has_text=exactly).locator("visible=true").first.click()


def test_a_resident_with_a_phone_finds_out_what_drives_on_their_street(visit: Visit, witness: Witness) -> None:
    page = visit("/", "zh-CN", PHONE)
    expect(page.locator('.vehicle[data-kind="road"]').first).to_be_attached(timeout=SOON_MS)
    expect(page.locator("#count-air")).not_to_have_text("0", timeout=SOON_MS)
    expect(page.locator(".notice")).to_contain_text("位置延迟约 2 秒并已模糊化")
    good_for_everybody(page)
    picture(page, "visitor-map-zh")
    choose_in_menu(page, "菜单", "身边的试点")
    search_for_the_street(page)
    read_about_the_street(page)
    page.get_by_role("link", name="QH-2026-R05").first.click()
    expect(page.locator(".verdict")).to_contain_text("有效")
    expect(page.locator(".verdict")).to_contain_text("此许可当前有效")
    good_for_everybody(page)
    picture(page, "visitor-verified-zh")
    assert witness.complaints == []


def search_for_the_street(page: Page) -> None:
    """While typing, and then with the button; names in either language will do."""
    search, offered = page.get_by_label("街道或地点", exact=True), page.locator("#places a")
    everything = offered.count()
    search.fill("没有这条路")
    expect(page.get_by_text("没有符合条件的内容")).to_be_visible()
    expect(offered.locator("visible=true")).to_have_count(0)
    search.fill("")
    expect(offered.locator("visible=true")).to_have_count(everything)
    search.fill("hanghai")
    expect(offered.locator("visible=true")).to_have_text(["航海路"])
    good_for_everybody(page)
    search.fill("航海路")
    page.get_by_role("button", name="查询").click()
    expect(offered).to_have_text(["航海路"])
    picture(page, "visitor-street-search-zh")
    offered.click()


def read_about_the_street(page: Page) -> None:
    """What drives there, who may, and whom to call."""
    expect(page.locator("h1")).to_contain_text("航海路")
    expect(page.locator("[data-road]")).not_to_have_text("0", timeout=SOON_MS)
    expect(page.locator(".street-now")).to_contain_text("约延迟 2 秒")
    allowed = page.locator(".permit-list > li")
    expect(allowed.first).to_contain_text("安全员")
    for number in ("110", "120"):
        expect(page.get_by_role("link", name=number, exact=True)).to_have_attribute("href", f"tel:{number}")
    operators = page.locator(".contact-list")
    expect(operators).to_contain_text("云鲤智驾")
    expect(operators.locator("a[href^='tel:+86']").first).to_be_visible()
    good_for_everybody(page)
    picture(page, "visitor-street-zh")


def test_somebody_scans_the_number_of_a_permit(visit: Visit) -> None:
    page = visit("/verify", "en-GB", PHONE)
    for number, answer in (("QH-2026-R03", "Suspended"), ("QH-2026-R01", "In force")):
        page.goto("/verify")
        page.get_by_label("Number of the permit").fill(number)
        page.get_by_role("button", name="Verify").click()
        expect(page.locator(".verdict")).to_contain_text(answer)
        good_for_everybody(page)
    picture(page, "visitor-verified-en")
    page.goto("/verify/QH-0000-0000")
    expect(page.get_by_text("There is no permit with the number QH-0000-0000.")).to_be_visible()
    good_for_everybody(page)


def test_the_registers_are_read_and_taken_home(visit: Visit, witness: Witness, tmp_path: Path) -> None:
    page = visit("/", "en-GB", DESKTOP)
    expect(page.locator('.vehicle[data-kind="road"]').first).to_be_attached(timeout=SOON_MS)
    picture(page, "visitor-map-en")
    for title, (name, content) in LISTS.items():
        choose_in_menu(page, "Public registers", title)
        expect(page.locator("h1")).to_have_text(title)
        expect(page.locator("table")).to_contain_text(content)
        good_for_everybody(page)
        picture(page, f"visitor-{name}-en")
        for kind in ("csv", "xlsx"):
            with page.expect_download() as download:
                page.get_by_role("link", name=kind.upper()).click()
            file = tmp_path / download.value.suggested_filename
            download.value.save_as(file)
            assert is_zipfile(file) if kind == "xlsx" else content in file.read_text("utf-8")
    choose_in_menu(page, "Safety")
    expect(page.get_by_text("Why some numbers are missing")).to_be_visible()
    good_for_everybody(page)
    assert witness.complaints == []


def test_the_map_in_words_by_keyboard_alone(visit: Visit) -> None:
    page = visit("/", "en-GB", DESKTOP)
    tab_to(page, "The map in words")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("The map in words")
    row = page.locator("#places li", has_text="Hanghai Road").first
    for _ in range(20):
        if row.get_by_text(re.compile(r"\d cars?")).count():
            break
        page.reload()
        page.wait_for_timeout(1_000)
    expect(row).to_contain_text(re.compile(r"\d cars?"))
    good_for_everybody(page)
    picture(page, "visitor-words-en")
    tab_to(page, "Hanghai Road")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/street/{STREET}$"))


def tab_to(page: Page, name: str) -> None:
    """Press the tab key until the link of this name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"the tab key does not lead to {name}")


def test_without_javascript_every_answer_is_there(browser: Browser, city: Installation) -> None:
    with browser.new_context(
        base_url=city.url, locale="en-GB", java_script_enabled=False, viewport={"width": 390, "height": 844}
    ) as context:
        page = context.new_page()
        page.goto("/")
        page.locator(".connection-banner").get_by_role("link", name="The map in words").click()
        expect(page.locator("#places")).to_be_visible()
        choose_in_menu(page, "Menu", "On my street")
        page.get_by_label("Street or place", exact=True).fill("nowhere at all")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_text("Nothing matches")).to_be_visible()
        page.get_by_role("link", name="Show everything").click()
        page.get_by_label("Street or place", exact=True).fill("Hanghai")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Hanghai Road").click()
        expect(page.locator(".contact-list")).to_contain_text("Cloudkoi")
        choose_in_menu(page, "Menu", "中文")
        expect(page.locator("h1")).to_contain_text("航海路")
