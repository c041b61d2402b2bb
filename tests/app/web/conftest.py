from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.web.cast import City, build_registry, small_city


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def city(tmp_path: Path, registry: Path) -> Iterator[City]:
    with small_city(tmp_path, registry) as city:
        yield city
