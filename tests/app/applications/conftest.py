"""A town with people who apply."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database import changing_session, open_engine
from tests.app.applicants import prepare
from tests.app.web.cast import Time, build_registry, register_cast


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hashing the passwords of the cast takes its time: done once, and copied."""
    path = build_registry(tmp_path_factory.mktemp("applicants"))
    engine = open_engine(f"sqlite:///{path}")
    with changing_session(engine) as session:
        prepare(session)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture
def town(prepared: Path, tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{shutil.copy(prepared, tmp_path / 'town.sqlite3')}")
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_town(request: pytest.FixtureRequest) -> Engine:
    """The same town in either database."""
    if request.param == "sqlite":
        engine: Engine = request.getfixturevalue("town")
        return engine
    engine = request.getfixturevalue("postgresql_engine")
    register_cast(engine, Time())
    with changing_session(engine) as session:
        prepare(session)
    return engine


@pytest.fixture
def session(town: Engine) -> Iterator[Session]:
    with changing_session(town) as session:
        yield session
