"""Fixtures that tests of several packages use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.city import close_cities

pytest_plugins = ("tests.databases",)

_WALKS = "tests/walks/"


class FilesAndWalks(LoadFileScheduling):
    """The tests of a file stay in one process, and so do all the walks: they wait more than they work."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return _WALKS if file.startswith(_WALKS) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesAndWalks:
    return FilesAndWalks(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The walks take longest: they begin."""
    items.sort(key=lambda item: not item.nodeid.startswith(_WALKS))


@pytest.fixture(autouse=True)
def cities() -> Iterator[None]:
    """Whoever built a city need not think of its connections."""
    yield
    close_cities()
