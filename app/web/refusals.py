"""What a form page shows again instead of an error page: everything that was typed, and what stands against it."""

from __future__ import annotations

from flask import request
from sqlalchemy.orm.exc import StaleDataError

from app.errors import AlreadyRegistered, BrokerUnavailable, Conflict, InvalidChange
from app.web.forms import Form, with_error

#: What the person at the form can do something about.
REFUSALS = (AlreadyRegistered, BrokerUnavailable, Conflict, InvalidChange, StaleDataError)

VERSION = "version"


def refused(form: Form, error: Exception) -> Form:
    """The form with the refusal at its field, or at its top."""
    if isinstance(error, AlreadyRegistered | BrokerUnavailable | Conflict | InvalidChange):
        return with_error(form, error)
    return with_error(form, Conflict("somebody else was faster"))


def require_seen(version: int) -> None:
    """Raise Conflict unless the form was made from this version of the object."""
    if request.form.get(VERSION) != str(version):
        raise Conflict("the object has changed since the form was opened")
