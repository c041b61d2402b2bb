"""What went wrong, in the words and the language of the person who reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from app.errors import AppError, InvalidChange
from app.schemas.base import FieldProblem

#: Wordings of pydantic's own codes and of the schemas' (PydanticCustomError), filled in with their params.
FIELD_TEXTS: Mapping[str, LazyString] = {
    "missing": _("This field is needed."),
    "string_too_short": _("This field is needed."),
    "string_too_long": _("At most %(max_length)s characters."),
    "string_pattern_mismatch": _("This has characters that are not allowed, or the wrong form."),
    "extra_forbidden": _("This field is not known."),
    "int_parsing": _("A whole number is needed."),
    "int_from_float": _("A whole number is needed."),
    "float_parsing": _("A number is needed."),
    "bool_parsing": _("Yes or no is needed."),
    "enum": _("Choose one of the options."),
    "literal_error": _("Choose one of the options."),
    "greater_than": _("Must be more than %(gt)s."),
    "greater_than_equal": _("Must be at least %(ge)s."),
    "less_than": _("Must be less than %(lt)s."),
    "less_than_equal": _("Must be at most %(le)s."),
    "date_from_datetime_parsing": _("A date is needed."),
    "date_parsing": _("A date is needed."),
    "too_short": _("Choose at least %(min_length)s."),
    "too_long": _("Choose at most %(max_length)s."),
}

#: Wordings of the codes of app.errors, filled in with the error's params.
ERROR_TEXTS: Mapping[str, LazyString] = {
    "not_found": _("This does not exist, or not for you."),
    "already_registered": _("This identifier is taken already."),
    "conflict": _("Somebody else has changed this meanwhile. Nothing was done: look at it again."),
    "precondition_failed": _("Somebody else has changed this meanwhile. Nothing was done: look at it again."),
    "denied": _("You may not do this."),
    "invalid_change": _("The rules do not allow this change."),
    "transition_not_allowed": _("The permit's state does not allow this decision any more."),
    "wider_than_before": _("This would allow more than before: that needs an application."),
    "nothing_restricted": _("Nothing would change."),
    "reason_missing": _("A decision needs a reason."),
    "period_empty": _("The period must end after it begins."),
    "not_the_holders": _("Only what belongs to the permit's holder can be named."),
    "broker_unavailable": _("The broker cannot be told who may connect. Nothing was changed: try again soon."),
    "revision_in_past": _("It cannot start before now: samples were judged already."),
}


def field_text(problem: FieldProblem) -> str:
    """The wording of one field's problem."""
    text = FIELD_TEXTS.get(problem.code)
    return _filled(text, problem.params) if text is not None else str(_("This value does not fit."))


def error_text(error: AppError) -> str:
    """The wording of a service's refusal."""
    params = error.params if isinstance(error, InvalidChange) else {}
    text = ERROR_TEXTS.get(error.code)
    return _filled(text, params) if text is not None else str(_("This cannot be done."))


def _filled(text: LazyString, params: Mapping[str, Any]) -> str:
    return str(text) % params if "%(" in str(text) else str(text)
