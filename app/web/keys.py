"""Numbers of rows in addresses and fields: what no row can have is not asked of the database."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

_LARGEST = 2**63 - 1


class KeyConverter(IntegerConverter):
    """`<int:...>` of the routes: a larger number is no such page."""

    def __init__(self, map: Map, fixed_digits: int = 0) -> None:  # noqa: A002 -- Werkzeug's name
        super().__init__(map, fixed_digits=fixed_digits, max=_LARGEST)


def row_number(text: str) -> int:
    """A number of a query or a form, as `type` of its getter. Raises ValueError."""
    number = int(text)
    if not 0 <= number <= _LARGEST:
        raise ValueError("no row has this number")
    return number


def install(app: Flask) -> None:
    """Bound the numbers of all routes; to be installed before they are added."""
    app.url_map.converters["int"] = KeyConverter
