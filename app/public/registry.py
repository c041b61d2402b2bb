"""What is in force now, as judgement itself sees it: one rule for vehicles and for the public."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import in_parts
from app.models import Jurisdiction, Permit, PermitRevisionRow, Stage, ZoneRevisionRow
from app.public.suppression import group_count
from app.schemas.public import PlaceName, PublicNames, PublicPermit
from app.services.pages import Page, page_among, read_page
from app.services.zones import zones_in_force
from telemetry.ports import PermitState, PermitTerms, RegistrySnapshot
from telemetry.samples import SafetyOfficer


def names(row: ZoneRevisionRow | Jurisdiction) -> PublicNames:
    """The names of a row that has both."""
    return PublicNames(zh=row.name_zh, en=row.name_en)


def place_names(session: Session, now_ms: int) -> dict[str, PlaceName]:
    """The places in force by id."""
    return {
        row.zone.zone_id: PlaceName(id=row.zone.zone_id, kind=row.zone.kind, names=names(row))
        for row in zones_in_force(session, now_ms)
    }


def terms_in_force(registry: RegistrySnapshot, now_ms: int) -> Iterator[PermitTerms]:
    """Of each permit that is issued and valid now the terms, with the zones in which it is recognised."""
    return (
        terms
        for terms in registry.permits
        if terms.state is PermitState.ISSUED
        and terms.starts_at_ms <= now_ms < terms.ends_at_ms
        and terms.valid_from_ms <= now_ms < terms.valid_until_ms
    )


def permits_in_force(session: Session, registry: RegistrySnapshot, now_ms: int) -> list[PublicPermit]:
    """The permits in force, by number."""
    places = place_names(session, now_ms)
    found = {terms.permit_id: terms for terms in terms_in_force(registry, now_ms)}
    stages = stages_of(session, found.values())
    permits = session.scalars(select(Permit).order_by(Permit.number))
    return [_permit(permit, found[permit.id], stages[permit.id], places) for permit in permits if permit.id in found]


def permit_page(
    session: Session,
    registry: RegistrySnapshot,
    *,
    stage: Stage | None,
    now_ms: int,
    limit: int,
    cursor: str | None,
) -> Page[PublicPermit]:
    """One page of the permits in force, by number. Raises InvalidChange for a foreign cursor."""
    places = place_names(session, now_ms)
    found = {terms.permit_id: terms for terms in terms_in_force(registry, now_ms)}
    stages = stages_of(session, found.values())
    wanted = {permit_id for permit_id, allowed in stages.items() if stage in {None, allowed}}

    def read(limit: int, cursor: str | None) -> Page[Permit]:
        return read_page(session, select(Permit), Permit.number, limit=limit, cursor=cursor).map(lambda row: row[0])

    page = page_among(
        read, lambda permit: permit.id in wanted, lambda permit: (permit.number,), limit=limit, cursor=cursor
    )
    return page.map(lambda permit: _permit(permit, found[permit.id], stages[permit.id], places))


def stages_of(session: Session, terms: Iterable[PermitTerms]) -> dict[int, Stage]:
    """The stage that these terms allow, by the key of their permit."""
    stages = select(PermitRevisionRow.permit_id, PermitRevisionRow.stage)
    return {
        permit_id: stage
        for some in in_parts([each.revision_id for each in terms])
        for permit_id, stage in session.execute(stages.where(PermitRevisionRow.id.in_(some)))
    }


def _permit(permit: Permit, terms: PermitTerms, stage: Stage, places: dict[str, PlaceName]) -> PublicPermit:
    return PublicPermit(
        number=permit.number,
        stage=stage,
        holder=PublicNames(zh=permit.holder.name_zh, en=permit.holder.name_en),
        jurisdiction=names(permit.jurisdiction),
        valid_from_ms=terms.valid_from_ms,
        valid_until_ms=terms.valid_until_ms,
        hours=terms.hours.to_dict() if terms.hours else None,
        speed_cap_mps=terms.speed_cap_mps,
        safety_officers=[SafetyOfficer(officer).name.lower() for officer in sorted(terms.safety_officers)],
        passengers_allowed=terms.passengers_allowed,
        places=[places[zone_id] for zone_id in sorted(terms.zone_ids) if zone_id in places],
        vehicles=group_count(len(terms.vehicles)),
    )
