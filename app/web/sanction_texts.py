"""Sanctions in words: steps, states, and the rules that propose them."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from app.models import SanctionStep

STEPS: Mapping[SanctionStep, LazyString] = {
    SanctionStep.WARN: _("Warning"),
    SanctionStep.RESTRICT: _("Restriction"),
    SanctionStep.SUSPEND: _("Suspension"),
    SanctionStep.REVOKE: _("Revocation"),
}

#: Each rule of app.services.sanction_rules in one sentence.
RULES: Mapping[str, LazyString] = {
    "repeated_breaches": _("Three or more critical breaches of the permit or of a restricted area within 30 days."),
    "directive_disobeyed": _("A directive was not complied with at its deadline."),
    "accident_at_fault": _("An accident was decided to be the fault of the vehicle or of who steered it."),
    "people_hurt_at_fault": _("People were hurt in an accident decided to be the fault of the vehicle or its crew."),
    "drove_while_suspended": _("A vehicle was driven or flown while the permit was suspended."),
}

GROUNDS: Mapping[str, LazyString] = {
    "alert": _("Alert"),
    "directive": _("Directive"),
    "incident": _("Incident"),
}
