"""Incidents at the desk: the list, a report, and the decision on the fault."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import Fault, Incident, IncidentKind
from app.schemas.incidents import FaultDecision, IncidentReport
from app.services.incidents import decide_fault, incident_by_id, incidents_of, report_incident
from app.web import access
from app.web.access import Action
from app.web.application_texts import FAULTS, HARMS, INCIDENT_KINDS
from app.web.choices import choices, find_vehicles, vehicle_labels
from app.web.desk.application_pages import name_of
from app.web.desk.applications import jurisdiction_options
from app.web.forms import Form, blank, members, read_form, with_error
from app.web.gate import identity
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, require_decider, require_own
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.tables import Column, Filter, Kind, Table, table_answer
from app.web.vehicle_credentials import own_organisation

incidents = Blueprint("incidents", __name__, url_prefix="/desk/incidents")

_Page = Response | WerkzeugResponse | tuple[str, int] | str


@incidents.get("")
def index() -> Response | str:
    """Every incident; an operator's own."""
    with runtime().reading() as session:
        found = session.scalars(incidents_of(identity().scope)).all()
        return table_answer(_table(found), "incidents/index.html", may_report=_may(Action.REPORT_INCIDENTS))


@incidents.route("/new", methods=["GET", "POST"])
def new() -> _Page:
    """Report one."""
    if request.method == "GET":
        return _form_page(blank({"occurred_at_ms": runtime().clock()}))
    report, form = read_form(IncidentReport, request.form)
    if report is None:
        return _form_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            incident = report_incident(
                session,
                report,
                organisation=own_organisation(session),
                actor=actor(session),
                now_ms=runtime().clock(),
            )
            number = incident.incident_id
    except REFUSALS as error:
        return _form_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Reported. The regulator is told."))
    return redirect(url_for("incidents.show", number=number), HTTPStatus.SEE_OTHER)


@incidents.get("/<number>")
def show(number: str) -> str:
    """One incident."""
    return _page(number)


@incidents.post("/<number>/fault")
def decide(number: str) -> _Page:
    """Decide on the fault."""
    decision, form = read_form(FaultDecision, request.form)
    if decision is None:
        return _page(number, form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            incident = _own(session, number)
            require_decider(incident.jurisdiction)
            require_seen(incident.version)
            decide_fault(
                session,
                incident,
                decision,
                expected_version=incident.version,
                actor=actor(session),
                now_ms=runtime().clock(),
            )
    except REFUSALS as error:
        return _page(number, with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Decided. The operator is told."))
    return redirect(url_for("incidents.show", number=number), HTTPStatus.SEE_OTHER)


def _own(session: Session, number: str) -> Incident:
    incident = incident_by_id(session, number)
    require_own(incident.vehicle.organisation_id)
    return incident


def _may(action: Action) -> bool:
    return access.may(identity().role, action)


def _page(number: str, form: Form | None = None) -> str:
    with runtime().reading() as session:
        incident = _own(session, number)
        return render_template(
            "incidents/show.html",
            incident=incident,
            kind=INCIDENT_KINDS[incident.kind],
            harm=HARMS[incident.harm],
            fault=FAULTS[incident.fault],
            operator=organisation_name(incident.vehicle.organisation),
            jurisdiction=name_of(incident.jurisdiction),
            faults=[(fault.value, FAULTS[fault]) for fault in (Fault.NO, Fault.YES)],
            may_decide=_may(Action.DECIDE_FAULT) and identity().decides_in(incident.jurisdiction_id),
            form=form or blank(),
        )


def _form_page(form: Form) -> str:
    own = identity().scope
    with runtime().reading() as session:
        return render_template(
            "incidents/form.html",
            form=form,
            vehicles=choices(
                lambda most: find_vehicles(session, "", most, organisation_id=own),
                members(form.values.get("vehicle_id")),
                lambda ids: vehicle_labels(session, ids, organisation_id=own),
                url_for("choices.vehicles"),
            ),
            jurisdictions=jurisdiction_options(session),
            kinds=[(kind.value, label) for kind, label in INCIDENT_KINDS.items()],
            harms=[(harm.value, label) for harm, label in HARMS.items()],
        )


def _table(found: Sequence[Incident]) -> Table[Incident]:
    return Table(
        name="incidents",
        caption=_("Incidents"),
        columns=[
            Column("number", _("Number"), lambda i: i.incident_id, link=_url),
            Column("occurred", _("Occurred"), lambda i: i.occurred_at_ms, kind=Kind.WHEN),
            Column("vehicle", _("Vehicle"), lambda i: i.vehicle.vehicle_id),
            Column("operator", _("Operator"), lambda i: organisation_name(i.vehicle.organisation)),
            Column("kind", _("Kind"), lambda i: str(INCIDENT_KINDS[i.kind])),
            Column("harm", _("Harm"), lambda i: str(HARMS[i.harm])),
            Column("fault", _("Fault"), lambda i: str(FAULTS[i.fault])),
        ],
        rows=found,
        filters=[
            Filter(
                "kind",
                _("Kind"),
                [(kind.value, str(INCIDENT_KINDS[kind])) for kind in IncidentKind],
                lambda i, wanted: i.kind == wanted,
            ),
            Filter(
                "fault",
                _("Fault"),
                [(fault.value, str(FAULTS[fault])) for fault in Fault],
                lambda i, wanted: i.fault == wanted,
            ),
        ],
        order="-occurred",
        empty_text=_("No incidents"),
    )


def _url(incident: Incident) -> str:
    return url_for("incidents.show", number=incident.incident_id)
