"""Fixtures that tests of several packages use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.city import close_cities

pytest_plugins = ("tests.databases",)


@pytest.fixture(autouse=True)
def cities() -> Iterator[None]:
    """Whoever built a city need not think of its connections."""
    yield
    close_cities()
