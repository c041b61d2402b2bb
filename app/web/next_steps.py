"""The next steps of an operator that is new here, as its manager is shown them on the first page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _

from app.models import Organisation, Role
from app.services.first_steps import first_steps
from app.web.gate import identity_or_none
from app.web.runtime import runtime


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done, and where."""

    label: str
    hint: str
    url: str
    is_done: bool


def next_steps() -> Sequence[Step]:
    """Every step with whether it is done, for the manager of an operator; none once all of them are."""
    caller = identity_or_none()
    if caller is None or caller.role is not Role.OPERATOR_MANAGER or caller.scope is None:
        return ()
    with runtime().reading() as session:
        taken = first_steps(session, caller.scope)
        code = session.get_one(Organisation, caller.scope).code
    if taken.are_all_taken:
        return ()
    return (
        Step(
            _("Complete your organisation's details"),
            _("Credit code, address, contact and an emergency phone"),
            url_for("organisations.edit", code=code),
            taken.details,
        ),
        Step(_("Register your vehicles"), _("One by one, or from a list"), url_for("vehicles.index"), taken.vehicles),
        Step(_("Register the people who steer"), _("With their licences"), url_for("officers.index"), taken.people),
        Step(
            _("Describe your trial"), _("What it is to find out, where and when"), url_for("trials.index"), taken.trial
        ),
        Step(_("Apply for a permit"), _("Step by step, then submit"), url_for("applications.index"), taken.application),
    )
