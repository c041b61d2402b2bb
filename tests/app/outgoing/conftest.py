from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import changing_session, open_engine
from tests.app.outgoing.office import Office
from tests.app.outgoing.receivers import Receiver, answers, receiving
from tests.app.permit_cast import issue


@pytest.fixture
def office(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Office]:
    """On SQLite, where nothing differs."""
    engine = open_engine(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'office.sqlite3')}")
    yield _opened(engine)
    engine.dispose()


@pytest.fixture
def office_on_each(engine: Engine) -> Office:
    """On both databases, for what each does in its own way."""
    return _opened(engine)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that takes everything."""
    with receiving(answers(200, "thanks")) as receiver:
        yield receiver


def _opened(engine: Engine) -> Office:
    office = Office(engine)
    with changing_session(engine) as session:
        issue(session)
    return office
