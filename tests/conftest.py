"""Fixtures that tests of several packages use."""

from __future__ import annotations

pytest_plugins = ("tests.databases",)
