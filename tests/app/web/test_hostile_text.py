"""Stored cross-site scripting: with an attack in every text, no page makes anything of it but text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from werkzeug.test import TestResponse

from app.models import Role
from tests.app.web.hostile_city import HOSTILE, MARK, Attack
from tests.app.web.hostile_html import problems_of
from tests.app.web.hostile_routes import Route, looked_at

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_LANGUAGES = ("zh", "en")
_OTHER_STATES = {
    "application": ("waiting", "returned"),
    "waiting": ("returned",),
    "incident": ("decided_incident",),
    "sanction": ("appealed_sanction",),
}
#: What no browser takes for a page.
_DATA = frozenset({"json", "problem+json", "geo+json", "csv"})


@pytest.fixture(scope="module")
def callers(attack: Attack) -> Mapping[str, FlaskClient]:
    """Somebody of each role, and the public."""
    return {"public": attack.city.client()} | {role.value: attack.city.logged_in(role) for role in Role}


def _urls(attack: Attack, caller: str) -> Iterator[str]:
    """Everything that the caller may look at, and the same for objects in another state."""
    for route in _pages(attack, caller):
        yield route.url
        for name, others in _OTHER_STATES.items():
            if name in route.objects.values():
                yield from (route.url.replace(attack.objects[name], attack.objects[other]) for other in others)


def _pages(attack: Attack, caller: str) -> list[Route]:
    return [route for route in looked_at(attack) if caller == "public" or caller in route.roles()]


@pytest.mark.parametrize("caller", ["public", *Role])
def test_no_answer_makes_markup_of_words(attack: Attack, callers: Mapping[str, FlaskClient], caller: str) -> None:
    client, seen, problems = callers[str(caller)], 0, {}
    client.set_cookie("language", _LANGUAGES[len(caller) % 2])
    for url in _urls(attack, str(caller)):
        answer = client.get(url, buffered=True)
        if found := _problems(answer):
            problems[url] = found
        seen += MARK.encode() in answer.data
    assert not problems, "\n".join(f"{url}: {found}" for url, found in problems.items())
    assert seen > (3 if caller == "public" else 30), f"{caller} saw hostile words on {seen} pages only"


def _problems(answer: TestResponse) -> list[str]:
    """What is wrong with an answer in which hostile words may stand."""
    problems = [] if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else [answer.status]
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        problems.append("a browser may guess what it is")
    if answer.mimetype == "text/html":
        return problems + problems_of(answer.text)
    if MARK.encode() in answer.data and (answer.mimetype or "").partition("/")[2] not in _DATA:
        problems.append(f"hostile words in {answer.mimetype}")
    return problems


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_no_export_holds_a_formula(attack: Attack, callers: Mapping[str, FlaskClient], form: str) -> None:
    exports = hostile = 0
    for caller in (Role.OPERATOR_MANAGER, Role.REGULATOR, Role.ADMINISTRATOR):
        for route in _pages(attack, caller):
            if not route.is_table:
                continue
            page = callers[caller].get(route.url)
            for url in re.findall(rf'href="([^"]*\bexport={form}[^"]*)"', page.text):
                answer = callers[caller].get(url.replace("&amp;", "&"))
                assert answer.status_code == HTTPStatus.OK, url
                assert answer.headers["Content-Disposition"].startswith("attachment"), url
                cells = _csv_cells(answer) if form == "csv" else _sheet_cells(answer)
                assert not (bad := [cell for cell in cells if _is_formula(cell)]), (url, bad)
                exports += 1
                hostile += any(MARK in cell for cell in cells)
    assert exports > 10
    assert hostile > 5


def _csv_cells(answer: TestResponse) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))) for cell in row]


def _sheet_cells(answer: TestResponse) -> list[str]:
    """The texts, those that are marked as such with an apostrophe before them."""
    book = load_workbook(io.BytesIO(answer.data))
    return [
        f"={cell.value}" if cell.data_type == "f" else ("'" if cell.quotePrefix else "") + str(cell.value)
        for row in book.worksheets[0].iter_rows()
        for cell in row
        if cell.value is not None and cell.data_type in "fs"
    ]


def _is_formula(cell: str) -> bool:
    return bool(_FORMULA.match(cell)) and not _NUMBER.fullmatch(cell)


def test_the_notice_of_a_permit_is_still_a_document(attack: Attack, callers: Mapping[str, FlaskClient]) -> None:
    answer = callers[Role.REGULATOR].get(f"/desk/permits/{attack.objects['permit']}/notice.pdf")
    assert answer.status_code == HTTPStatus.OK
    assert answer.data.startswith(b"%PDF-")
    assert answer.data.rstrip().endswith(b"%%EOF")
    assert b"/JavaScript" not in answer.data
    assert b"/Launch" not in answer.data


def test_hostile_words_fit_into_every_text_and_stay_whole(callers: Mapping[str, FlaskClient]) -> None:
    assert len(HOSTILE) <= 200
    answer = callers[Role.OPERATOR_MANAGER].get("/api/v1/organisations/NORTH")
    assert answer.get_json()["name_en"] == HOSTILE
