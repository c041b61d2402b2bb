from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import open_engine
from tests.app.evidence.scene import bundle, street, unpacked


@pytest.fixture(scope="module")
def street_on_sqlite(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Engine]:
    """The street in a database that nobody changes."""
    path = shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("street") / "street.sqlite3")
    engine = open_engine(f"sqlite:///{path}")
    street(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def whole(street_on_sqlite: Engine) -> bytes:
    """A bundle that nobody has touched."""
    return bundle(street_on_sqlite)


@pytest.fixture
def files(whole: bytes) -> dict[str, bytes]:
    """Its files."""
    return unpacked(whole)
