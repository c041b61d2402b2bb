"""Pages by keyset: nothing twice, nothing passed over, whatever comes and goes between two of them."""

from __future__ import annotations

import base64

import pytest
from sqlalchemy import Engine, delete, select

from app.database import changing_session, reading_session
from app.errors import InvalidChange
from app.models import Organisation
from app.services.organisations import organisation_page, register_organisation
from app.services.pages import Page, page_among, page_in, read_page


def written(keys: str) -> str:
    return base64.urlsafe_b64encode(keys.encode()).decode()


def register(engine: Engine, *codes: str) -> None:
    with changing_session(engine) as session:
        for code in codes:
            register_organisation(session, code=code, name_zh=code, name_en=code, now_ms=1)


def page(engine: Engine, cursor: str | None = None, *, limit: int = 2, newest_first: bool = False) -> Page[str]:
    with reading_session(engine) as session:
        key = Organisation.code
        found = read_page(session, select(Organisation), key, limit=limit, cursor=cursor, newest_first=newest_first)
        return found.map(lambda row: row[0].code)


def test_the_last_page_says_so(engine: Engine) -> None:
    assert page(engine) == Page([], None)
    register(engine, "B", "D")
    assert page(engine) == Page(["B", "D"], None)
    assert page(engine, newest_first=True) == Page(["D", "B"], None)


def test_what_comes_and_goes_meanwhile_moves_nothing(engine: Engine) -> None:
    register(engine, "B", "D", "F")
    first = page(engine)
    register(engine, "A", "C", "E")
    with engine.begin() as connection:
        connection.execute(delete(Organisation).where(Organisation.code == "D"))
    assert page(engine, first.next_cursor) == Page(["E", "F"], None)
    last = page(engine, newest_first=True, limit=1)
    assert page(engine, last.next_cursor, newest_first=True, limit=9).items == ["E", "C", "B", "A"]


def test_what_no_query_tells_is_read_until_a_page_is_full() -> None:
    asked: list[int] = []

    def read(limit: int, cursor: str | None) -> Page[int]:
        asked.append(limit)
        return page_in(range(2_000), lambda number: number, limit=limit, cursor=cursor)

    def rare(cursor: str | None) -> Page[int]:
        return page_among(read, lambda number: number % 900 == 0, lambda number: (number,), limit=2, cursor=cursor)

    first = rare(None)
    assert first.items == [0, 900]
    assert rare(first.next_cursor) == Page([1800], None)
    assert set(asked) == {500}
    assert page_among(read, None, lambda number: (number,), limit=2, cursor=None).items == [0, 1]
    assert asked[-1] == 2


@pytest.mark.parametrize("cursor", ["", "x", "é", "====", *map(written, ("[1]", r'["a\u0000"]', "{}"))])
def test_a_cursor_of_no_page_is_refused_at_its_field(engine: Engine, cursor: str) -> None:
    with reading_session(engine) as session, pytest.raises(InvalidChange) as caught:
        organisation_page(session, organisation_id=None, text=None, limit=1, cursor=cursor)
    assert caught.value.field == "cursor"
