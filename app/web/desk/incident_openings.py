"""Opening an incident from an alert at the desk: a regulator says what it is, the operator has to report it."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as WerkzeugResponse

from app.errors import NotFound
from app.schemas.incidents import IncidentOpening
from app.services.alert_ids import alert_by_public_id
from app.services.incident_openings import alert_to_open, open_incident
from app.services.incident_proposals import jurisdiction_of, kind_of
from app.services.incidents import incident_of_alert
from app.web.desk.application_pages import name_of
from app.web.findings_text import FINDING_TEXTS
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.incident_words import FIELDS, HARMS, KINDS
from app.web.language import language
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, require_decider
from app.web.refusals import REFUSALS
from app.web.runtime import runtime
from telemetry.findings import Finding

incident_openings = Blueprint("incident_openings", __name__, url_prefix="/desk/incidents/open")

_Page = WerkzeugResponse | tuple[str, int] | str


@incident_openings.get("/<alert_id>")
def new(alert_id: str) -> _Page:
    """The form about an alert; one with an incident leads there."""
    with runtime().reading() as session:
        alert = alert_by_public_id(session, alert_id)
        known = incident_of_alert(session, alert)
    if known is not None:
        return redirect(url_for("incidents.show", number=known.incident_id), HTTPStatus.SEE_OTHER)
    return _form_page(alert_id, blank({"kind": kind_of(Finding(alert.finding)).value, "harm": "none"}))


@incident_openings.post("/<alert_id>")
def create(alert_id: str) -> _Page:
    """Open it."""
    opening, form = read_form(IncidentOpening, request.form)
    if opening is None:
        return _form_page(alert_id, form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            alert, jurisdiction = alert_to_open(session, alert_id)
            require_decider(jurisdiction)
            made = open_incident(session, alert, jurisdiction, opening, actor=actor(session), now_ms=runtime().clock())
            number = made.incident_id
    except REFUSALS as error:
        return _form_page(alert_id, with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Opened. The operator is told, and has to report it."))
    return redirect(url_for("incidents.show", number=number), HTTPStatus.SEE_OTHER)


def _form_page(alert_id: str, form: Form) -> str:
    with runtime().reading() as session:
        alert = alert_by_public_id(session, alert_id)
        jurisdiction = jurisdiction_of(session, alert)
        if jurisdiction is None:
            raise NotFound("There is no such object.")
        return render_template(
            "incidents/open.html",
            form=form,
            labels=FIELDS,
            alert=alert,
            alert_id=alert_id,
            finding=FINDING_TEXTS[Finding(alert.finding)].wording(language()).name,
            operator=organisation_name(alert.vehicle.organisation),
            jurisdiction=name_of(jurisdiction),
            decides=identity().decides_in(jurisdiction.id),
            kinds=[(kind.value, label) for kind, label in KINDS.items()],
            harms=[(harm.value, label) for harm, label in HARMS.items()],
        )
