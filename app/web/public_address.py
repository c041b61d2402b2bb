"""Where the public reaches this installation: for QR codes and everything that leaves it on paper."""

from __future__ import annotations

from flask import request, url_for

from app.web.runtime import runtime


def verification_url(number: str) -> str:
    """The address of a permit's verification page: at PILOTAGE_PUBLIC_URL, else where the request came to."""
    base = runtime().settings.public_url or request.host_url.rstrip("/")
    return base + url_for("verification.show", number=number)
