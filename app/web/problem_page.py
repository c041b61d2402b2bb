"""What a person sees when a request fails. Needs neither the database nor the caller: both may be the trouble."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _

from app.web.error_text import ERROR_TEXTS, filled
from app.web.language import language

#: By status: what happened, and what to do now.
_TEXTS: Mapping[HTTPStatus, tuple[Any, Any]] = {
    HTTPStatus.BAD_REQUEST: (_("This request could not be read"), _("Go back and try again.")),
    HTTPStatus.FORBIDDEN: (_("This is not open to you"), _("Your role does not allow it. Ask your administrator.")),
    HTTPStatus.UNAUTHORIZED: (_("Please log in"), _("Your session has ended. Log in and try again.")),
    HTTPStatus.NOT_FOUND: (_("There is no such page"), _("The address may be wrong, or it was moved.")),
    HTTPStatus.METHOD_NOT_ALLOWED: (_("This does not work like that"), _("Go back and try again.")),
    HTTPStatus.CONFLICT: (_("Somebody else was faster"), _("Nothing was done. Go back and look at it again.")),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (_("This is too large"), _("Go back and send a smaller file.")),
    HTTPStatus.UNPROCESSABLE_ENTITY: (_("This cannot be done"), _("Go back and correct what you entered.")),
    HTTPStatus.TOO_MANY_REQUESTS: (_("Too many attempts"), _("Please wait five minutes.")),
    HTTPStatus.SERVICE_UNAVAILABLE: (_("Not available right now"), _("Please try again in a minute.")),
}
_UNEXPECTED = (_("Something went wrong here"), _("It was recorded. Please try again in a minute."))
_CODES: Mapping[str, Any] = {
    **ERROR_TEXTS,
    "cross_site": _("Another site sent this in your name. Nothing was done."),
    "scope": _("The token may not be used for this."),
    "csrf": _(
        "The form had expired, or your browser keeps no cookies for this address. "
        "Go back, reload the page and send it again. Over a network, HTTPS is needed."
    ),
}
_STATUS_TEXT_IS_BETTER = frozenset({"not_found", "denied"})


def problem_page(status: HTTPStatus, code: str, params: Mapping[str, Any] | None = None) -> str:
    """The page of a failure, in the request's language; `params` fill the wording of the code."""
    title, advice = _TEXTS.get(status, _UNEXPECTED)
    if code in _CODES and code not in _STATUS_TEXT_IS_BETTER:
        advice = filled(_CODES[code], params or {})
    # Not through render_template: the context of other pages asks the database who is logged in.
    template = current_app.jinja_env.get_template("problem.html")
    return template.render(
        title=title, advice=advice, status=status.value, html_language="zh-CN" if language() == "zh" else "en"
    )
