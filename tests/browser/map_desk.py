"""A regulator at a page with a map to draw on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from app.models import Role
from tests.app.web.cast import PASSWORD, PEOPLE, City, small_city
from tests.browser.conftest import Witness
from tests.browser.serving import serving


@dataclass
class MapDesk:
    """The page, and the city whose clock stands still."""

    city: City
    page: Page

    def click_map(self, *places: tuple[float, float]) -> None:
        """Clicks at parts of the map's width and height, too slow to be double clicks."""
        box = self.page.locator(".zone-map").bounding_box()
        assert box is not None
        for across, down in places:
            self.page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
            self.page.wait_for_timeout(350)


@contextmanager
def regulator_at(path: str, browser: Browser, home: Path, witness: Witness) -> Iterator[MapDesk]:
    """Logged in at this path of a small city."""
    with small_city(home, second_factor_required=False) as city, serving(city.app) as url:
        context = browser.new_context(base_url=url, locale="en-GB", viewport={"width": 1280, "height": 900})
        try:
            witness.watch(context)
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.goto(f"/login?next={path}")
            page.locator("input[name=email]").fill(PEOPLE[Role.REGULATOR])
            page.locator("input[name=password]").fill(PASSWORD)
            page.locator("input[name=password]").press("Enter")
            page.wait_for_url(f"**{path}")
            yield MapDesk(city, page)
        finally:
            context.close()
