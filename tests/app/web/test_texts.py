"""Every text exists in both languages, and the compiled catalogue is the one that was written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment

from app.web.findings_text import FINDING_TEXTS
from app.web.language import TRANSLATIONS
from telemetry.findings import Finding

APP = TRANSLATIONS.parent
CATALOGUE = TRANSLATIONS / "zh_Hans_CN" / "LC_MESSAGES" / "messages.po"
TEMPLATES = APP / "web" / "templates"
SCRIPTS = APP / "web" / "static" / "js"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
#: Said the same in both languages, or nothing but punctuation.
SHARED = {"eVTOLs", ": ", ", ", "; ", "API", "SAE J3016", "Webhook"}
#: The names under which texts are marked, as babel wants them; language.py's command names the same.
KEYWORDS = {
    "_": None,
    "_now": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "lazy_pgettext": ((1, "c"), 2),
}
#: Names that the translators of flask_babel may have in a module.
MARKED_AS = {
    "gettext": {"_", "_now", "gettext"},
    "lazy_gettext": {"_", "lazy_gettext"},
    "ngettext": {"ngettext"},
    "pgettext": {"pgettext"},
    "lazy_pgettext": {"lazy_pgettext"},
}

#: What stands in templates as it is: names, units and formats.
BARE = {"· Pilotage 领航", "Pilotage", "Illustrative data", "English", "QH-2026-0001", "openapi.json"}
BARE |= {"km", "min", "HH:MM", "•HH:MM", "(JSON)", "(GeoJSON)"}
#: Keys of a keyboard.
BARE |= {"• (Shift+←)", "• (Shift+→)"}
#: Said in both languages at once, whoever reads it.
BARE |= {"This page lists what the record tells and what it leaves open. It decides nothing."}
#: Classes that a page gives its body.
CLASSES = re.compile(r"(is|page)-[a-z-]+( (is|page)-[a-z-]+)*")
ATTRIBUTE = re.compile(r'[\w-]+="[^"]*"')
WORD = re.compile("[A-Za-z]{2}")
CODE = {"code", "pre", "script", "style", "svg"}
SPOKEN = {"alt", "aria-label", "placeholder", "title"}

#: A text with its context, which is empty for most.
Key = tuple[str, str]


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh_CN")


def key_of(message: Message) -> Key:
    return str(message.context or ""), first(message.id)


def first(text: object) -> str:
    """The text itself, or the first form of one that counts."""
    return str(text[0]) if isinstance(text, tuple | list) and text else str(text or "")


def entries(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def texts_in_source() -> set[Key]:
    methods = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
    found = extract_from_dir(APP, methods, {}, keywords=KEYWORDS)
    return {(str(context or ""), first(message)) for _, _, message, _, context in found}


def test_every_text_of_the_pages_is_translated(catalogue: Catalog) -> None:
    translated = {key_of(message) for message in entries(catalogue) if first(message.string)}
    assert texts_in_source() - translated == set()


def test_no_translation_is_a_guess(catalogue: Catalog) -> None:
    assert [key_of(message) for message in entries(catalogue) if message.fuzzy] == []


def test_no_translation_is_left_over(catalogue: Catalog) -> None:
    assert {key_of(message) for message in entries(catalogue)} - texts_in_source() == set()
    assert not catalogue.obsolete


def test_translations_are_chinese(catalogue: Catalog) -> None:
    texts = {first(message.id): first(message.string) for message in entries(catalogue)}
    wordy = {text for text in texts if WORD.search(PLACEHOLDER.sub("", text))} - SHARED
    assert [text for text in wordy if not CHINESE.search(texts[text])] == []


def test_translations_keep_their_placeholders(catalogue: Catalog) -> None:
    for message in entries(catalogue):
        text, said = first(message.id), first(message.string)
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(said)), text
        assert text.count("%") == said.count("%"), f"a bare per cent sign breaks the formatting: {text}"


def test_the_compiled_catalogue_is_up_to_date(catalogue: Catalog) -> None:
    fresh = BytesIO()
    write_mo(fresh, catalogue)
    fresh.seek(0)
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    assert {key_of(m): first(m.string) for m in entries(compiled)} == {
        key_of(m): first(m.string) for m in entries(read_mo(fresh))
    }


def test_texts_are_marked_under_names_that_the_extraction_knows() -> None:
    assert {name for names in MARKED_AS.values() for name in names} <= set(KEYWORDS)
    for module in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "flask_babel":
                for name in node.names:
                    allowed = MARKED_AS.get(name.name, {name.asname or name.name})
                    assert (name.asname or name.name) in allowed, f"{module.name}: {name.name} as {name.asname}"


@pytest.mark.parametrize("finding", Finding, ids=lambda finding: finding.code)
def test_every_finding_is_worded_in_both_languages(finding: Finding) -> None:
    text = FINDING_TEXTS[finding]
    for wording in (text.zh.name, text.zh.description):
        assert CHINESE.search(wording)
    for wording in (text.en.name, text.en.description):
        assert wording
        assert not CHINESE.search(wording)


def test_no_two_findings_have_the_same_name() -> None:
    assert len({text.zh.name for text in FINDING_TEXTS.values()}) == len(Finding)
    assert len({text.en.name for text in FINDING_TEXTS.values()}) == len(Finding)


def test_scripts_carry_no_text_of_their_own() -> None:
    scripts = sorted(SCRIPTS.rglob("*.js"))
    assert any(script.parent != SCRIPTS for script in scripts)
    for script in scripts:
        assert not CHINESE.search(script.read_text("utf-8")), script.relative_to(SCRIPTS)


def test_templates_carry_chinese_only_where_they_say_so() -> None:
    for template in all_templates():
        for number, line in enumerate(template.read_text("utf-8").splitlines(), 1):
            if CHINESE.search(line):
                said = 'lang="zh-CN"' in line or "<title>" in line
                assert said, f"{template.relative_to(TEMPLATES)}:{number}"


def test_templates_carry_english_only_through_the_catalogue() -> None:
    for template in all_templates():
        page = BareTexts()
        page.feed(without_expressions(template.read_text("utf-8")))
        left = [text for text in page.found if WORD.search(text) and text not in BARE and not CLASSES.fullmatch(text)]
        assert left == [], template.relative_to(TEMPLATES)


def without_expressions(source: str) -> str:
    """The template with a bullet for each expression, statement and comment."""
    tokens = Environment(autoescape=True).lex(source)
    return re.sub("\x00+", "•", "".join(value if kind == "data" else "\x00" for _line, kind, value in tokens))


class BareTexts(HTMLParser):
    """Collects what is written between tags and in the attributes that people meet."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_code += tag in CODE
        self.found += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._in_code -= tag in CODE

    def handle_data(self, data: str) -> None:
        if not self._in_code:
            texts = ATTRIBUTE.sub("", data)  # some blocks hold attributes of a tag that another template opens
            self.found += [text.strip() for text in re.split("[•\n]", texts)]


def all_templates() -> list[Path]:
    found = sorted(TEMPLATES.rglob("*.html"))
    assert any(template.parent != TEMPLATES for template in found)
    return found
