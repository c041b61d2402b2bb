"""Two who take one identifier at once: the constraint tells the second one what a check tells the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.constraints import lost_race
from app.database import changing, changing_session, open_engine, reading_session
from app.errors import AlreadyRegistered, AppError, Conflict
from app.models import Base, Notice, Organisation
from app.services.organisations import register_organisation
from tests.app.racing import overtaken
from tests.databases import PostgresqlServer

NOW_MS = 1_772_337_600_000


@pytest.fixture
def postgresql_engine(postgresql: PostgresqlServer, migrated_postgresql: str) -> Iterator[Engine]:
    """SQLite lets one transaction write at a time, so that nobody is overtaken there."""
    engine = open_engine(postgresql.url(postgresql.create_database(migrated_postgresql)))
    yield engine
    engine.dispose()


def register(session: Session, code: str, credit_code: str | None = None) -> Organisation:
    names = {"name_zh": "一", "name_en": "One"}
    return register_organisation(session, code=code, now_ms=NOW_MS, credit_code=credit_code, **names)


@pytest.mark.parametrize(("rival", "field"), [(("o1", None), "code"), (("o2", "9144"), "credit_code")])
def test_the_second_is_told_which_field_was_taken(
    postgresql_engine: Engine, rival: tuple[str, str | None], field: str
) -> None:
    with (
        pytest.raises(AlreadyRegistered) as raised,
        overtaken(postgresql_engine, lambda faster: register(faster, *rival)),
        changing_session(postgresql_engine) as session,
    ):
        register(session, "o1", "9144")
    assert raised.value.field == field
    with reading_session(postgresql_engine) as session:
        assert [each.code for each in session.query(Organisation)] == [rival[0]]


def told(engine: Engine, *rows: Base) -> AppError | None:
    """What is made of storing these rows."""
    with pytest.raises(IntegrityError) as raised, Session(changing(engine)) as session, session.begin():
        session.add_all(rows)
    return lost_race(raised.value)


def notice(organisation_id: int) -> Notice:
    subject = {"subject_type": "permit", "subject_id": "P-1", "occasion": "1d"}
    return Notice(kind="permit.ending", **subject, params={}, organisation_id=organisation_id, created_at_ms=NOW_MS)


def test_what_has_gone_is_a_conflict(engine: Engine) -> None:
    assert isinstance(told(engine, notice(7)), Conflict)


def test_what_came_meanwhile_without_a_name_of_its_own_is_a_conflict(engine: Engine) -> None:
    with changing_session(engine) as session:
        company = register(session, "o1")
    assert isinstance(told(engine, notice(company.id), notice(company.id)), Conflict)


def test_a_taken_name_is_found_on_either_database(engine: Engine) -> None:
    found = told(engine, *(Organisation(code="o1", name_zh="一", name_en="One") for _ in range(2)))
    assert isinstance(found, AlreadyRegistered)
    assert found.field == "code"


def test_a_broken_rule_of_the_data_is_nobody_elses_doing(engine: Engine) -> None:
    assert told(engine, Organisation(code="o1", name_zh="一")) is None
