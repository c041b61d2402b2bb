"""What regulators do with incidents at the desk."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import Incident
from app.schemas.incidents import FaultDecision, IncidentClosing, IncidentReason
from app.services.incident_life import close_incident, decide_fault, reopen_incident, review_incident
from app.web.desk.incident_pages import incident_page, own_incident
from app.web.forms import Form, blank, read_form, with_error
from app.web.ownership import require_decider, signature
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime

incident_review = Blueprint("incident_review", __name__, url_prefix="/desk/incidents")

_Page = Response | WerkzeugResponse | tuple[str, int] | str


@incident_review.post("/<number>/review")
def review(number: str) -> _Page:
    """Begin to look into it."""
    return _decided(
        number,
        "review",
        blank(),
        lambda session, incident: review_incident(session, incident, **signature(session, incident.version)),
    )


@incident_review.post("/<number>/fault")
def decide(number: str) -> _Page:
    """Decide on the fault."""
    decision, form = read_form(FaultDecision, request.form)
    if decision is None:
        return incident_page(number, attempted="fault", form=form), HTTPStatus.UNPROCESSABLE_ENTITY
    return _decided(
        number,
        "fault",
        form,
        lambda session, incident: decide_fault(session, incident, decision, **signature(session, incident.version)),
    )


@incident_review.post("/<number>/close")
def close(number: str) -> _Page:
    """Close it with what was found and the fault."""
    closing, form = read_form(IncidentClosing, request.form)
    if closing is None:
        return incident_page(number, attempted="close", form=form), HTTPStatus.UNPROCESSABLE_ENTITY
    return _decided(
        number,
        "close",
        form,
        lambda session, incident: close_incident(session, incident, closing, **signature(session, incident.version)),
    )


@incident_review.post("/<number>/reopen")
def reopen(number: str) -> _Page:
    """Open it again."""
    said, form = read_form(IncidentReason, request.form)
    if said is None:
        return incident_page(number, attempted="reopen", form=form), HTTPStatus.UNPROCESSABLE_ENTITY
    return _decided(
        number,
        "reopen",
        form,
        lambda session, incident: reopen_incident(
            session, incident, said.reason, **signature(session, incident.version)
        ),
    )


def _decided(number: str, step: str, form: Form, act: Callable[[Session, Incident], None]) -> _Page:
    try:
        with runtime().changing() as session:
            incident = own_incident(session, number)
            require_decider(incident.jurisdiction)
            require_seen(incident.version)
            act(session, incident)
    except REFUSALS as error:
        refused = incident_page(number, attempted=step, form=with_error(form, error))
        return refused, HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Done. The operator is told."))
    return redirect(url_for("incidents.show", number=number), HTTPStatus.SEE_OTHER)
