"""Where trials may run: roads with their kilometres, corridors with their bands, and what is closed or slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Jurisdiction, ZoneRevisionRow
from app.public.measures import area_km2, length_km, totals
from app.public.registry import names, terms_in_force
from app.schemas.public import KindTotal, PublicBand, PublicNames, PublicPlace, SpeedLimit
from app.services.zones import zones_in_force
from geofences.projection import LocalMetric
from geofences.zones import ZoneKind
from telemetry.ports import RegistrySnapshot


@dataclass(frozen=True, slots=True)
class Drawn:
    """A place with its geometry: a line or an area in EPSG:4326, lon then lat."""

    place: PublicPlace
    geometry: BaseGeometry


def places(session: Session, registry: RegistrySnapshot, now_ms: int) -> list[Drawn]:
    """The places in force, by kind and id."""
    granted = Counter(zone_id for terms in terms_in_force(registry, now_ms) for zone_id in terms.zone_ids)
    jurisdictions = {row.code: names(row) for row in session.scalars(select(Jurisdiction))}
    order = list(ZoneKind)
    rows = sorted(zones_in_force(session, now_ms), key=lambda row: (order.index(row.zone.kind), row.zone.zone_id))
    return [_drawn(row, jurisdictions.get(row.jurisdiction), granted[row.zone.zone_id]) for row in rows]


def kind_totals(drawn: Sequence[Drawn]) -> list[KindTotal]:
    """Of each kind that there is: how many, how long, how large."""
    found = []
    for kind in ZoneKind:
        of_kind = [each.geometry for each in drawn if each.place.kind is kind]
        if of_kind:
            length, area = totals(of_kind)
            found.append(KindTotal(kind=kind, count=len(of_kind), length_km=length, area_km2=area))
    return found


def speed_limits(wanted: Drawn, drawn: Sequence[Drawn]) -> list[SpeedLimit]:
    """The speed limits that hold somewhere in a place."""
    plane = LocalMetric.around(wanted.geometry.centroid.x, wanted.geometry.centroid.y)
    area = covered(wanted, plane)
    return [
        SpeedLimit(names=each.place.names, speed_limit_mps=each.place.speed_limit_mps, schedule=each.place.schedule)
        for each in drawn
        if each.place.kind is ZoneKind.SPEED_LIMIT
        and each.place.speed_limit_mps is not None
        and area.intersects(covered(each, plane))
    ]


def covered(each: Drawn, plane: LocalMetric, margin_m: float = 0.0) -> BaseGeometry:
    """The area of a place in a plane in metres: a line widened by its half width."""
    return shapely.buffer(plane.project(each.geometry), (each.place.half_width_m or 0.0) + margin_m)


def _drawn(row: ZoneRevisionRow, jurisdiction: PublicNames | None, permits: int) -> Drawn:
    geometry, length, area = _measured(row.geometry)
    place = PublicPlace(
        id=row.zone.zone_id,
        kind=row.zone.kind,
        names=names(row),
        length_km=length,
        area_km2=area,
        half_width_m=row.half_width_m,
        band=_band(row),
        speed_limit_mps=row.speed_limit_mps,
        schedule=row.schedule,
        authority=row.authority,
        jurisdiction=jurisdiction,
        permits=permits,
    )
    return Drawn(place, geometry)


def _band(row: ZoneRevisionRow) -> PublicBand | None:
    if row.band_datum is None or row.band_unit is None:
        return None
    return PublicBand(lower=row.band_lower, upper=row.band_upper, datum=row.band_datum, unit=row.band_unit)


@lru_cache(maxsize=8_192)
def _measured(text: str) -> tuple[BaseGeometry, float | None, float | None]:
    """A stored geometry with its length and area: what a revision holds never changes, and measuring costs the most."""
    geometry = shapely.from_geojson(text)
    return geometry, length_km(geometry), area_km2(geometry)
