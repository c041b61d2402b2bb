"""Every page as each role meets it: usable by everybody, not to be pushed sideways on a phone, and nothing typed runs.

The city is the one of the tests of hostile input: every text is an attack, and as long and as odd as it may be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

import pytest
from playwright.sync_api import Browser, Dialog, Page

from app.models import Role
from app.web import access
from tests.app.web.cast import PASSWORD, PEOPLE
from tests.app.web.hostile_city import MARK, hostile_city
from tests.app.web.hostile_routes import Route, routes
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import Witness
from tests.browser.serving import serving
from tests.walks.installation import log_in

pytestmark = pytest.mark.browser

#: Each page in one language on a desk and in the other on a phone: texts of both are seen at no more cost.
DESK, PHONE = ("en-GB", 1280), ("zh-CN", 390)
#: What is no page: files that are saved, probes, and steps on the way to elsewhere.
NO_PAGES = frozenset(
    {
        "assets.asset",
        "attachments.download",
        "auth.code",
        "evidence.download",
        "health.alive",
        "health.metrics",
        "health.ready",
        "incidents.disengagements",
        "openid.answered",
        "openid.begin",
        "pages.language",
        "permits.driving",
        "permits.notice",
        "static",
        "vehicle_imports.template",
        "zone_editor.round_shape",
        "zone_imports.export",
    }
)
#: They have the most buttons and forms. What both may open is looked at on a desk as one and on a phone as the other.
_BUSIEST = {Role.REGULATOR: DESK, Role.OPERATOR_MANAGER: PHONE}


@dataclass(frozen=True)
class Site:
    """A running city, and one sample of each of its pages."""

    url: str
    pages: Sequence[Route]

    def pages_of(self, role: Role | None, view: tuple[str, int]) -> list[str]:
        """The addresses to look at; what is public as a visitor, what neither of the busiest may open as others."""
        if role is None:
            return [page.url for page in self.pages if page.endpoint in access.PUBLIC]
        mine = [page for page in self.pages if page.endpoint not in access.PUBLIC and role in page.roles()]
        return [page.url for page in mine if _is_looked_at(role, view, _BUSIEST.keys() & set(page.roles()))]


def _is_looked_at(role: Role, view: tuple[str, int], busiest: AbstractSet[Role]) -> bool:
    """Whether a page that these of the busiest may open is one for this role in this view."""
    if len(busiest) == len(_BUSIEST):
        return _BUSIEST.get(role) == view
    return role in busiest or not busiest


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with hostile_city(tmp_path_factory.mktemp("every_page")) as attack:
        pages = [each for each in routes(attack) if each.is_page and each.method == "GET"]
        with serving(attack.app) as url:
            yield Site(url, [each for each in pages if each.endpoint not in NO_PAGES])


@pytest.mark.timeout(420)
@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role or "visitor")
def test_every_page_of(role: Role | None, browser: Browser, site: Site, witness: Witness) -> None:
    problems: list[str] = []
    for view in (DESK, PHONE):
        locale, width = view
        context = browser.new_context(
            base_url=site.url, locale=locale, viewport={"width": width, "height": 844}, reduced_motion="reduce"
        )
        context.set_default_timeout(20_000)
        witness.watch(context)
        page = context.new_page()
        page.on("dialog", partial(_asked, problems))
        try:
            if role is not None:
                log_in(page, PEOPLE[role], PASSWORD)
            problems += [problem for path in site.pages_of(role, view) for problem in problems_of(page, path, width)]
        finally:
            context.close()
    assert not problems, "\n".join(problems)
    assert not [url for url in witness.requested if url.endswith("/x")], "an attack has loaded something"
    assert [told for told in witness.complaints if "Failed to load resource" not in told] == []


def problems_of(page: Page, path: str, width: int) -> list[str]:
    """What is wrong with a page at the width that it is shown in."""
    answer = page.goto(path)
    assert answer is not None
    found = [] if answer.ok else [f"{path}: {answer.status}"]
    if not answer.headers["content-type"].startswith("text/html"):
        return found  # what a page's script asks for
    try:
        assert_accessible(page)
    except AssertionError as error:
        found.append(f"{width} px: {error}")
    sideways = page.evaluate("document.documentElement.scrollWidth") - width
    if sideways > 0:
        found.append(f"{width} px: {path} can be pushed sideways by {sideways} px")
    _touch(page)
    if page.locator(f"x-{MARK}, img[src=x], svg[onload]").count() or page.evaluate("window.pwned !== undefined"):
        found.append(f"{path}: an attack has become markup, or has run")
    page.evaluate("document.fonts.ready.then(() => true)")  # a file that is cut off stays open in the server
    return found


def _asked(problems: list[str], dialog: Dialog) -> None:
    problems.append(f"a dialog: {dialog.message}")
    dialog.dismiss()


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
