"""Incidents: reported by operators, with the fault decided by regulators."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import Conflict, InvalidChange, NotFound
from app.models import Fault, Incident, IncidentKind, Jurisdiction, Organisation, User, Vehicle
from app.schemas.incidents import FaultDecision, IncidentReport
from app.services.notices import notify
from app.services.pages import Page, read_page

#: What counts as an accident; the others are warnings of one.
ACCIDENTS = frozenset({IncidentKind.COLLISION, IncidentKind.EMERGENCY_LANDING})
_ID_BYTES = 5


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents a list holds; None: any."""

    organisation_id: int | None = None
    organisation: str | None = None
    jurisdiction: str | None = None
    vehicle_id: str | None = None
    kind: IncidentKind | None = None
    fault: Fault | None = None


def report_incident(
    session: Session, report: IncidentReport, *, organisation: Organisation, actor: User, now_ms: int
) -> Incident:
    """Record an incident of one of the operator's vehicles; the jurisdiction's regulators are told.

    Raises InvalidChange for a vehicle of somebody else, an unknown jurisdiction, or a time to come.
    """
    if report.occurred_at_ms > now_ms:
        raise InvalidChange("it has not happened yet", code="incident_in_future", field="occurred_at_ms")
    incident = Incident(
        incident_id=f"INC-{secrets.token_hex(_ID_BYTES).upper()}",
        vehicle=_vehicle(session, report.vehicle_id, organisation),
        jurisdiction=_jurisdiction(session, report.jurisdiction),
        occurred_at_ms=report.occurred_at_ms,
        kind=report.kind,
        harm=report.harm,
        summary=report.summary,
        fault=Fault.UNDECIDED,
        fault_reason="",
        reported_by_id=actor.id,
        reported_at_ms=now_ms,
    )
    session.add(incident)
    session.flush()
    subject = Subject("incident", incident.incident_id)
    record(session, "incident.reported", subject, actor=actor, now_ms=now_ms, after=state_of(incident))
    notify(
        session,
        kind="incident.reported",
        subject=subject,
        occasion="reported",
        params={"number": incident.incident_id, "vehicle": incident.vehicle.vehicle_id},
        now_ms=now_ms,
        jurisdiction=incident.jurisdiction,
    )
    return incident


def decide_fault(
    session: Session, incident: Incident, decision: FaultDecision, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Decide, or decide anew, whether it was at fault; the operator is told. Raises Conflict for an older version."""
    if incident.version != expected_version:
        raise Conflict("the incident has changed meanwhile")
    before = state_of(incident)
    incident.fault, incident.fault_reason = Fault(decision.fault), decision.reason
    incident.decided_by_id, incident.decided_at_ms = actor.id, now_ms
    session.flush()
    subject = Subject("incident", incident.incident_id)
    record(
        session,
        "incident.fault_decided",
        subject,
        actor=actor,
        now_ms=now_ms,
        reason=decision.reason,
        before=before,
        after=state_of(incident),
    )
    notify(
        session,
        kind="incident.fault_decided",
        subject=subject,
        occasion=str(incident.version),
        params={"number": incident.incident_id, "vehicle": incident.vehicle.vehicle_id},
        now_ms=now_ms,
        organisation=incident.vehicle.organisation,
    )


def incident_by_id(session: Session, incident_id: str) -> Incident:
    """Raises NotFound."""
    incident = session.scalar(select(Incident).where(Incident.incident_id == incident_id))
    if incident is None:
        raise NotFound(f"no incident {incident_id}")
    return incident


def incidents_of(organisation_id: int | None = None) -> Select[Incident]:
    """All incidents, or those of one operator's vehicles, in no order."""
    statement = select(Incident).join(Vehicle, Vehicle.id == Incident.vehicle_key)
    return statement if organisation_id is None else statement.where(Vehicle.organisation_id == organisation_id)


def incident_page(session: Session, wanted: IncidentFilter, *, limit: int, cursor: str | None) -> Page[Incident]:
    """One page of incidents, the oldest report first. Raises InvalidChange for a foreign cursor."""
    statement = incidents_of(wanted.organisation_id)
    if wanted.organisation is not None:
        statement = statement.where(Vehicle.organisation.has(Organisation.code == wanted.organisation))
    if wanted.jurisdiction is not None:
        statement = statement.where(Incident.jurisdiction.has(Jurisdiction.code == wanted.jurisdiction))
    if wanted.vehicle_id is not None:
        statement = statement.where(Vehicle.vehicle_id == wanted.vehicle_id)
    if wanted.kind is not None:
        statement = statement.where(Incident.kind == wanted.kind)
    if wanted.fault is not None:
        statement = statement.where(Incident.fault == wanted.fault)
    return read_page(session, statement, Incident.id, limit=limit, cursor=cursor).map(lambda row: row[0])


def accidents_since(session: Session, organisation_id: int, since_ms: int) -> Sequence[Incident]:
    """The accidents of an operator since then that count, or may count, as its fault."""
    statement = incidents_of(organisation_id).where(
        Incident.kind.in_(ACCIDENTS), Incident.fault != Fault.NO, Incident.occurred_at_ms >= since_ms
    )
    return session.scalars(statement.order_by(Incident.occurred_at_ms)).all()


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
