"""Who runs vehicles here: companies that hold permits in force, and the trials they have registered."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from app.models import Organisation, Permit, ServiceStatus, Stage, Trial, Vehicle, VehicleStatusRevision
from app.public.registry import place_names, terms_in_force
from app.public.suppression import group_count
from app.schemas.public import PublicNames, PublicOperator, PublicTrial
from app.services.revisions import in_force
from telemetry.ports import RegistrySnapshot


def operators(session: Session, registry: RegistrySnapshot, now_ms: int) -> list[PublicOperator]:
    """Every holder of a permit in force, by its code."""
    issued = {terms.permit_id for terms in terms_in_force(registry, now_ms)}
    permits: dict[Organisation, list[Permit]] = {}
    for permit in session.scalars(select(Permit).where(Permit.id.in_(issued)).order_by(Permit.number)):
        permits.setdefault(permit.holder, []).append(permit)
    sizes = _fleet_sizes(session, now_ms)
    return [
        PublicOperator(
            names=company_names(company),
            website=company.website,
            emergency_phone=company.emergency_phone,
            permits=len(held),
            stages=[stage for stage in Stage if any(permit.stage is stage for permit in held)],
            vehicles=group_count(sizes.get(company.id, 0)),
        )
        for company, held in sorted(permits.items(), key=lambda pair: pair[0].code)
    ]


def trials(session: Session, now_ms: int) -> list[PublicTrial]:
    """Every trial, the newest first."""
    places = place_names(session, now_ms)
    rows = session.scalars(select(Trial).options(selectinload(Trial.zones)).order_by(Trial.starts_at_ms.desc()))
    return [
        PublicTrial(
            id=row.trial_id,
            names=PublicNames(zh=row.name_zh, en=row.name_en),
            operator=company_names(row.organisation),
            domain=row.domain,
            stage=row.stage,
            goal=row.goal,
            state=_state(row, now_ms),
            starts_at_ms=row.starts_at_ms,
            ends_at_ms=row.ends_at_ms,
            places=[places[zone.zone_id] for zone in row.zones if zone.zone_id in places],
        )
        for row in rows
    ]


def company_names(company: Organisation) -> PublicNames:
    """What a company is called."""
    return PublicNames(zh=company.name_zh, en=company.name_en)


def _fleet_sizes(session: Session, now_ms: int) -> dict[int, int]:
    """Registered vehicles of each organisation, without the retired ones."""
    retired = _retired(session, now_ms)
    counted = select(Vehicle.organisation_id, func.count()).where(Vehicle.id.not_in(retired))
    return dict(session.execute(counted.group_by(Vehicle.organisation_id)).all())


def _retired(session: Session, now_ms: int) -> Sequence[int]:
    rows = session.scalars(select(VehicleStatusRevision).where(VehicleStatusRevision.starts_at_ms <= now_ms))
    return [
        row.vehicle_id
        for row, start_ms, end_ms in in_force(rows, lambda row: row.vehicle_id)
        if row.status is ServiceStatus.RETIRED and start_ms <= now_ms < end_ms
    ]


def _state(trial: Trial, now_ms: int) -> str:
    if now_ms < trial.starts_at_ms:
        return "upcoming"
    return "running" if now_ms < trial.ends_at_ms else "ended"
