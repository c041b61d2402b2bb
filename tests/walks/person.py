"""A person at a browser: fills in, presses, looks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import Witness
from tests.walks.installation import Installation, context_of, log_in, picture

#: Nothing is fading in: what is half transparent has no contrast yet.
_SETTLED = """() => document.getAnimations().every(
    animation => animation.playState !== "running" || animation.effect.getComputedTiming().endTime === Infinity)"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a browser of their own."""

    page: Page

    def log_in(self, email: str, password: str) -> None:
        """Through the login form."""
        log_in(self.page, email, password)

    def replace_password(self, old: str, new: str) -> None:
        """The page that a temporary password leads to."""
        self.sees("Your password is a temporary one")
        self.fill({"old_password": old, "new_password": new, "repeated": new})
        self.press("Change")

    def goes_to(self, *names: str) -> None:
        """Through the menus of the header: a group, then its page, or a page that stands alone."""
        header = self.page.locator("header")
        for name in names:
            header.get_by_text(name, exact=True).first.click()

    def fill(self, fields: Mapping[str, str]) -> None:
        """Texts by the names of their fields."""
        for name, text in fields.items():
            self.page.locator(f"[name='{name}']").fill(text)

    def choose(self, choices: Mapping[str, str]) -> None:
        """Values of drop-down lists by their names."""
        for name, value in choices.items():
            self.page.locator(f"select[name='{name}']").select_option(value)

    def tick(self, *labels: str) -> None:
        """Boxes and round buttons whose labels begin so."""
        for label in labels:
            beginning = re.compile(rf"^\s*{re.escape(label)}")
            self.page.locator("label", has_text=beginning).locator("input").first.check()

    def upload(self, file: Path) -> None:
        """Into the page's one field for files."""
        self.page.set_input_files("input[type=file]", file)

    def press(self, name: str) -> None:
        """A button or a link that looks like one."""
        either = self.page.get_by_role("button", name=name, exact=True)
        either.or_(self.page.get_by_role("link", name=name, exact=True)).locator("visible=true").first.click()

    def sees(self, text: str) -> None:
        """Somewhere on the page, for whoever looks."""
        expect(self.page.get_by_text(text).locator("visible=true").first).to_be_visible()

    def copies(self, place: Locator) -> str:
        """What the button beside `place` puts on the clipboard."""
        place.get_by_role("button", name="Copy").click()
        expect(place.get_by_role("button", name="Copied")).to_be_visible()
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def passes(self, name: str = "") -> None:
        """Everybody could use the page as it stands; its picture goes into the guide when it has a name."""
        self.page.wait_for_function(_SETTLED)
        assert_accessible(self.page)
        if name:
            picture(self.page, name)


def arrives(browser: Browser, place: Installation, witness: Witness) -> Person:
    """Somebody new, with a browser that remembers nothing."""
    context = context_of(browser, place)
    witness.watch(context)
    return Person(context.new_page())


def unexpected(witness: Witness) -> list[str]:
    """What pages complained about, but for the answer to a form that has to be corrected."""
    return [text for text in witness.complaints if "status of 422" not in text]
