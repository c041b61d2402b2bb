from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from app.services import passwords
from tests.app.web.cast import City, build_registry, small_city
from tests.app.web.hostile_city import Attack, hostile_city


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Passwords are hashed for nobody's safety here: with the least effort that argon2 knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        passwords._nobodys_hash.cache_clear()
        yield
    passwords._nobodys_hash.cache_clear()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def city(tmp_path: Path, registry: Path) -> Iterator[City]:
    with small_city(tmp_path, registry) as city:
        yield city


@pytest.fixture(scope="session")
def attack(tmp_path_factory: pytest.TempPathFactory, registry: Path) -> Iterator[Attack]:
    """The city with an attack in every text; for tests that change nothing."""
    with hostile_city(tmp_path_factory.mktemp("hostile"), registry) as attack:
        yield attack
