"""Fixtures that tests of several packages use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.city import close_cities

pytest_plugins = ("tests.databases",)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file stay together; one process begins with all the walks, which wait more than they work."""
    items.sort(key=lambda item: not _is_walk(item))
    for item in items:
        together = "walks" if _is_walk(item) else str(item.path.relative_to(item.config.rootpath))
        item.add_marker(pytest.mark.xdist_group(together))


def _is_walk(item: pytest.Item) -> bool:
    return "walks" in item.path.parts


@pytest.fixture(autouse=True)
def cities() -> Iterator[None]:
    """Whoever built a city need not think of its connections."""
    yield
    close_cities()
