"""Whether a page can be used by everybody: axe-core with the rules of WCAG 2.1, levels A and AA."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: The tags of axe-core for these levels.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
_PLACES_SHOWN = 5


def assert_accessible(page: Page, *, within: str = "html") -> None:
    """Fail with a readable list when axe-core finds a violation; `within` is a selector of the part to check.

    The script comes in through the debugger, past the page's content security policy. It does not fetch the
    style sheets a second time, which is half of its work and serves one rule: that none locks the orientation.
    """
    options = {
        "runOnly": {"type": "tag", "values": list(RULES)},
        "resultTypes": ["violations"],
        "preload": False,
    }
    found = Axe().run(page, context=within, options=options).response["violations"]
    assert not found, f"{page.url}\n" + "\n".join(_told(violation) for violation in found)


def _told(violation: dict[str, Any]) -> str:
    places = [f"    {node['target']} {_reason(node)}" for node in violation["nodes"][:_PLACES_SHOWN]]
    more = len(violation["nodes"]) - len(places)
    head = f"  {violation['id']} ({violation['impact']}): {violation['help']}"
    return "\n".join([head, *places, *([f"    and {more} more"] if more > 0 else [])])


def _reason(node: dict[str, Any]) -> str:
    return str(node["failureSummary"]).replace("\n", " ")
