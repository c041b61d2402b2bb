"""Who runs vehicles here: companies that hold permits in force, and the trials they have registered."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from app.models import Organisation, Permit, ServiceStatus, Stage, Trial, TrialDomain, Vehicle
from app.public.registry import place_names, stages_of, terms_in_force
from app.public.suppression import group_count
from app.schemas.public import PlaceName, PublicNames, PublicOperator, PublicTrial
from app.services.pages import Page, page_among, read_page
from app.services.trials import TrialState, trial_state
from app.services.vehicle_status import current_status
from telemetry.ports import RegistrySnapshot

#: The order of trials: what began last comes first.
_NEWEST_FIRST = (Trial.starts_at_ms, Trial.trial_id)


def operators(session: Session, registry: RegistrySnapshot, now_ms: int) -> list[PublicOperator]:
    """Every holder of a permit in force, by its code."""
    issued = stages_of(session, terms_in_force(registry, now_ms))
    permits: dict[Organisation, list[Permit]] = {}
    for permit in session.scalars(select(Permit).order_by(Permit.number)):
        if permit.id in issued:
            permits.setdefault(permit.holder, []).append(permit)
    sizes = _fleet_sizes(session, now_ms)
    return [
        PublicOperator(
            names=company_names(company),
            website=company.website,
            emergency_phone=company.emergency_phone,
            permits=len(held),
            stages=[stage for stage in Stage if any(issued[permit.id] is stage for permit in held)],
            vehicles=group_count(sizes.get(company.id, 0)),
        )
        for company, held in sorted(permits.items(), key=lambda pair: pair[0].code)
    ]


def trials(session: Session, now_ms: int) -> list[PublicTrial]:
    """Every trial, the newest first."""
    places = place_names(session, now_ms)
    rows = session.scalars(_trials(None).order_by(*(key.desc() for key in _NEWEST_FIRST)))
    return [_trial(row, places, now_ms) for row in rows]


def trial_page(
    session: Session,
    *,
    domain: TrialDomain | None,
    state: TrialState | None,
    now_ms: int,
    limit: int,
    cursor: str | None,
) -> Page[PublicTrial]:
    """One page of trials, the newest first. Raises InvalidChange for a foreign cursor."""
    places = place_names(session, now_ms)

    def read(limit: int, cursor: str | None) -> Page[Trial]:
        page = read_page(session, _trials(domain), *_NEWEST_FIRST, limit=limit, cursor=cursor, newest_first=True)
        return page.map(lambda row: row[0])

    is_wanted = None if state is None else lambda trial: trial_state(trial, now_ms) is state
    page = page_among(read, is_wanted, lambda row: (row.starts_at_ms, row.trial_id), limit=limit, cursor=cursor)
    return page.map(lambda trial: _trial(trial, places, now_ms))


def _trials(domain: TrialDomain | None) -> Select[Trial]:
    statement = select(Trial).options(selectinload(Trial.zones))
    return statement if domain is None else statement.where(Trial.domain == domain)


def _trial(row: Trial, places: Mapping[str, PlaceName], now_ms: int) -> PublicTrial:
    return PublicTrial(
        id=row.trial_id,
        names=PublicNames(zh=row.name_zh, en=row.name_en),
        operator=company_names(row.organisation),
        domain=row.domain,
        stage=row.stage,
        goal=row.goal,
        state=trial_state(row, now_ms).value,
        starts_at_ms=row.starts_at_ms,
        ends_at_ms=row.ends_at_ms,
        places=[places[zone.zone_id] for zone in row.zones if zone.zone_id in places],
    )


def company_names(company: Organisation) -> PublicNames:
    """What a company is called."""
    return PublicNames(zh=company.name_zh, en=company.name_en)


def _fleet_sizes(session: Session, now_ms: int) -> dict[int, int]:
    """Registered vehicles of each organisation, without the retired ones."""
    counted = select(Vehicle.organisation_id, func.count()).where(current_status(now_ms) != ServiceStatus.RETIRED.value)
    return dict(session.execute(counted.group_by(Vehicle.organisation_id)).all())
