"""Numbers of rows in addresses and fields: what no row can have is not asked of the database."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import IntegerConverter

_DIGITS = 18
_LARGEST = 10**_DIGITS - 1


class KeyConverter(IntegerConverter):
    """`<int:...>` of the routes: a longer number is no such page.

    Said by the form and not by a largest value: of an address with several methods Werkzeug would answer
    405 for a value that is too large.
    """

    regex = rf"[0-9]{{1,{_DIGITS}}}"


def row_number(text: str) -> int:
    """A number of a query or a form, as `type` of its getter. Raises ValueError."""
    number = int(text)
    if not 0 <= number <= _LARGEST:
        raise ValueError("no row has this number")
    return number


def install(app: Flask) -> None:
    """Bound the numbers of all routes; to be installed before they are added."""
    app.url_map.converters["int"] = KeyConverter
