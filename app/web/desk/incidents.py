"""Incidents at the desk: the list, reports and proposals, files, revisions, the report on disengagements."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.calendar import end_of_day_ms, start_of_day_ms
from app.models import Alert, Fault, Incident, IncidentKind, IncidentState, Vehicle
from app.schemas.incidents import (
    DisengagementPeriod,
    IncidentAmendment,
    IncidentContent,
    IncidentReason,
    IncidentReport,
)
from app.services.alert_ids import alert_by_public_id
from app.services.attachments import MOST_BYTES
from app.services.incident_deadlines import is_overdue, overdue
from app.services.incident_proposals import jurisdiction_of, kind_of
from app.services.incident_records import revisions_of
from app.services.incidents import (
    AMENDABLE,
    amend_incident,
    attach_to_incident,
    dismiss_proposal,
    incident_of_alert,
    incidents_of,
    report_incident,
)
from app.web.access import Action
from app.web.desk.incident_pages import form_page, incident_page, may, own_incident
from app.web.disengagement_file import disengagement_file
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.incident_words import FAULTS, HARMS, KINDS, compared, state_badge
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, require_own, signature
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.states import state_label
from app.web.tables import Column, DatabaseRows, Filter, Kind, Table, table_answer
from app.web.times import wall_input
from app.web.vehicle_credentials import own_organisation
from telemetry.findings import Finding

incidents = Blueprint("incidents", __name__, url_prefix="/desk/incidents")

_Page = Response | WerkzeugResponse | tuple[str, int] | str


@incidents.get("")
def index() -> Response | str:
    """Every incident; an operator's own."""
    return _index_page()


@incidents.get("/disengagements")
def disengagements() -> _Page:
    """The report on the disengagements of some days, as a file."""
    period, form = read_form(DisengagementPeriod, request.args)
    if period is None:
        answer = _index_page(form)
        return answer if isinstance(answer, Response) else (answer, HTTPStatus.UNPROCESSABLE_ENTITY)
    with runtime().reading() as session:
        since_ms, until_ms = start_of_day_ms(period.first_day), end_of_day_ms(period.last_day)
        return disengagement_file(session, since_ms=since_ms, until_ms=until_ms)


@incidents.route("/new", methods=["GET", "POST"])
def new() -> _Page:
    """Report one; with `alert`, the one that an alert tells of."""
    if request.method == "GET":
        return _begun(request.args.get("alert", ""))
    report, form = read_form(IncidentReport, request.form)
    if report is None:
        return form_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
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
        return form_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Reported. The regulator is told."))
    return _to(number)


@incidents.get("/<number>")
def show(number: str) -> str:
    """One incident."""
    return incident_page(number)


@incidents.route("/<number>/edit", methods=["GET", "POST"])
def edit(number: str) -> _Page:
    """State the facts anew; of a proposal this makes a report."""
    with runtime().reading() as session:
        incident = own_incident(session, number)
    if request.method == "GET":
        if incident.state not in AMENDABLE:
            return _to(number)
        return form_page(blank(_stated(incident)), incident)
    amendment, form = read_form(IncidentAmendment, _with_whole_time(incident))
    if amendment is None:
        return form_page(form, incident), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            found = own_incident(session, number)
            require_seen(found.version)
            amend_incident(session, found, amendment, **signature(session, found.version))
    except REFUSALS as error:
        return form_page(with_error(form, error), incident), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Saved. The regulator is told."))
    return _to(number)


@incidents.post("/<number>/dismiss")
def dismiss(number: str) -> _Page:
    """Say why what the platform proposed is no incident."""
    said, form = read_form(IncidentReason, request.form)
    if said is None:
        return incident_page(number, attempted="dismiss", form=form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            incident = own_incident(session, number)
            require_seen(incident.version)
            dismiss_proposal(session, incident, said.reason, **signature(session, incident.version))
    except REFUSALS as error:
        refused = incident_page(number, attempted="dismiss", form=with_error(form, error))
        return refused, HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Dismissed. The regulator sees the reason."))
    return _to(number)


@incidents.post("/<number>/files")
def attach_file(number: str) -> _Page:
    """Add a file: it stays."""
    file = request.files.get("file")
    content = file.stream.read(MOST_BYTES + 1) if file is not None else b""
    try:
        with runtime().changing() as session:
            incident = own_incident(session, number)
            require_seen(incident.version)
            attach_to_incident(
                session,
                incident,
                file_name=(file.filename or "") if file is not None else "",
                content=content,
                **signature(session, incident.version),
            )
    except REFUSALS as error:
        refused = incident_page(number, attempted="file", form=with_error(blank(), error))
        return refused, HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The file is attached."))
    return _to(number)


@incidents.get("/<number>/compare")
def compare(number: str) -> str:
    """Two revisions side by side; without numbers the two newest."""
    with runtime().reading() as session:
        incident = own_incident(session, number)
        contents = {row.number: row.content for row in revisions_of(session, incident)}
        after = request.args.get("after", max(contents, default=0), type=int)
        before = request.args.get("before", max(1, after - 1), type=int)
        if before not in contents or after not in contents:
            abort(HTTPStatus.NOT_FOUND)
        first, second = (IncidentContent.model_validate(contents[each]) for each in (before, after))
        return render_template(
            "incidents/compare.html",
            incident=incident,
            rows=compared(first, second),
            before=before,
            after=after,
            numbers=sorted(contents),
        )


def _to(number: str) -> WerkzeugResponse:
    return redirect(url_for("incidents.show", number=number), HTTPStatus.SEE_OTHER)


def _begun(alert_id: str) -> _Page:
    """The empty form, or what the alert says of itself; an alert with an incident leads there."""
    if not alert_id:
        return form_page(blank({"occurred_at_ms": runtime().clock()}))
    with runtime().reading() as session:
        alert = alert_by_public_id(session, alert_id)
        require_own(alert.vehicle.organisation_id)
        known = incident_of_alert(session, alert)
        if known is not None:
            return _to(known.incident_id)
        values = _told_by(session, alert, alert_id)
    return form_page(blank(values))


def _told_by(session: Session, alert: Alert, alert_id: str) -> Mapping[str, Any]:
    jurisdiction = jurisdiction_of(session, alert)
    return {
        "alert": alert_id,
        "vehicle_id": alert.vehicle.vehicle_id,
        "occurred_at_ms": alert.first_seen_ms,
        "jurisdiction": jurisdiction.code if jurisdiction is not None else "",
        "kind": kind_of(Finding(alert.finding)).value,
        "harm": "none",
    }


def _stated(incident: Incident) -> Mapping[str, Any]:
    """The incident by the names of the form's fields."""
    values: dict[str, Any] = {
        name: getattr(incident, name) for name in ("occurred_at_ms", "injured", "killed", "summary", "version")
    }
    values |= {"kind": incident.kind.value, "harm": incident.harm.value, "jurisdiction": incident.jurisdiction.code}
    values["complete"] = incident.complete_at_ms is not None
    for name, value in (incident.disengagement or {}).items():
        values[f"disengagement.{name}"] = {True: "true", False: "false"}.get(value, value)
    return values


def _with_whole_time(incident: Incident) -> Any:
    """The sent form; a time that nobody touched keeps its milliseconds, which the field does not show."""
    sent = request.form.copy()
    if sent.get("occurred_at_ms", "").strip() == wall_input(incident.occurred_at_ms):
        sent["occurred_at_ms"] = str(incident.occurred_at_ms)
    return sent


def _index_page(form: Form | None = None) -> Response | str:
    with runtime().reading() as session:
        return table_answer(
            _table(session, runtime().clock()),
            "incidents/index.html",
            may_report=may(Action.REPORT_INCIDENTS),
            form=form or blank(),
        )


def _table(session: Session, now_ms: int) -> Table[Incident]:
    def state(incident: Incident) -> str:
        return "overdue" if is_overdue(incident, now_ms) else state_badge(incident.state)

    def is_in_state(wanted: str) -> ColumnElement[bool]:
        return overdue(now_ms) if wanted == "overdue" else Incident.state == wanted

    states = [(each.value, state_label(state_badge(each))) for each in IncidentState]
    return Table(
        name="incidents",
        caption=_("Incidents"),
        columns=[
            Column("number", _("Number"), lambda i: i.incident_id, link=_url),
            Column("occurred", _("Occurred"), lambda i: i.occurred_at_ms, kind=Kind.WHEN),
            Column("state", _("State"), state, kind=Kind.BADGE),
            Column("vehicle", _("Vehicle"), lambda i: i.vehicle.vehicle_id),
            Column("operator", _("Operator"), lambda i: organisation_name(i.vehicle.organisation)),
            Column("kind", _("Kind"), lambda i: str(KINDS[i.kind])),
            Column("harm", _("Harm"), lambda i: str(HARMS[i.harm])),
            Column("fault", _("Fault"), lambda i: str(FAULTS[i.fault])),
            Column("due", _("Full report due"), lambda i: i.full_due_ms, kind=Kind.WHEN, exported_only=True),
        ],
        rows=DatabaseRows(
            session,
            incidents_of(identity().scope),
            tiebreak=Incident.id,
            sort={
                "number": Incident.incident_id,
                "occurred": Incident.occurred_at_ms,
                "vehicle": Vehicle.vehicle_id,
                "due": Incident.full_due_ms,
            },
            search=[Incident.incident_id, Incident.summary, Vehicle.vehicle_id],
            where={
                "state": is_in_state,
                "kind": lambda wanted: Incident.kind == wanted,
                "fault": lambda wanted: Incident.fault == wanted,
            },
        ),
        filters=[
            Filter("state", _("State"), [*states, ("overdue", state_label("overdue"))]),
            Filter("kind", _("Kind"), [(kind.value, str(KINDS[kind])) for kind in IncidentKind]),
            Filter("fault", _("Fault"), [(fault.value, str(FAULTS[fault])) for fault in Fault]),
        ],
        order="-occurred",
        empty_text=_("No incidents"),
    )


def _url(incident: Incident) -> str:
    return url_for("incidents.show", number=incident.incident_id)
