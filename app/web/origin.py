"""Where a request comes from: our own page, another site's, or a place that does not say."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request


def is_cross_site() -> bool:
    """Whether the browser says that a page of somebody else sent this."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host


def proves_same_origin() -> bool:
    """Whether the browser says that one of our own pages sent this. No script can make it say so."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == request.host


def is_local(path: str) -> bool:
    """Whether this leads to a page of this server, however a browser reads it."""
    if not path.startswith("/") or path.startswith(("//", "/\\")):
        return False
    parts = urlsplit(path)
    is_printable = all(character.isprintable() for character in path)  # browsers drop tabs and line breaks
    return is_printable and "\\" not in path and not parts.scheme and not parts.netloc
