"""Orders of a duty officer: a directive to each of several vehicles, all of them or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, InvalidChange
from app.models import Cause, DirectiveRow, Jurisdiction, ServiceStatus, User, Vehicle
from app.schemas.directives import Order
from app.services.demanded_places import place_terms, zone_terms
from app.services.directives import demand, release
from app.services.order_rights import ordering_jurisdictions
from app.services.vehicle_status import current_status
from app.services.zones import zones_in_force
from app.units import mps_of
from geofences.drawing import enclosing_circle

_MS = 1_000


def order_vehicles(session: Session, order: Order, *, actor: User, now_ms: int) -> list[DirectiveRow]:
    """Give the order to every vehicle that it names, under the jurisdiction that gives the right to it.

    Raises InvalidChange, naming the vehicles, for unknown and retired ones and for those that the
    actor may not order (app.services.order_rights), for a zone that is not in force, and for a place that
    cannot be judged.
    """
    vehicles = _vehicles(session, order.vehicles, now_ms)
    rights = ordering_jurisdictions(session, actor.jurisdictions, vehicles, now_ms)
    _refuse("vehicle_of_other_authority", [each.vehicle_id for each in vehicles if each.id not in rights])
    terms = _terms(session, order, now_ms)
    of_jurisdiction: defaultdict[Jurisdiction, list[Vehicle]] = defaultdict(list)
    for vehicle in vehicles:
        of_jurisdiction[rights[vehicle.id]].append(vehicle)
    return [
        row
        for jurisdiction, ordered in of_jurisdiction.items()
        for row in demand(
            session,
            ordered,
            order.kind,
            cause=Cause.ORDER,
            cause_id="",
            reason=order.reason,
            now_ms=now_ms,
            actor=actor,
            deadline_ms=now_ms + order.deadline_s * _MS,
            terms=terms,
            jurisdiction=jurisdiction,
        )
    ]


def release_vehicle(
    session: Session, row: DirectiveRow, *, reason: str, expected_version: int, actor: User, now_ms: int
) -> None:
    """End one directive: its vehicle is told that it may go on, unless another one binds it.

    Raises Conflict for an older version and for one that is settled, InvalidChange for one of an
    emergency, which stands for all of its vehicles until it is over.
    """
    if row.version != expected_version:
        raise Conflict("the directive has changed meanwhile")
    if row.cause is Cause.EMERGENCY and row.settled_at_ms is None:
        number = row.cause_id
        raise InvalidChange(f"emergency {number} lasts", code="directive_of_emergency", emergency=number)
    release(session, [row], reason=reason, now_ms=now_ms, actor=actor)


def _vehicles(session: Session, vehicle_ids: Sequence[str], now_ms: int) -> list[Vehicle]:
    named = select(Vehicle, current_status(now_ms)).where(Vehicle.vehicle_id.in_(vehicle_ids))
    found = {vehicle.vehicle_id: (vehicle, status) for vehicle, status in session.execute(named)}
    _refuse("no_such_vehicle", [each for each in vehicle_ids if each not in found])
    _refuse("vehicle_not_ordered", [each for each, (_, status) in found.items() if status == ServiceStatus.RETIRED])
    return [vehicle for _vehicle_id, (vehicle, _status) in sorted(found.items())]


def _refuse(code: str, vehicle_ids: Collection[str]) -> None:
    if vehicle_ids:
        ids = ", ".join(sorted(set(vehicle_ids)))
        raise InvalidChange(f"these cannot be ordered: {ids}", code=code, field="vehicles", ids=ids)


def _terms(session: Session, order: Order, now_ms: int) -> dict[str, Any]:
    if order.speed_kmh is not None:
        return {"speed_mps": mps_of(order.speed_kmh)}
    if order.zone is not None:
        row = next((each for each in zones_in_force(session, now_ms) if each.zone.zone_id == order.zone), None)
        if row is None:
            raise InvalidChange(f"no zone {order.zone}", code="unknown_zone", field="zone", ids=order.zone)
        return zone_terms(row)
    if order.circle is not None:
        return place_terms(enclosing_circle(order.circle.lon, order.circle.lat, order.circle.radius_m), None)
    return {} if order.place is None else place_terms(order.place, None)
