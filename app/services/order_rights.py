"""Which regulators may order a vehicle: those who answer for where it drives.

A regulator orders a vehicle that

- a permit names which its jurisdiction issued, or which it recognises now, whatever the permit's state;
- was last seen within a zone of its jurisdiction that is in force;
- no permit names at all: such a vehicle is nobody's, and somebody has to be able to stop it.

An order only ever takes away (halt, leave, slow down), it is told to the operator with the name of who
gave it, and the jurisdiction by which it was given follows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Jurisdiction, Permit, PermitRevisionRow, RecognitionRevision, Vehicle
from app.models.permits import permit_revision_vehicles
from app.services.revisions import in_force
from app.services.vehicle_lists import last_position
from app.services.zones import zones_in_force
from geofences.drawing import outline


def ordering_jurisdictions(
    session: Session, regulators: Collection[Jurisdiction], vehicles: Collection[Vehicle], now_ms: int
) -> Mapping[int, Jurisdiction]:
    """By the key of each vehicle that may be ordered, the jurisdiction that gives the right to it."""
    mine = {jurisdiction.id: jurisdiction for jurisdiction in sorted(regulators, key=lambda each: each.id)}
    if not mine:
        return {}
    issuers = _issuers(session, vehicles)
    recognised = _recognised(session, mine, now_ms)
    found: dict[int, Jurisdiction] = {}
    elsewhere: list[Vehicle] = []
    for vehicle in vehicles:
        of_vehicle = issuers.get(vehicle.id, [])
        rights = [issuer for issuer, _stage in of_vehicle if issuer in mine]
        rights += [recognised[permit] for permit in of_vehicle if permit in recognised]
        rights += [] if of_vehicle else [next(iter(mine))]
        if rights:
            found[vehicle.id] = mine[rights[0]]
        else:
            elsewhere.append(vehicle)
    if elsewhere:
        found.update(_by_place(session, mine.values(), elsewhere, now_ms))
    return found


def _issuers(session: Session, vehicles: Collection[Vehicle]) -> Mapping[int, list[tuple[int, str]]]:
    """Issuer and stage of each permit that ever named the vehicle."""
    naming = (
        select(permit_revision_vehicles.c.vehicle_id, Permit.jurisdiction_id, Permit.stage)
        .join(PermitRevisionRow, PermitRevisionRow.id == permit_revision_vehicles.c.revision_id)
        .join(Permit, Permit.id == PermitRevisionRow.permit_id)
        .where(permit_revision_vehicles.c.vehicle_id.in_([vehicle.id for vehicle in vehicles]))
        .order_by(Permit.jurisdiction_id)
        .distinct()
    )
    found: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for vehicle_key, issuer, stage in session.execute(naming):
        found[vehicle_key].append((issuer, stage))
    return found


def _recognised(session: Session, mine: Collection[int], now_ms: int) -> Mapping[tuple[int, str], int]:
    """Which of these jurisdictions recognises permits of an issuer and a stage now."""
    rows = session.scalars(select(RecognitionRevision).where(RecognitionRevision.recogniser_id.in_(mine))).all()
    return {
        (row.issuer_id, stage): row.recogniser_id
        for row, start_ms, end_ms in in_force(rows, lambda row: (row.recogniser_id, row.issuer_id))
        if max(start_ms, row.valid_from_ms) <= now_ms < end_ms
        and (row.valid_until_ms is None or now_ms < row.valid_until_ms)
        for stage in row.stages
    }


def _by_place(
    session: Session, mine: Iterable[Jurisdiction], vehicles: Iterable[Vehicle], now_ms: int
) -> Mapping[int, Jurisdiction]:
    of_code = {jurisdiction.code: jurisdiction for jurisdiction in mine}
    zones = [
        (outline(shapely.from_geojson(row.geometry), row.half_width_m), of_code[row.jurisdiction])
        for row in zones_in_force(session, now_ms)
        if row.jurisdiction in of_code
    ]
    found: dict[int, Jurisdiction] = {}
    for vehicle in vehicles:
        sample = last_position(session, vehicle)
        place = None if sample is None else shapely.Point(sample.lon, sample.lat)
        within = (decides for area, decides in zones if place is not None and area.intersects(place))
        if (jurisdiction := next(within, None)) is not None:
            found[vehicle.id] = jurisdiction
    return found
