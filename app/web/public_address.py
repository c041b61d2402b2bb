"""Where the public reaches this installation: for QR codes and everything that leaves it on paper."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request, url_for

from app.settings import is_this_machine
from app.web.runtime import runtime


def verification_url(number: str) -> str:
    """The address of a permit's verification page: at PILOTAGE_PUBLIC_URL, else at this machine itself.

    A caller has no say in where a document leads: the Host header counts only as a name of this machine.
    """
    return public_base() + url_for("verification.show", number=number)


def public_base() -> str:
    """The address of this installation, without a slash at its end."""
    settings = runtime().settings
    if settings.public_url is not None:
        return settings.public_url
    asked = urlsplit(request.host_url)
    return asked.geturl().rstrip("/") if is_this_machine(asked.hostname or "") else settings.local_url
