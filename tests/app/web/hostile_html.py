"""Reads an answer as a browser would, and tells what in it was made of somebody's words."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from tests.app.web.hostile_city import MARK

_NAME = re.compile(r"[a-z][a-z0-9:._-]*")
#: A string of JavaScript or JSON in double quotes.
_STRINGS = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "xlink:href", "data", "poster", "srcset"})
_HARMLESS = re.compile(r"(https?://|mailto:|tel:|data:(image/|text/csv)|[/#?.]|[A-Za-z0-9_-]+(/|$|\?))")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.text = ""
        self._script: str | None = None
        self._scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if MARK in tag or not _NAME.fullmatch(tag):
            self.problems.append(f"element {tag}")
        for name, value in attrs:
            self._attribute(tag, name, value or "")
        if tag == "script":
            self._script = dict(attrs).get("type") or ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._script = None

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is None:
            self.text += data
        elif self._script.endswith("json"):
            json.loads(data)
        elif MARK in _STRINGS.sub("", data):
            self.problems.append(f"script with somebody's words: {data[:80]!r}")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if MARK in name or name.startswith("on") or not _NAME.fullmatch(name):
            self.problems.append(f"attribute {name} of {tag}")
        if name in {"style", "srcdoc"} and MARK in value:
            self.problems.append(f"{name} of {tag}")
        if name in _ADDRESSES and value and not _HARMLESS.match(value):
            self.problems.append(f"{name} of {tag} leads to {value[:60]!r}")


def problems_of(html: str) -> list[str]:
    """Elements, attributes, scripts and addresses in the page that were made of hostile words."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if "49{%x" in html or "${49" in html:
        reader.problems.append("a template was filled in")
    return reader.problems
