"""Reminders before permits, licences and insurance end: 30, 7 and 1 days ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit import Subject
from app.models import (
    Jurisdiction,
    LicenceRevision,
    Organisation,
    PermitRevisionRow,
    ServiceStatus,
    Vehicle,
    VehicleStatusRevision,
)
from app.services.notices import notify
from app.services.permit_life import has_ended

#: How many days ahead people are told.
LEADS_DAYS = (30, 7, 1)
_DAY_MS = 86_400_000
_CALENDAR = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends soon; `name` is what people call it."""

    kind: str
    subject: Subject
    name: str
    ends_at_ms: int
    organisation: Organisation
    jurisdiction: Jurisdiction | None = None


def remind(session: Session, now_ms: int) -> None:
    """Tell of everything that ends soon; of each end once for each lead."""
    for ending in (*_permits(session), *_licences(session), *_insurances(session)):
        lead_days = _lead_days(ending.ends_at_ms - now_ms)
        if lead_days is not None:
            notify(
                session,
                kind=ending.kind,
                subject=ending.subject,
                # With its end: what is renewed and ends again is told of again.
                occasion=f"{lead_days}d:{ending.ends_at_ms}",
                params={"name": ending.name, "ends_at_ms": ending.ends_at_ms, "days": lead_days},
                now_ms=now_ms,
                organisation=ending.organisation,
                jurisdiction=ending.jurisdiction,
            )


def _lead_days(left_ms: int) -> int | None:
    """The shortest lead that has come; None before the first and after the end."""
    come = [days for days in LEADS_DAYS if 0 < left_ms <= days * _DAY_MS]
    return min(come, default=None)


def _permits(session: Session) -> Iterator[Ending]:
    newest = select(func.max(PermitRevisionRow.id)).group_by(PermitRevisionRow.permit_id)
    query = select(PermitRevisionRow).where(PermitRevisionRow.id.in_(newest)).order_by(PermitRevisionRow.permit_id)
    for revision in session.scalars(query):
        if not has_ended(revision.state):
            permit = revision.permit
            subject = Subject("permit", permit.number)
            yield Ending(
                "permit.ending", subject, permit.number, revision.valid_until_ms, permit.holder, permit.jurisdiction
            )


def _licences(session: Session) -> Iterator[Ending]:
    newest = select(func.max(LicenceRevision.id)).group_by(LicenceRevision.officer_id)
    query = select(LicenceRevision).where(LicenceRevision.id.in_(newest)).order_by(LicenceRevision.officer_id)
    for licence in session.scalars(query):
        officer = licence.officer
        name = officer.name or officer.officer_id
        subject = Subject("officer", officer.officer_id)
        yield Ending("licence.ending", subject, name, licence.expires_at_ms, officer.organisation)


def _insurances(session: Session) -> Iterator[Ending]:
    """Insured until the end of the named day, in Shenzhen."""
    newest = select(func.max(VehicleStatusRevision.id)).group_by(VehicleStatusRevision.vehicle_id)
    retired = select(VehicleStatusRevision.vehicle_id).where(
        VehicleStatusRevision.id.in_(newest), VehicleStatusRevision.status == ServiceStatus.RETIRED
    )
    query = select(Vehicle).where(Vehicle.insured_until.is_not(None), Vehicle.id.not_in(retired)).order_by(Vehicle.id)
    for vehicle in session.scalars(query):
        assert vehicle.insured_until is not None  # the query asks for those only
        midnight = datetime.combine(vehicle.insured_until + timedelta(days=1), time(), _CALENDAR)
        subject = Subject("vehicle", vehicle.vehicle_id)
        ends_at_ms = int(midnight.timestamp()) * 1000
        yield Ending("insurance.ending", subject, vehicle.vehicle_id, ends_at_ms, vehicle.organisation)
