"""What the pages of one incident share: whose it is, its page, and its form."""

from __future__ import annotations

from typing import Any

from flask import render_template, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.models import Fault, Incident, IncidentRevision, IncidentState
from app.schemas.incidents import Disengagement
from app.services.alert_ids import alert_public_id
from app.services.attachments import MOST_BYTES
from app.services.incident_deadlines import awaited, is_overdue
from app.services.incident_records import revisions_of
from app.services.incidents import AMENDABLE, MOST_ATTACHMENTS, incident_by_id
from app.web import access
from app.web.access import Action
from app.web.choices import choices, find_vehicles, vehicle_labels
from app.web.desk.application_pages import name_of
from app.web.desk.applications import jurisdiction_options
from app.web.findings_text import FINDING_TEXTS
from app.web.forms import Form, blank, members
from app.web.gate import identity
from app.web.incident_words import (
    CHANGES,
    FAULTS,
    FIELDS,
    HARMS,
    INITIATORS,
    KINDS,
    ROADS,
    disengagement_facts,
    state_badge,
)
from app.web.language import language
from app.web.organisation_names import organisation_name
from app.web.ownership import require_own
from app.web.runtime import runtime
from telemetry.findings import Finding

#: The forms of the page of an incident.
_STEPS = ("close", "dismiss", "fault", "file", "reopen", "review")


def own_incident(session: Session, number: str) -> Incident:
    """One that the caller may see. Raises NotFound."""
    incident = incident_by_id(session, number)
    require_own(incident.vehicle.organisation_id)
    return incident


def may(action: Action) -> bool:
    """Whether the caller's role may do this at all."""
    return access.may(identity().role, action)


def incident_page(number: str, *, attempted: str = "", form: Form | None = None) -> str:
    """The page; `form` is that of the step `attempted` which was not taken, with what is wrong."""
    with runtime().reading() as session:
        incident = own_incident(session, number)
        now_ms = runtime().clock()
        may_report = may(Action.REPORT_INCIDENTS) and incident.state in AMENDABLE
        decides = may(Action.REVIEW_INCIDENTS) and identity().decides_in(incident.jurisdiction_id)
        is_before_regulator = incident.state in {IncidentState.REPORTED, IncidentState.UNDER_REVIEW}
        revisions = revisions_of(session, incident)
        return render_template(
            "incidents/show.html",
            incident=incident,
            badge=state_badge(incident.state),
            kind=KINDS[incident.kind],
            harm=HARMS[incident.harm],
            fault=FAULTS[incident.fault],
            operator=organisation_name(incident.vehicle.organisation),
            jurisdiction=name_of(incident.jurisdiction),
            alerts=[_alert_row(alert) for alert in incident.alerts],
            asked=_asked(incident),
            awaited=awaited(incident),
            overdue=is_overdue(incident, now_ms),
            timeline=_timeline(incident, revisions),
            revision_count=len(revisions),
            faults=[(fault.value, FAULTS[fault]) for fault in (Fault.NO, Fault.YES)],
            may_report=may_report,
            may_dismiss=may_report and incident.state is IncidentState.PROPOSED and incident.opened_by is None,
            may_review=decides and incident.state is IncidentState.REPORTED,
            may_decide=decides and is_before_regulator,
            may_reopen=decides and incident.state in {IncidentState.CLOSED, IncidentState.DISMISSED},
            most_files=MOST_ATTACHMENTS,
            most_mib=MOST_BYTES // 2**20,
            forms_of={step: form if form and attempted == step else blank() for step in _STEPS},
        )


def form_page(form: Form, incident: Incident | None = None) -> str:
    """The form of a report: a new one, or that of `incident`."""
    own = identity().scope
    with runtime().reading() as session:
        return render_template(
            "incidents/form.html",
            form=form,
            incident=incident,
            labels=FIELDS,
            vehicles=choices(
                lambda most: find_vehicles(session, "", most, organisation_id=own),
                members(form.values.get("vehicle_id")),
                lambda ids: vehicle_labels(session, ids, organisation_id=own),
                url_for("choices.vehicles"),
            ),
            jurisdictions=jurisdiction_options(session),
            kinds=[(kind.value, label) for kind, label in KINDS.items()],
            harms=[(harm.value, label) for harm, label in HARMS.items()],
            initiators=[(who.value, label) for who, label in INITIATORS.items()],
            roads=[(road.value, label) for road, label in ROADS.items()],
            answers=[("true", _("Yes")), ("false", _("No"))],
        )


def _asked(incident: Incident) -> list[tuple[str, str]]:
    if incident.disengagement is None:
        return []
    return disengagement_facts(Disengagement.model_validate(incident.disengagement))


def _alert_row(alert: Any) -> dict[str, Any]:
    finding = Finding(alert.finding)
    return {
        "id": alert_public_id(alert.vehicle_key, finding, alert.opened_at_ms, alert.opened_seq),
        "name": FINDING_TEXTS[finding].wording(language()).name,
        "severity": alert.severity,
        "opened_at_ms": alert.opened_at_ms,
        "closed_at_ms": alert.closed_at_ms,
    }


def _timeline(incident: Incident, revisions: Any) -> list[dict[str, Any]]:
    return [_entry(incident, row) for row in reversed(revisions)]


def _entry(incident: Incident, row: IncidentRevision) -> dict[str, Any]:
    url = ""
    if row.number > 1:
        url = url_for("incidents.compare", number=incident.incident_id, before=row.number - 1, after=row.number)
    return {
        "at_ms": row.recorded_at_ms,
        "title": str(CHANGES[row.change]),
        "who": row.actor.display_name if row.actor is not None else "",
        "text": row.reason,
        "state": state_badge(IncidentState(row.content["state"])),
        "url": url,
    }
