"""Whose way may lead through a closed place: vehicles whose permit grants a zone that meets it."""

from __future__ import annotations

import numpy as np
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from app.models import ZoneRevisionRow
from app.services.demanded_places import band_of
from app.services.permits_in_force import permits_in_force
from app.services.zone_effects import touched_zones
from app.services.zones import zones_in_force
from geofences.datum import VerticalReference, limits_m
from geofences.zones import Datum, VerticalBand, ZoneKind

#: A road without a band lies on the ground, or below it.
_GROUND = VerticalBand(None, 0.0, Datum.AGL)


def vehicles_with_a_route_through(
    session: Session, area: BaseGeometry, band: VerticalBand | None, vertical: VerticalReference, now_ms: int
) -> frozenset[int]:
    """Keys of the vehicles whose permit in force grants a zone that shares a point with the area, EPSG:4326.

    Heights that cannot be compared may meet.
    """
    meeting = [row for row in zones_in_force(session, now_ms) if _meets(band, row, vertical)]
    touched = touched_zones(meeting, area)
    return frozenset(
        vehicle.id
        for permit in permits_in_force(session, now_ms)
        if any(zone.zone_id in touched for zone in permit.zones)
        for vehicle in permit.vehicles
    )


def _meets(band: VerticalBand | None, row: ZoneRevisionRow, vertical: VerticalReference) -> bool:
    other = band_of(row)
    if other is None and row.zone.kind is ZoneKind.TEST_ROAD:
        other = _GROUND
    if band is None or other is None:
        return True
    lower_m, upper_m = limits_m(band)
    offset_m = vertical.offset_m(other.datum, band.datum)
    other_lower_m, other_upper_m = (limit + offset_m for limit in limits_m(other))
    if np.isnan(offset_m):
        return True
    return other_lower_m <= upper_m and lower_m <= other_upper_m
