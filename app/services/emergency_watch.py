"""Whom an emergency concerns, and telling them: at its declaration, and each second while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer, joinedload, lazyload

from app.audit import Subject, record
from app.database import in_parts
from app.errors import InvalidChange
from app.models import (
    Cause,
    Concern,
    DirectiveRow,
    Emergency,
    EmergencyVehicle,
    Organisation,
    User,
    Vehicle,
    ZoneRevisionRow,
)
from app.services.demanded_places import area_of, band_of, zone_terms
from app.services.directives import demand
from app.services.emergency_routes import vehicles_with_a_route_through
from app.services.emergency_sightings import Senses, heard_since, newest_sightings
from app.services.notices import notify
from geofences.errors import GeofenceError
from geofences.zones import VerticalBand
from telemetry.approach import ClosedPlace, closed_place
from telemetry.directives import DemandedPlace, DirectiveKind

#: A vehicle with a route through the place counts if it was heard in the last ten minutes.
ON_ITS_WAY_MS = 600_000

#: The keys of the vehicles with a route through the place of an emergency.
Routes = Callable[[Session, Emergency, int], Collection[int]]


@dataclass(frozen=True, slots=True)
class News:
    """Vehicles to be told now, by key: why, and when the sample says that it was seen."""

    concerns: Mapping[int, tuple[Concern, int]]

    def __bool__(self) -> bool:
        return bool(self.concerns)


def look(session: Session, emergency: Emergency, senses: Senses, now_ms: int, routes: Routes | None = None) -> News:
    """Who is to be told, as the newest samples show: who was not yet, and who came in since.

    Who may be inside counts as inside. Who was told already counts as come in when its position lies
    in the place: it holds the directive that keeps it out.
    """
    revision = place_revision(session, emergency)
    if routes is None:
        through: Collection[int] = vehicles_with_a_route_through(
            session, area_of(revision), band_of(revision), senses.vertical, now_ms
        )
    else:
        through = routes(session, emergency, now_ms)
    told = {row.vehicle_key: row for row in _told(session, emergency)}
    return _news(session, compiled(revision, senses), senses, now_ms, through=through, told=told)


def would_be_told(
    session: Session, area: BaseGeometry, band: VerticalBand | None, senses: Senses, now_ms: int
) -> Mapping[Vehicle, Concern]:
    """Who would be told if this were closed now, and why: by vehicle, in the order of their identifiers.

    Raises InvalidChange for a shape that nothing can be judged against.
    """
    try:
        place = ClosedPlace.of(area, band, senses.vertical)
    except GeofenceError as error:
        raise InvalidChange(str(error), code="zone_unjudgeable", field="geometry") from error
    through = vehicles_with_a_route_through(session, area, band, senses.vertical, now_ms)
    news = _news(session, place, senses, now_ms, through=through, told={})
    return {vehicle: news.concerns[vehicle.id][0] for vehicle in _vehicles(session, news.concerns)}


def tell(session: Session, emergency: Emergency, news: News, *, actor: User | None, now_ms: int) -> None:
    """Demand of these vehicles that they leave, or keep out; their operators are told once."""
    if not news:
        return
    known = {row.vehicle_key: row for row in _told(session, emergency)}
    vehicles = _vehicles(session, news.concerns)
    rows = [
        known.get(vehicle.id) or EmergencyVehicle(emergency=emergency, vehicle=vehicle, concern=concern)
        for vehicle in vehicles
        for concern, _at_ms in [news.concerns[vehicle.id]]
    ]
    for row, vehicle in zip(rows, vehicles, strict=True):
        concern, at_ms = news.concerns[vehicle.id]
        row.told_at_ms = now_ms
        if concern is Concern.INSIDE and row.entered_at_ms is None:
            row.entered_at_ms = at_ms
    order(session, emergency, rows, actor=actor, now_ms=now_ms)
    told = {vehicle.vehicle_id: str(news.concerns[vehicle.id][0]) for vehicle in vehicles}
    subject = Subject("emergency", emergency.number)
    record(session, "emergency.vehicles_told", subject, actor=actor, now_ms=now_ms, after={"vehicles": told})
    _tell_operators(session, emergency, vehicles, now_ms)


def order(
    session: Session, emergency: Emergency, rows: Sequence[EmergencyVehicle], *, actor: User | None, now_ms: int
) -> None:
    """A new directive for each of these; one that stands because of the emergency is replaced."""
    revision = place_revision(session, emergency)
    directives = demand(
        session,
        [row.vehicle for row in rows],
        DirectiveKind.LEAVE,
        cause=Cause.EMERGENCY,
        cause_id=emergency.number,
        reason=emergency.reason,
        now_ms=now_ms,
        actor=actor,
        terms=_terms(emergency, revision),
        jurisdiction=emergency.jurisdiction,
    )
    for row, directive in zip(rows, directives, strict=True):
        row.directive = directive
    session.add_all(rows)
    session.flush()


def place_revision(session: Session, emergency: Emergency) -> ZoneRevisionRow:
    """What is closed, or was: the first revision of its zone."""
    first = select(ZoneRevisionRow).where(ZoneRevisionRow.zone_id == emergency.zone_key)
    return session.scalars(first.order_by(ZoneRevisionRow.generation).limit(1)).one()


def compiled(revision: ZoneRevisionRow, senses: Senses) -> ClosedPlace:
    """The place as its directives name it."""
    place = DemandedPlace.of(zone_terms(revision))
    assert place is not None
    return closed_place(place, senses.vertical)


def _news(
    session: Session,
    place: ClosedPlace,
    senses: Senses,
    now_ms: int,
    *,
    through: Collection[int],
    told: Mapping[int, EmergencyVehicle],
) -> News:
    sightings = newest_sightings(session, now_ms)
    points = sightings.points(senses)
    stands, approached = place.stands(points), place.approached(points, sightings.motion())
    heard = heard_since(session, [key for key in through if key not in told], now_ms - ON_ITS_WAY_MS)
    concerns = dict.fromkeys(sorted(heard), (Concern.ROUTE, now_ms))
    for row in range(len(sightings)):
        key, at_ms = int(sightings.vehicle[row]), int(sightings.timestamp_ms[row])
        if key in told:
            if stands.inside[row] and stands.depth_m[row] >= 0 and _has_come_in(told[key], at_ms):
                concerns[key] = Concern.INSIDE, at_ms
        elif stands.inside[row]:
            concerns[key] = Concern.INSIDE, at_ms
        elif approached[row] and concerns.get(key, (Concern.ROUTE,))[0] is Concern.ROUTE:
            concerns[key] = Concern.APPROACHING, at_ms
    return News(concerns)


def _has_come_in(row: EmergencyVehicle, at_ms: int) -> bool:
    """Whether a sample inside is news: it never was inside, or it had left by then."""
    complied_ms = row.directive.complied_at_ms
    return row.entered_at_ms is None or (complied_ms is not None and at_ms > complied_ms)


def _terms(emergency: Emergency, revision: ZoneRevisionRow) -> dict[str, Any]:
    until = {} if emergency.planned_end_ms is None else {"until_ms": emergency.planned_end_ms}
    return zone_terms(revision) | until


def vehicles_told(emergency: Emergency) -> Select[EmergencyVehicle]:
    """The vehicles of an emergency with their directives, in the order in which they were told first.

    Read every second, thousands of them: without what is the same for all, or in no look.
    """
    same_for_all = lazyload(EmergencyVehicle.emergency)
    of_directive = joinedload(EmergencyVehicle.directive).options(
        defer(DirectiveRow.terms),
        lazyload(DirectiveRow.vehicle),
        lazyload(DirectiveRow.jurisdiction),
        lazyload(DirectiveRow.issued_by),
        lazyload(DirectiveRow.settled_by),
    )
    told = select(EmergencyVehicle).where(EmergencyVehicle.emergency_key == emergency.id)
    return told.options(same_for_all, of_directive).order_by(EmergencyVehicle.id)


def _told(session: Session, emergency: Emergency) -> Sequence[EmergencyVehicle]:
    return session.scalars(vehicles_told(emergency)).all()


def _vehicles(session: Session, keys: Collection[int]) -> Sequence[Vehicle]:
    found = (
        vehicle for some in in_parts(keys) for vehicle in session.scalars(select(Vehicle).where(Vehicle.id.in_(some)))
    )
    return sorted(found, key=lambda vehicle: vehicle.vehicle_id)


def _tell_operators(session: Session, emergency: Emergency, vehicles: Sequence[Vehicle], now_ms: int) -> None:
    organisations: dict[str, Organisation] = {vehicle.organisation.code: vehicle.organisation for vehicle in vehicles}
    for code, organisation in sorted(organisations.items()):
        notify(
            session,
            kind="emergency.declared",
            subject=Subject("emergency", emergency.number),
            occasion=f"to {code}",
            params={"number": emergency.number, "reason": emergency.reason},
            now_ms=now_ms,
            organisation=organisation,
        )
