"""Fixtures that tests of several packages use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.city import close_cities

pytest_plugins = ("tests.databases",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The walks begin: they wait more than they work, and what runs beside them goes on meanwhile."""
    items.sort(key=lambda item: "walks" not in item.path.parts)


@pytest.fixture(autouse=True)
def cities() -> Iterator[None]:
    """Whoever built a city need not think of its connections."""
    yield
    close_cities()
