"""Every text exists in both languages, and the compiled catalogue is the one that was written."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from app.web.findings_text import FINDING_TEXTS
from app.web.language import TRANSLATIONS
from telemetry.findings import Finding

APP = TRANSLATIONS.parent
CATALOGUE = TRANSLATIONS / "zh_Hans_CN" / "LC_MESSAGES" / "messages.po"
SCRIPTS = APP / "web" / "static" / "js"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: Said the same in both languages.
SHARED = {"eVTOLs", ": "}


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh_CN")


def texts_in_source() -> set[str]:
    methods = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
    found = extract_from_dir(APP, methods, {}, keywords={"_": None, "gettext": None, "ngettext": (1, 2)})
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def test_every_text_of_the_pages_is_translated(catalogue: Catalog) -> None:
    translated = {str(m.id) for m in catalogue if m.id and m.string and not m.fuzzy}
    assert texts_in_source() - translated == set()


def test_no_translation_is_left_over(catalogue: Catalog) -> None:
    assert {str(m.id) for m in catalogue if m.id} - texts_in_source() == set()
    assert not catalogue.obsolete


def test_translations_are_chinese_and_keep_their_placeholders(catalogue: Catalog) -> None:
    for message in catalogue:
        if not message.id or message.id in SHARED:
            continue
        text, translation = str(message.id), str(message.string)
        assert CHINESE.search(translation), text
        placeholders = re.compile(r"%\(\w+\)s|\{\w+\}")
        assert sorted(placeholders.findall(text)) == sorted(placeholders.findall(translation)), text


def test_the_compiled_catalogue_is_up_to_date(catalogue: Catalog) -> None:
    fresh = BytesIO()
    write_mo(fresh, catalogue)
    fresh.seek(0)
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    assert {m.id: m.string for m in compiled if m.id} == {m.id: m.string for m in read_mo(fresh) if m.id}


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
    for script in sorted(Path(SCRIPTS).glob("*.js")):
        assert not CHINESE.search(script.read_text("utf-8")), script.name


def test_templates_carry_chinese_only_where_they_say_so() -> None:
    for template in sorted((APP / "web" / "templates").glob("*.html")):
        for number, line in enumerate(template.read_text("utf-8").splitlines(), 1):
            if CHINESE.search(line):
                assert 'lang="zh-CN"' in line or "<title>" in line, f"{template.name}:{number}"
