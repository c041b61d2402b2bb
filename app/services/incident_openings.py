"""Incidents that a regulator opens from an alert: the vehicle's operator has to report them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.errors import InvalidChange, NotFound
from app.models import Alert, Incident, IncidentState, Jurisdiction, User
from app.schemas.incidents import IncidentOpening
from app.services.alert_ids import alert_by_public_id
from app.services.incident_deadlines import first_due_ms
from app.services.incident_proposals import jurisdiction_of
from app.services.incident_records import leave_record, subject_of
from app.services.incidents import begun, incident_of_alert
from app.services.notices import notify


def alert_to_open(session: Session, public_id: str) -> tuple[Alert, Jurisdiction]:
    """The alert, and the jurisdiction whose regulators may open an incident from it.

    It is that of the permit which was judged against, else of the zone. Raises InvalidChange for an
    alert that there is not.
    """
    try:
        alert = alert_by_public_id(session, public_id)
    except NotFound as error:
        raise InvalidChange("no such alert", code="no_such_alert", field="alert") from error
    jurisdiction = jurisdiction_of(session, alert)
    assert jurisdiction is not None, "who may open incidents decides somewhere"
    return alert, jurisdiction


def open_incident(
    session: Session, alert: Alert, jurisdiction: Jurisdiction, opening: IncidentOpening, *, actor: User, now_ms: int
) -> Incident:
    """Open one; the operator is told, and can report or amend it, but not dismiss it.

    The time for the first report begins when the operator is told. Raises InvalidChange for an alert that
    has an incident already.
    """
    if incident_of_alert(session, alert) is not None:
        raise InvalidChange("the alert has an incident already", code="alert_has_incident", field="alert")
    incident = begun(
        alert.vehicle,
        jurisdiction,
        IncidentState.PROPOSED,
        kind=opening.kind,
        occurred_at_ms=alert.first_seen_ms,
        harm=opening.harm,
    )
    incident.first_due_ms = first_due_ms(jurisdiction, opening.harm, now_ms)
    incident.full_due_ms = max(incident.full_due_ms, incident.first_due_ms)
    incident.lon, incident.lat = alert.lon, alert.lat
    incident.proposed_at_ms, incident.opened_by = now_ms, actor
    incident.alerts = [alert]
    session.add(incident)
    leave_record(session, incident, "opened", actor=actor, now_ms=now_ms, reason=opening.reason)
    notify(
        session,
        kind="incident.opened",
        subject=subject_of(incident),
        occasion="opened",
        params={
            "number": incident.incident_id,
            "vehicle": incident.vehicle.vehicle_id,
            "reason": opening.reason,
            "due_at_ms": incident.first_due_ms,
        },
        now_ms=now_ms,
        organisation=incident.vehicle.organisation,
    )
    return incident
