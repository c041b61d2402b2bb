"""What a form page shows again instead of an error page: everything that was typed, and what stands against it."""

from __future__ import annotations

from flask import request

from app.errors import AlreadyRegistered, BrokerUnavailable, Conflict, InvalidChange

#: What the person at the form can do something about. Forbidden and NotFound are pages of their own.
REFUSALS = (AlreadyRegistered, BrokerUnavailable, Conflict, InvalidChange)

VERSION = "version"


def require_seen(version: int) -> None:
    """Raise Conflict unless the form was made from this version of the object."""
    if request.form.get(VERSION) != str(version):
        raise Conflict("the object has changed since the form was opened")
