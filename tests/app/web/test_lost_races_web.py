"""Whoever is overtaken at a form is told what was taken, and keeps what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import open_engine
from app.models import Organisation, Role
from app.services.officers import record_licence
from app.settings import Settings
from tests.app.racing import overtaken
from tests.app.web.cast import DAY_MS, SECRET, City, Time, city_over, register_cast
from tests.app.web.register_cast import OFFICER, Person, Program
from tests.databases import PostgresqlServer


@pytest.fixture
def busy_city(postgresql: PostgresqlServer, migrated_postgresql: str, tmp_path: Path) -> Iterator[City]:
    url = postgresql.url(postgresql.create_database(migrated_postgresql))
    environment = {"PILOTAGE_HOME": str(tmp_path), "PILOTAGE_SECRET_KEY": SECRET, "PILOTAGE_DATABASE_URL": url}
    engine = open_engine(url)
    register_cast(engine, Time())
    with city_over(engine, Settings.from_environment(environment)) as city:
        yield city
    engine.dispose()


def register_the_same(session: Session) -> None:
    south = session.scalars(select(Organisation).where(Organisation.code == "SOUTH")).one()
    record_licence(
        session, officer_id=OFFICER["officer_id"], organisation=south, expires_at_ms=DAY_MS * 30_000, now_ms=DAY_MS
    )


def test_a_form_that_is_overtaken_is_shown_again(busy_city: City) -> None:
    manager = Person(busy_city, Role.OPERATOR_MANAGER)
    with overtaken(busy_city.engine, register_the_same):
        answer = manager.send("/desk/officers/new", OFFICER)
    assert (answer.status_code, "taken already" in answer.text) == (422, True)
    assert f'value="{OFFICER["name"]}"' in answer.text
    assert f'value="{OFFICER["licence_number"]}"' in answer.text


def test_a_program_that_is_overtaken_is_told_of_the_field(busy_city: City) -> None:
    program = Program(busy_city, Role.OPERATOR_MANAGER)
    with overtaken(busy_city.engine, register_the_same):
        answer = program.send("POST", "/officers", OFFICER)
    assert answer.status_code == 409
    assert [each["path"] for each in answer.get_json()["errors"]] == ["officer_id"]
