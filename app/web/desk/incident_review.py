"""What regulators do with incidents at the desk."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import Incident
from app.schemas.base import Schema
from app.schemas.incidents import FaultDecision, IncidentClosing, IncidentReason
from app.services.incident_life import close_incident, decide_fault, reopen_incident, review_incident
from app.web.desk.incident_pages import incident_page, own_incident
from app.web.forms import Form, blank, read_form, with_error
from app.web.ownership import require_decider, signature
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime

incident_review = Blueprint("incident_review", __name__, url_prefix="/desk/incidents")

_Said = TypeVar("_Said", bound=Schema)
_Page = Response | WerkzeugResponse | tuple[str, int] | str


@incident_review.post("/<number>/review")
def review(number: str) -> _Page:
    """Begin to look into it."""
    return _taken(
        number, "review", lambda session, found: review_incident(session, found, **signature(session, found.version))
    )


@incident_review.post("/<number>/fault")
def decide(number: str) -> _Page:
    """Decide on the fault."""
    return _decided(number, "fault", FaultDecision, decide_fault)


@incident_review.post("/<number>/close")
def close(number: str) -> _Page:
    """Close it with what was found and the fault."""
    return _decided(number, "close", IncidentClosing, close_incident)


@incident_review.post("/<number>/reopen")
def reopen(number: str) -> _Page:
    """Open it again."""
    return _decided(
        number,
        "reopen",
        IncidentReason,
        lambda session, found, said, **by: reopen_incident(session, found, said.reason, **by),
    )


def _decided(number: str, step: str, schema: type[_Said], decide: Callable[..., None]) -> _Page:
    """Let `decide(session, incident, said, **signature)` take the step with what the form says."""
    said, form = read_form(schema, request.form)
    if said is None:
        return incident_page(number, attempted=step, form=form), HTTPStatus.UNPROCESSABLE_ENTITY
    return _taken(
        number, step, lambda session, found: decide(session, found, said, **signature(session, found.version)), form
    )


def _taken(number: str, step: str, act: Callable[[Session, Incident], None], form: Form | None = None) -> _Page:
    try:
        with runtime().changing() as session:
            incident = own_incident(session, number)
            require_decider(incident.jurisdiction)
            require_seen(incident.version)
            act(session, incident)
    except REFUSALS as error:
        refused = incident_page(number, attempted=step, form=with_error(form or blank(), error))
        return refused, HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Done. The operator is told."))
    return redirect(url_for("incidents.show", number=number), HTTPStatus.SEE_OTHER)
