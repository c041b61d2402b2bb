"""Incidents that the platform proposes because telemetry shows one: the operator reports or dismisses each.

An alert belongs to one incident at most. What happens to a vehicle within ten minutes is one incident.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from app.audit import state_of
from app.models import (
    Alert,
    Incident,
    IncidentKind,
    IncidentState,
    Jurisdiction,
    PermitRevisionRow,
    Sample,
    Vehicle,
    ZoneRevisionRow,
    incident_alerts,
)
from app.services.incident_records import leave_record, subject_of
from app.services.incidents import AMENDABLE, begun
from app.services.notices import notify
from telemetry.findings import Finding
from telemetry.samples import Mode

#: Alerts of these are proposed; a lost link only of a vehicle that drove by itself.
PROPOSED: Mapping[Finding, IncidentKind] = {
    Finding.TAKEOVER: IncidentKind.DISENGAGEMENT,
    Finding.MINIMAL_RISK: IncidentKind.SYSTEM_FAILURE,
    Finding.HARD_BRAKING: IncidentKind.NEAR_MISS,
    Finding.LINK_LOST: IncidentKind.LOSS_OF_LINK,
    Finding.SEPARATION: IncidentKind.NEAR_MISS,
}
#: What a person opens an incident as, from an alert of anything else.
_OTHERWISE: Mapping[Finding, IncidentKind] = {
    Finding.LOW_BATTERY: IncidentKind.SYSTEM_FAILURE,
    Finding.VERTIPORT_CONFLICT: IncidentKind.NEAR_MISS,
}
#: Alerts that are older were opened before the platform proposed anything, or while nothing of it ran.
_LOOK_BACK_MS = 86_400_000
_TOGETHER_MS = 600_000
#: Alerts to a transaction.
AT_ONCE = 100


def kind_of(finding: Finding) -> IncidentKind:
    """What an incident is called that an alert of this finding tells of."""
    return PROPOSED.get(finding) or _OTHERWISE.get(finding, IncidentKind.OTHER)


def has_unproposed_alerts(session: Session, now_ms: int) -> bool:
    """Whether there is anything to propose: asked every few seconds."""
    return session.scalar(_unproposed(now_ms).with_only_columns(Alert.id).limit(1)) is not None


def propose_incidents(session: Session, now_ms: int) -> int:
    """Propose an incident for each such alert, or add it to the vehicle's of that time; how many alerts.

    The vehicles stay locked meanwhile: of two processes the second one finds what the first proposed.
    """
    keys = select(Alert.vehicle_key).where(Alert.id.in_(_unproposed(now_ms).with_only_columns(Alert.id)))
    vehicles = select(Vehicle.id).where(Vehicle.id.in_(keys)).order_by(Vehicle.id).limit(AT_ONCE)
    locked = session.scalars(vehicles.with_for_update(key_share=True)).all()
    wanted = _unproposed(now_ms).where(Alert.vehicle_key.in_(locked)).order_by(Alert.opened_at_ms, Alert.id)
    open_ones = _open_incidents(session, locked)
    before: dict[Incident, dict[str, Any] | None] = {}
    count = 0
    for alert in session.scalars(wanted.limit(AT_ONCE)).all():
        of_vehicle = open_ones.setdefault(alert.vehicle_key, [])
        together = [each for each in of_vehicle if abs(each.occurred_at_ms - alert.opened_at_ms) <= _TOGETHER_MS]
        incident = together[-1] if together else _proposal(session, alert, now_ms)
        if incident is None:
            continue
        if together:
            before.setdefault(incident, state_of(incident))
        else:
            before[incident] = None
            of_vehicle.append(incident)
        incident.alerts.append(alert)
        count += 1
    for incident, earlier in before.items():
        _record(session, incident, earlier, now_ms)
    return count


def _unproposed(now_ms: int) -> Select[Alert]:
    drove_itself = exists().where(
        Sample.timestamp_ms == Alert.first_seen_ms,
        Sample.vehicle == Alert.vehicle_key,
        Sample.seq == Alert.opened_seq,
        Sample.mode == Mode.AUTONOMOUS,
    )
    known = exists().where(incident_alerts.c.alert_key == Alert.id)
    return select(Alert).where(
        Alert.finding.in_([int(finding) for finding in PROPOSED]),
        Alert.opened_at_ms >= now_ms - _LOOK_BACK_MS,
        or_(Alert.finding != int(Finding.LINK_LOST), drove_itself),
        ~known,
    )


def _open_incidents(session: Session, vehicle_keys: Sequence[int]) -> dict[int, list[Incident]]:
    query = select(Incident).where(Incident.vehicle_key.in_(vehicle_keys), Incident.state.in_(AMENDABLE))
    found: dict[int, list[Incident]] = {}
    for incident in session.scalars(query.order_by(Incident.occurred_at_ms, Incident.id)):
        found.setdefault(incident.vehicle_key, []).append(incident)
    return found


def _proposal(session: Session, alert: Alert, now_ms: int) -> Incident | None:
    """None while there is no jurisdiction at all, and so nobody who could be told."""
    jurisdiction = jurisdiction_of(session, alert)
    if jurisdiction is None:
        return None
    kind = kind_of(Finding(alert.finding))
    incident = begun(alert.vehicle, jurisdiction, IncidentState.PROPOSED, kind=kind, occurred_at_ms=alert.opened_at_ms)
    incident.lon, incident.lat, incident.proposed_at_ms = alert.lon, alert.lat, now_ms
    session.add(incident)
    return incident


def _record(session: Session, incident: Incident, before: Mapping[str, Any] | None, now_ms: int) -> None:
    """The operator is told of a proposal, and of further alerts only by the incident itself."""
    if before is not None:
        flag_modified(incident, "occurred_at_ms")  # raises the version: what hangs on it has changed
        leave_record(session, incident, "alert_added", actor=None, now_ms=now_ms, before=before)
        return
    leave_record(session, incident, "proposed", actor=None, now_ms=now_ms)
    vehicle = incident.vehicle
    notify(
        session,
        kind="incident.proposed",
        subject=subject_of(incident),
        occasion="proposed",
        params={"number": incident.incident_id, "vehicle": vehicle.vehicle_id, "due_at_ms": incident.first_due_ms},
        now_ms=now_ms,
        organisation=vehicle.organisation,
    )


def jurisdiction_of(session: Session, alert: Alert) -> Jurisdiction | None:
    """Where it happened: of the permit that was judged against, else of the zone, else the first one there is.

    The operator says otherwise in the report.
    """
    if alert.permit_revision_id is not None:
        return session.get_one(PermitRevisionRow, alert.permit_revision_id).permit.jurisdiction
    everything = select(Jurisdiction).order_by(Jurisdiction.id)
    if alert.zone_revision_id is not None:
        code = session.get_one(ZoneRevisionRow, alert.zone_revision_id).jurisdiction
        found = session.scalar(everything.where(Jurisdiction.code == code))
        if found is not None:
            return found
    return session.scalar(everything.limit(1))
