"""Incidents: reported by operators, or dismissed by them where the platform proposed one; listed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from app.audit import state_of
from app.errors import InvalidChange, NotFound
from app.models import (
    Alert,
    Attachment,
    Fault,
    Harm,
    Incident,
    IncidentKind,
    IncidentState,
    Jurisdiction,
    Organisation,
    User,
    Vehicle,
)
from app.schemas.incidents import Disengagement, IncidentAmendment, IncidentFacts, IncidentReport
from app.services.alert_ids import alert_by_public_id
from app.services.attachments import store_attachment
from app.services.incident_deadlines import first_due_ms, full_due_ms, overdue
from app.services.incident_places import sample_near
from app.services.incident_records import leave_record, require_version, subject_of
from app.services.notices import notify
from app.services.pages import Page, read_page

#: What an operator may still change: until a regulator has closed it, or the operator has dismissed it.
AMENDABLE = frozenset({IncidentState.PROPOSED, IncidentState.REPORTED, IncidentState.UNDER_REVIEW})
MOST_ATTACHMENTS = 20
_ID_BYTES = 5


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents a list holds; None: any. `is_overdue`: a report is missing after its deadline."""

    organisation_id: int | None = None
    organisation: str | None = None
    jurisdiction: str | None = None
    vehicle_id: str | None = None
    state: IncidentState | None = None
    kind: IncidentKind | None = None
    fault: Fault | None = None
    is_overdue: bool | None = None


def report_incident(
    session: Session, report: IncidentReport, *, organisation: Organisation, actor: User, now_ms: int
) -> Incident:
    """Record an incident of one of the operator's vehicles; the jurisdiction's regulators are told.

    Raises InvalidChange for a vehicle or an alert of somebody else, an alert that has an incident already,
    an unknown jurisdiction, a time to come, or a report that is not as complete as it says.
    """
    vehicle = _vehicle(session, report.vehicle_id, organisation)
    alerts = [] if report.alert is None else [_alert(session, report.alert, vehicle)]
    jurisdiction = _jurisdiction(session, report.jurisdiction)
    incident = begun(
        vehicle,
        jurisdiction,
        IncidentState.REPORTED,
        kind=report.kind,
        occurred_at_ms=report.occurred_at_ms,
        harm=report.harm,
    )
    _state_facts(session, incident, report, jurisdiction, now_ms)
    incident.reported_by_id, incident.reported_at_ms = actor.id, now_ms
    incident.alerts = alerts
    session.add(incident)
    leave_record(session, incident, "reported", actor=actor, now_ms=now_ms)
    _tell_reported(session, incident, now_ms)
    return incident


def amend_incident(
    session: Session,
    incident: Incident,
    amendment: IncidentAmendment,
    *,
    expected_version: int,
    actor: User,
    now_ms: int,
) -> None:
    """State the facts anew: of a proposal this makes a report, later on it is a revision of one.

    Raises Conflict for an older version, InvalidChange as `report_incident` does and for an incident that
    is closed or dismissed.
    """
    require_version(incident, expected_version)
    _require_amendable(incident)
    before = state_of(incident)
    _state_facts(session, incident, amendment, _jurisdiction(session, amendment.jurisdiction), now_ms)
    change = "amended"
    if incident.state is IncidentState.PROPOSED:
        change, incident.state = "reported", IncidentState.REPORTED
        incident.reported_by_id, incident.reported_at_ms = actor.id, now_ms
    leave_record(session, incident, change, actor=actor, now_ms=now_ms, reason=amendment.reason, before=before)
    if change == "reported":
        _tell_reported(session, incident, now_ms)
    else:
        _tell(session, incident, "incident.amended", now_ms, jurisdiction=incident.jurisdiction)


def dismiss_proposal(
    session: Session, incident: Incident, reason: str, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Say why what the platform proposed is no incident; the regulators are told the reason.

    Raises Conflict for an older version, InvalidChange for what is no proposal of the platform.
    """
    require_version(incident, expected_version)
    if incident.state is not IncidentState.PROPOSED or incident.opened_by_id is not None:
        raise InvalidChange("it is no proposal", code="incident_not_proposed")
    before = state_of(incident)
    incident.state = IncidentState.DISMISSED
    leave_record(session, incident, "dismissed", actor=actor, now_ms=now_ms, reason=reason, before=before)
    _tell(session, incident, "incident.dismissed", now_ms, jurisdiction=incident.jurisdiction, reason=reason)


def attach_to_incident(
    session: Session,
    incident: Incident,
    *,
    file_name: str,
    content: bytes,
    expected_version: int,
    actor: User,
    now_ms: int,
) -> Attachment:
    """Add a file of the operator's: evidence, which nobody takes out again.

    Raises Conflict for an older version, InvalidChange for too many files, one that is not taken, or an
    incident that is closed or dismissed.
    """
    require_version(incident, expected_version)
    _require_amendable(incident)
    if len(incident.attachments) >= MOST_ATTACHMENTS:
        raise InvalidChange("too many files", code="too_many_files", field="file", most=MOST_ATTACHMENTS)
    before = state_of(incident)
    organisation = incident.vehicle.organisation
    attachment = store_attachment(
        session, organisation=organisation, file_name=file_name, content=content, actor=actor, now_ms=now_ms
    )
    incident.attachments.append(attachment)
    flag_modified(incident, "occurred_at_ms")  # raises the version: what hangs on it has changed
    leave_record(session, incident, "file_attached", actor=actor, now_ms=now_ms, before=before)
    return attachment


def begun(
    vehicle: Vehicle,
    jurisdiction: Jurisdiction,
    state: IncidentState,
    *,
    kind: IncidentKind,
    occurred_at_ms: int,
    harm: Harm = Harm.NONE,
) -> Incident:
    """A new incident with its number and its deadlines, of which nothing else is said yet."""
    return Incident(
        incident_id=f"INC-{secrets.token_hex(_ID_BYTES).upper()}",
        vehicle=vehicle,
        jurisdiction=jurisdiction,
        state=state,
        kind=kind,
        occurred_at_ms=occurred_at_ms,
        harm=harm,
        injured=0,
        killed=0,
        summary="",
        fault=Fault.UNDECIDED,
        fault_reason="",
        conclusion="",
        first_due_ms=first_due_ms(jurisdiction, harm, occurred_at_ms),
        full_due_ms=full_due_ms(jurisdiction, occurred_at_ms),
    )


def incident_by_id(session: Session, incident_id: str) -> Incident:
    """Raises NotFound."""
    incident = session.scalar(select(Incident).where(Incident.incident_id == incident_id))
    if incident is None:
        raise NotFound(f"no incident {incident_id}")
    return incident


def incident_of_alert(session: Session, alert: Alert) -> Incident | None:
    """The incident that an alert belongs to, if there is one."""
    return session.scalar(select(Incident).where(Incident.alerts.any(Alert.id == alert.id)))


def incidents_of(organisation_id: int | None = None) -> Select[Incident]:
    """All incidents, or those of one operator's vehicles, in no order."""
    statement = select(Incident).join(Vehicle, Vehicle.id == Incident.vehicle_key)
    return statement if organisation_id is None else statement.where(Vehicle.organisation_id == organisation_id)


def incident_page(
    session: Session, wanted: IncidentFilter, *, now_ms: int, limit: int, cursor: str | None
) -> Page[Incident]:
    """One page of incidents, the oldest first. Raises InvalidChange for a foreign cursor."""
    statement = incidents_of(wanted.organisation_id)
    if wanted.organisation is not None:
        statement = statement.where(Vehicle.organisation.has(Organisation.code == wanted.organisation))
    if wanted.jurisdiction is not None:
        statement = statement.where(Incident.jurisdiction.has(Jurisdiction.code == wanted.jurisdiction))
    if wanted.vehicle_id is not None:
        statement = statement.where(Vehicle.vehicle_id == wanted.vehicle_id)
    if wanted.state is not None:
        statement = statement.where(Incident.state == wanted.state)
    if wanted.kind is not None:
        statement = statement.where(Incident.kind == wanted.kind)
    if wanted.fault is not None:
        statement = statement.where(Incident.fault == wanted.fault)
    if wanted.is_overdue is not None:
        statement = statement.where(overdue(now_ms) if wanted.is_overdue else ~overdue(now_ms))
    return read_page(session, statement, Incident.id, limit=limit, cursor=cursor).map(lambda row: row[0])


def _state_facts(
    session: Session, incident: Incident, facts: IncidentFacts, jurisdiction: Jurisdiction, now_ms: int
) -> None:
    if facts.occurred_at_ms > now_ms:
        raise InvalidChange("it has not happened yet", code="incident_in_future", field="occurred_at_ms")
    _require_complete(facts)
    # Before anything changes: a query writes what has changed so far, and each writing raises the version.
    seen = sample_near(session, incident.vehicle.id, facts.occurred_at_ms)
    if (jurisdiction, facts.occurred_at_ms) != (incident.jurisdiction, incident.occurred_at_ms):
        incident.full_due_ms = full_due_ms(jurisdiction, facts.occurred_at_ms)
    incident.jurisdiction = jurisdiction
    incident.occurred_at_ms = facts.occurred_at_ms
    incident.kind, incident.harm, incident.summary = facts.kind, facts.harm, facts.summary
    incident.injured, incident.killed = facts.injured, facts.killed
    asked = facts.kind is IncidentKind.DISENGAGEMENT and facts.disengagement is not None
    incident.disengagement = facts.disengagement.model_dump(mode="json") if asked and facts.disengagement else None
    if facts.complete and incident.complete_at_ms is None:
        incident.complete_at_ms = now_ms
    incident.lon, incident.lat = (seen.lon, seen.lat) if seen is not None else (None, None)


def _require_complete(facts: IncidentFacts) -> None:
    """What calls itself complete answers all that is asked."""
    if not facts.complete or facts.kind is not IncidentKind.DISENGAGEMENT:
        return
    stated = (facts.disengagement or Disengagement()).model_dump()
    missing = next((name for name, value in stated.items() if value is None), None)
    if missing is not None:
        field = f"disengagement.{missing}"
        raise InvalidChange(f"a full report states {missing}", code="disengagement_incomplete", field=field)


def _require_amendable(incident: Incident) -> None:
    if incident.state not in AMENDABLE:
        raise InvalidChange("the incident is closed or dismissed", code="incident_settled")


def _tell_reported(session: Session, incident: Incident, now_ms: int) -> None:
    notify(
        session,
        kind="incident.reported",
        subject=subject_of(incident),
        occasion="reported",
        params={"number": incident.incident_id, "vehicle": incident.vehicle.vehicle_id},
        now_ms=now_ms,
        jurisdiction=incident.jurisdiction,
    )


def _tell(
    session: Session, incident: Incident, kind: str, now_ms: int, *, jurisdiction: Jurisdiction, reason: str = ""
) -> None:
    notify(
        session,
        kind=kind,
        subject=subject_of(incident),
        occasion=str(incident.version),
        params={"number": incident.incident_id, "vehicle": incident.vehicle.vehicle_id, "reason": reason},
        now_ms=now_ms,
        jurisdiction=jurisdiction,
    )


def _alert(session: Session, public_id: str, vehicle: Vehicle) -> Alert:
    try:
        alert = alert_by_public_id(session, public_id)
    except NotFound as error:
        raise InvalidChange("no such alert", code="alert_unknown", field="alert") from error
    if alert.vehicle_key != vehicle.id:
        raise InvalidChange("an alert of another vehicle", code="alert_unknown", field="alert")
    if incident_of_alert(session, alert) is not None:
        raise InvalidChange("the alert has an incident already", code="alert_has_incident", field="alert")
    return alert


def _vehicle(session: Session, vehicle_id: str, organisation: Organisation) -> Vehicle:
    wanted = select(Vehicle).where(Vehicle.vehicle_id == vehicle_id, Vehicle.organisation_id == organisation.id)
    vehicle = session.scalar(wanted)
    if vehicle is None:
        raise InvalidChange(
            f"no vehicle {vehicle_id} of this operator", code="unknown_vehicle", field="vehicle_id", ids=vehicle_id
        )
    return vehicle


def _jurisdiction(session: Session, code: str) -> Jurisdiction:
    jurisdiction = session.scalar(select(Jurisdiction).where(Jurisdiction.code == code))
    if jurisdiction is None:
        raise InvalidChange(f"no jurisdiction {code}", code="jurisdiction_unknown", field="jurisdiction")
    return jurisdiction
