"""Reminders before permits, licences and insurance end: 30, 7 and 1 days ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit import Subject
from app.calendar import day_of, end_of_day_ms
from app.models import (
    Jurisdiction,
    LicenceRevision,
    Notice,
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
_FIRST_LEAD_MS = max(LEADS_DAYS) * _DAY_MS
_KINDS = frozenset({"permit.ending", "licence.ending", "insurance.ending"})


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends soon; `name` is what people call it."""

    kind: str
    subject: Subject
    name: str
    ends_at_ms: int
    organisation: Organisation
    jurisdiction: Jurisdiction | None = None


@dataclass(frozen=True, slots=True)
class Reminder:
    """An end of which people are told `days` ahead."""

    ending: Ending
    days: int

    @property
    def occasion(self) -> str:
        """With its end: what is renewed and ends again is told of again."""
        return f"{self.days}d:{self.ending.ends_at_ms}"


def reminders_due(session: Session, now_ms: int) -> list[Reminder]:
    """What has to be told now, and was not yet: of each end once for each lead. Only reads."""
    endings = (*_permits(session, now_ms), *_licences(session, now_ms), *_insurances(session, now_ms))
    wanted = [Reminder(ending, days) for ending in endings if (days := _lead_days(ending.ends_at_ms - now_ms))]
    told = select(Notice.kind, Notice.subject_id, Notice.occasion).where(Notice.kind.in_(_KINDS))
    known = {tuple(row) for row in session.execute(told)}
    return [each for each in wanted if (each.ending.kind, each.ending.subject.id, each.occasion) not in known]


def remind(session: Session, reminders: Sequence[Reminder], now_ms: int) -> None:
    """Tell of these; what another process told of meanwhile is not told again."""
    for reminder in reminders:
        ending = reminder.ending
        notify(
            session,
            kind=ending.kind,
            subject=ending.subject,
            occasion=reminder.occasion,
            params={"name": ending.name, "ends_at_ms": ending.ends_at_ms, "days": reminder.days},
            now_ms=now_ms,
            organisation=ending.organisation,
            jurisdiction=ending.jurisdiction,
        )


def _lead_days(left_ms: int) -> int | None:
    """The shortest lead that has come; None before the first and after the end."""
    come = [days for days in LEADS_DAYS if 0 < left_ms <= days * _DAY_MS]
    return min(come, default=None)


def _permits(session: Session, now_ms: int) -> Iterator[Ending]:
    newest = select(func.max(PermitRevisionRow.id)).group_by(PermitRevisionRow.permit_id)
    ends_soon = PermitRevisionRow.valid_until_ms.between(now_ms, now_ms + _FIRST_LEAD_MS)
    query = select(PermitRevisionRow).where(PermitRevisionRow.id.in_(newest), ends_soon)
    for revision in session.scalars(query.order_by(PermitRevisionRow.permit_id)):
        if not has_ended(revision.state):
            permit = revision.permit
            subject = Subject("permit", permit.number)
            yield Ending(
                "permit.ending", subject, permit.number, revision.valid_until_ms, permit.holder, permit.jurisdiction
            )


def _licences(session: Session, now_ms: int) -> Iterator[Ending]:
    newest = select(func.max(LicenceRevision.id)).group_by(LicenceRevision.officer_id)
    ends_soon = LicenceRevision.expires_at_ms.between(now_ms, now_ms + _FIRST_LEAD_MS)
    query = select(LicenceRevision).where(LicenceRevision.id.in_(newest), ends_soon)
    for licence in session.scalars(query.order_by(LicenceRevision.officer_id)):
        officer = licence.officer
        name = officer.name or officer.officer_id
        subject = Subject("officer", officer.officer_id)
        yield Ending("licence.ending", subject, name, licence.expires_at_ms, officer.organisation)


def _insurances(session: Session, now_ms: int) -> Iterator[Ending]:
    """Insured until the end of the named day, in Shenzhen."""
    newest = select(func.max(VehicleStatusRevision.id)).group_by(VehicleStatusRevision.vehicle_id)
    retired = select(VehicleStatusRevision.vehicle_id).where(
        VehicleStatusRevision.id.in_(newest), VehicleStatusRevision.status == ServiceStatus.RETIRED
    )
    first_day, last_day = (day_of(time_ms) - timedelta(days=1) for time_ms in (now_ms, now_ms + _FIRST_LEAD_MS))
    query = select(Vehicle).where(Vehicle.insured_until.between(first_day, last_day), Vehicle.id.not_in(retired))
    for vehicle in session.scalars(query.order_by(Vehicle.id)):
        assert vehicle.insured_until is not None  # the query asks for those only
        subject = Subject("vehicle", vehicle.vehicle_id)
        ends_at_ms = end_of_day_ms(vehicle.insured_until)
        yield Ending("insurance.ending", subject, vehicle.vehicle_id, ends_at_ms, vehicle.organisation)
