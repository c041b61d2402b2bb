"""The report on disengagements, with the columns of California's yearly one (DOMAIN.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.calendar import day_of
from app.models import Incident, IncidentKind, PermitRevisionRow
from app.schemas.incidents import Disengagement, Initiator, RoadType
from app.services.accidents import STATED
from app.services.incident_places import sample_near
from app.services.incidents import incidents_of

#: Exactly as the form has them.
COLUMNS = (
    "Manufacturer",
    "Permit Number",
    "DATE",
    "VIN NUMBER",
    "VEHICLE IS CAPABLE OF OPERATING WITHOUT A DRIVER (Yes or No)",
    "DRIVER PRESENT (Yes or No)",
    "DISENGAGEMENT INITIATED BY (AV System, Test Driver, Remote Operator, or Passenger)",
    "DISENGAGEMENT LOCATION (Interstate, Freeway, Highway, Rural Road, Street, or Parking Facility)",
    "DESCRIPTION OF FACTS CAUSING DISENGAGEMENT",
)
_INITIATORS: Mapping[Initiator, str] = {
    Initiator.AV_SYSTEM: "AV System",
    Initiator.TEST_DRIVER: "Test Driver",
    Initiator.REMOTE_OPERATOR: "Remote Operator",
    Initiator.PASSENGER: "Passenger",
}
_ROADS: Mapping[RoadType, str] = {
    RoadType.INTERSTATE: "Interstate",
    RoadType.FREEWAY: "Freeway",
    RoadType.HIGHWAY: "Highway",
    RoadType.RURAL_ROAD: "Rural Road",
    RoadType.STREET: "Street",
    RoadType.PARKING_FACILITY: "Parking Facility",
}


def disengagement_rows(
    session: Session, *, since_ms: int, until_ms: int, organisation_id: int | None = None
) -> Iterator[Sequence[str]]:
    """The disengagements of [since_ms, until_ms) that were reported, oldest first; what was not stated is empty.

    The manufacturer is the holder; the permit is the one that telemetry was judged against at that time.
    """
    wanted = incidents_of(organisation_id).where(
        Incident.kind == IncidentKind.DISENGAGEMENT,
        Incident.state.in_(STATED),
        Incident.occurred_at_ms >= since_ms,
        Incident.occurred_at_ms < until_ms,
    )
    for incident in session.scalars(wanted.order_by(Incident.occurred_at_ms, Incident.id)):
        yield _row(session, incident)


def _row(session: Session, incident: Incident) -> Sequence[str]:
    said = Disengagement.model_validate(incident.disengagement or {})
    vehicle = incident.vehicle
    return (
        vehicle.organisation.name_en,
        _permit_number(session, incident),
        day_of(incident.occurred_at_ms).isoformat(),
        vehicle.vin or "",
        _yes_or_no(said.capable_without_driver),
        _yes_or_no(said.driver_present),
        _INITIATORS[said.initiated_by] if said.initiated_by is not None else "",
        _ROADS[said.location] if said.location is not None else "",
        incident.summary,
    )


def _permit_number(session: Session, incident: Incident) -> str:
    seen = sample_near(session, incident.vehicle_key, incident.occurred_at_ms)
    if seen is None or seen.permit_revision < 0:
        return ""
    revision = session.scalar(select(PermitRevisionRow).where(PermitRevisionRow.id == seen.permit_revision))
    return revision.permit.number if revision is not None else ""


def _yes_or_no(value: bool | None) -> str:  # noqa: FBT001 -- an answer, not a switch
    return "" if value is None else "Yes" if value else "No"
