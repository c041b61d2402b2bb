"""The audit log as people and programs read it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app import services
from app.audit import content_hash
from app.database import changing_session, reading_session
from app.models import AuditEntry, AuditHead, Role
from app.services.organisations import register_organisation
from app.services.permit_life import Decision
from app.web.audit_words import NOUNS, VERBS
from app.web.notice_text import NOTICE_TEXTS
from tests.app.web.cast import NOON_MS, PEOPLE, City

SERVICES = Path(services.__file__).parent
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def told(city: City) -> City:
    """An entry that somebody wrote markup into, an hour later."""
    city.time.pass_ms(3_600_000)
    with changing_session(city.engine) as session:
        register_organisation(session, code="HOSTILE", name_zh="坏机构", name_en=HOSTILE, now_ms=city.time())
    return city


def numbers(city: City, **search: object) -> list[int]:
    answer = city.client().get("/api/v1/audit", query_string=search, headers=city.bearer(Role.AUDITOR))
    assert answer.status_code == 200, answer.text
    return [item["number"] for item in answer.get_json()["items"]]


def test_it_is_searched(told: City) -> None:
    whole = numbers(told)
    assert whole == sorted(whole, reverse=True)
    newest = numbers(told, subject_id="HOSTILE")
    assert len(newest) == 1
    for search in (
        {"text": "坏机构"},
        {"text": "<SCRIPT>"},
        {"since_ms": NOON_MS + 1, "action": "organisation.registered"},
    ):
        assert set(newest) <= set(numbers(told, **search)), search
        assert len(numbers(told, **search)) < len(whole)
    assert set(numbers(told, until_ms=NOON_MS + 1)) == set(whole) - set(newest) - set(
        numbers(told, since_ms=NOON_MS + 1)
    )
    assert numbers(told, actor="nobody@city.example") == []
    assert numbers(told, text="100%") == []
    assert numbers(told, text="' OR 1=1 --") == []


def test_it_is_read_page_by_page(told: City) -> None:
    found, cursor = [], None
    while True:
        query = {"limit": 5} | ({"cursor": cursor} if cursor else {})
        page = told.client().get("/api/v1/audit", query_string=query, headers=told.bearer(Role.AUDITOR)).get_json()
        found += [item["number"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == numbers(told, limit=500)


@pytest.mark.parametrize("query", [{"limit": 0}, {"cursor": "x"}, {"since_ms": "yesterday"}, {"number": 1}])
def test_a_bad_question_is_told(told: City, query: dict[str, object]) -> None:
    answer = told.client().get("/api/v1/audit", query_string=query, headers=told.bearer(Role.AUDITOR))
    assert answer.status_code == 422


def test_entry_and_head(told: City) -> None:
    headers = told.bearer(Role.REGULATOR)
    head = told.client().get("/api/v1/audit/head", headers=headers).get_json()
    with reading_session(told.engine) as session:
        kept = session.query(AuditHead).one()
        assert head == {"number": kept.number, "hash": kept.hash.hex()}
    entry = told.client().get(f"/api/v1/audit/{head['number']}", headers=headers).get_json()
    assert entry.pop("hash") == head["hash"]
    assert content_hash(entry).hex() == head["hash"], "everything that the hash covers is in the answer"
    assert told.client().get("/api/v1/audit/99999", headers=headers).status_code == 404


def test_the_export_has_the_whole_chain(told: City) -> None:
    answer = told.logged_in(Role.AUDITOR).get("/desk/audit?export=jsonl")
    entries = [json.loads(line) for line in answer.text.splitlines()]
    with reading_session(told.engine) as session:
        assert [entry["number"] for entry in entries] == [
            n for (n,) in session.query(AuditEntry.number).order_by("number")
        ]
    previous = "00" * 32
    for entry in entries:
        assert entry["previous_hash"] == previous
        previous = entry.pop("hash")
        assert content_hash(entry).hex() == previous


@pytest.mark.parametrize(
    "path", ["/desk/audit", "/desk/audit?text=alert", "/desk/audit?export=csv", "/desk/audit/{newest}"]
)
def test_what_was_written_stays_text(told: City, path: str) -> None:
    client = told.logged_in(Role.AUDITOR)
    with reading_session(told.engine) as session:
        newest = session.query(AuditEntry.number).filter_by(subject_id="HOSTILE").scalar()
    answer = client.get(path.format(newest=newest))
    assert answer.status_code == 200
    if answer.mimetype == "text/html":
        assert HOSTILE not in answer.text


def test_a_bad_search_is_shown_again(told: City) -> None:
    answer = told.logged_in(Role.AUDITOR).get("/desk/audit?since_ms=yesterday")
    assert answer.status_code == 422
    assert 'value="yesterday"' in answer.text


def test_the_page_says_what_to_write_down(told: City) -> None:
    with reading_session(told.engine) as session:
        head = session.query(AuditHead).one()
    text = told.logged_in(Role.AUDITOR).get("/desk/audit").text
    assert f"pilotage verify audit --expect {head.number}:{head.hash.hex()}" in text
    assert PEOPLE[Role.AUDITOR] in text


def test_every_action_has_its_words() -> None:
    """An action without words would be shown by its code, in English to everybody."""
    sources = "".join(file.read_text() for file in SERVICES.glob("*.py"))
    written = set(re.findall(r'(?<!field=)"([a-z_]+\.[a-z_]+)"', sources))
    actions = {each for each in written if each.partition(".")[0] in NOUNS} - NOTICE_TEXTS.keys()
    actions |= {f"permit.{decision}" for decision in Decision}
    assert {each for each in actions if each.partition(".")[2] not in VERBS} == set()
