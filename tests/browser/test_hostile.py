"""An attack in every text, looked at with a real browser: nothing runs, nothing is loaded, nothing is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from app.models import Role
from tests.app.web.cast import PASSWORD, email_of
from tests.app.web.hostile_city import MARK, Attack, hostile_city
from tests.app.web.hostile_routes import routes
from tests.browser.conftest import Witness
from tests.browser.serving import serving

_CALLERS = (Role.REGULATOR, Role.OPERATOR_MANAGER, Role.ADMINISTRATOR)
#: Answers that are no pages of ours, or lead away from them.
_NO_PAGES = (
    "/api/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/lang/",
    "/login",
    "/assets/",
    "/static/",
    "/desk/attachments/",
    "/desk/incidents/disengagements",
    "/desk/zone-editor/circle",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Attack, str]]:
    with hostile_city(tmp_path_factory.mktemp("hostile")) as attack, serving(attack.app) as url:
        yield attack, url


@pytest.fixture
def visit(browser: Browser, hostile: tuple[Attack, str], witness: Witness) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=hostile[1], locale="zh-CN", reduced_motion="reduce")
    context.set_default_timeout(20_000)
    witness.watch(context)
    yield context
    context.close()


def _pages(attack: Attack, role: Role | None) -> list[str]:
    """The pages that this caller is the first to be allowed."""
    found = []
    for route in routes(attack):
        if not route.is_table or route.endpoint.endswith(".download") or route.url.startswith(_NO_PAGES):
            continue
        first = next(each for each in _CALLERS if each in route.roles())
        is_public = not route.url.startswith(("/desk", "/duty", "/liability", "/replay", "/staff"))
        if is_public == (role is None) and (role is None or first is role):
            found.append(route.url)
    return found


def _log_in(page: Page, role: Role) -> None:
    page.goto("/login")
    page.locator("input[name=email]").fill(email_of(role))
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator(".login-card .primary").click()
    page.wait_for_url("**/duty")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", [None, *_CALLERS])
def test_no_text_runs(visit: BrowserContext, hostile: tuple[Attack, str], witness: Witness, role: Role | None) -> None:
    page = visit.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    if role is not None:
        _log_in(page, role)
    ran, failed = [], []
    for url in _pages(hostile[0], role):
        answer = page.goto(url, wait_until="load")
        if answer is None or not answer.ok:
            failed.append(url)
        _touch(page)
        made = page.locator(f"x-{MARK}, img[src=x], svg[onload]").count()
        if made or page.evaluate("window.pwned !== undefined"):
            ran.append(url)
    assert not ran
    assert not dialogs
    assert not [each for each in witness.requested if each.endswith("/x")]
    assert not [each for each in witness.complaints if not each.startswith("Failed to load resource")]
    assert not failed


def _touch(page: Page) -> None:
    """Open what a page shows only when it is asked to: what maps tell of a shape, and folded boxes."""
    page.evaluate(
        """() => {
            for (const box of document.querySelectorAll('details')) box.open = true;
            for (const shape of [...document.querySelectorAll('path.leaflet-interactive')].slice(0, 5)) {
                for (const kind of ['mouseover', 'click']) {
                    shape.dispatchEvent(new MouseEvent(kind, {bubbles: true, clientX: 200, clientY: 200}));
                }
            }
        }"""
    )
