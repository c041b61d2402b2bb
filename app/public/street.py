"""One place as a resident sees it: what drives or flies there, who may, how fast, and whom to call."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.live.views import View
from app.models import Jurisdiction, Organisation, Permit
from app.public.now import now
from app.public.operators import company_names
from app.public.places import Drawn, places, speed_limits
from app.public.registry import permits_in_force
from app.schemas.public import AreaCount, Contact, PublicPermit, Street
from app.services.zones import zones_in_force
from telemetry.ports import RegistrySnapshot


def street(
    session: Session, registry: RegistrySnapshot, view: View, zone_id: str, *, now_ms: int, step_m: float
) -> tuple[Street, Drawn]:
    """The place and its geometry. Raises NotFound for one that is not in force."""
    drawn = places(session, registry, now_ms)
    wanted = next((each for each in drawn if each.place.id == zone_id), None)
    if wanted is None:
        raise NotFound("There is no such place.")
    permits = [
        permit
        for permit in permits_in_force(session, registry, now_ms)
        if any(place.id == zone_id for place in permit.places)
    ]
    found = Street(
        place=wanted.place,
        resting=view.is_resting(),
        now=_here(view, wanted, step_m),
        permits=permits,
        speed_limits=speed_limits(wanted, drawn),
        operators=_operators(session, permits),
        authority=_authority(session, zone_id, now_ms),
    )
    return found, wanted


def _here(view: View, wanted: Drawn, step_m: float) -> AreaCount:
    """What is in this place, whatever other places overlap it."""
    areas = now(view, [wanted], step_m).areas
    return next((area for area in areas if area.place is not None), AreaCount(place=None, road=0, air=0))


def _operators(session: Session, permits: Sequence[PublicPermit]) -> list[Contact]:
    numbers = [permit.number for permit in permits]
    holders = select(Organisation).where(
        Organisation.id.in_(select(Permit.holder_id).where(Permit.number.in_(numbers)))
    )
    return [_contact(company) for company in session.scalars(holders.order_by(Organisation.code))]


def _authority(session: Session, zone_id: str, now_ms: int) -> Contact | None:
    """The authority of the place's jurisdiction; its office as the zone names it has no number to call."""
    row = next(row for row in zones_in_force(session, now_ms) if row.zone.zone_id == zone_id)
    jurisdiction = session.scalar(select(Jurisdiction).where(Jurisdiction.code == row.jurisdiction))
    if jurisdiction is None or jurisdiction.authority is None:
        return None
    return _contact(jurisdiction.authority)


def _contact(company: Organisation) -> Contact:
    return Contact(names=company_names(company), phone=company.emergency_phone, website=company.website)
