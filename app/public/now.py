"""What drives and flies now, in numbers and words: made from the public's own document and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import shapely

from app.live.views import View
from app.public.places import Drawn, covered
from app.schemas.public import AreaCount, OpenAlert, PlaceName, PublicNames, PublicNow
from geofences.projection import LocalMetric
from geofences.zones import ZoneKind
from telemetry.samples import VehicleKind

#: Places that what moves is counted in; a vehicle counts in the first that it is in.
_COUNTED = {
    ZoneKind.TEST_ROAD: VehicleKind.ROAD,
    ZoneKind.TEST_AREA: VehicleKind.ROAD,
    ZoneKind.AIR_CORRIDOR: VehicleKind.AIR,
    ZoneKind.VERTIPORT: VehicleKind.AIR,
}
#: Dots on a road stand on its centreline, but for rounding.
_ON_THE_LINE_M = 1.0


class _Point(msgspec.Struct, frozen=True):
    coordinates: tuple[float, float]


class _Properties(msgspec.Struct, frozen=True):
    kind: VehicleKind


class _Dot(msgspec.Struct, frozen=True):
    geometry: _Point
    properties: _Properties


class _Names(msgspec.Struct, frozen=True):
    zh: str
    en: str


class _Raised(msgspec.Struct, frozen=True):
    finding: str
    severity: str
    kind: VehicleKind
    place: _Names | None
    opened_at_ms: int


def now(view: View, drawn: Sequence[Drawn], step_m: float) -> PublicNow:
    """The public view counted by place; what stands in none of them comes last, under no name."""
    changes = view.changes(0)
    dots = [msgspec.json.decode(feature, type=_Dot) for feature in changes.features]
    alerts = [msgspec.json.decode(alert, type=_Raised) for alert in changes.alerts]
    counted = [each for each in drawn if each.place.kind in _COUNTED]
    return PublicNow(
        resting=view.is_resting(),
        generated_at_ms=view.now_ms(),
        delay_ms=view.delay_ms,
        road=_count(dots, VehicleKind.ROAD),
        air=_count(dots, VehicleKind.AIR),
        areas=_areas(dots, counted, step_m),
        alerts=[_alert(alert) for alert in sorted(alerts, key=lambda alert: alert.opened_at_ms, reverse=True)],
    )


def _areas(dots: Sequence[_Dot], counted: Sequence[Drawn], step_m: float) -> list[AreaCount]:
    where = _places_of(dots, counted, step_m)
    found = [
        _area(each, [dot for dot, place in zip(dots, where, strict=True) if place == number])
        for number, each in enumerate(counted)
    ]
    elsewhere = [dot for dot, place in zip(dots, where, strict=True) if place < 0]
    return [*found, _area(None, elsewhere)] if elsewhere else found


def _area(each: Drawn | None, dots: Sequence[_Dot]) -> AreaCount:
    return AreaCount(
        place=name_of(each) if each else None, road=_count(dots, VehicleKind.ROAD), air=_count(dots, VehicleKind.AIR)
    )


def _places_of(dots: Sequence[_Dot], counted: Sequence[Drawn], step_m: float) -> list[int]:
    """The number of each dot's place, -1 for none. Dots are snapped, so an area reaches a step beyond its edge."""
    where = [-1] * len(dots)
    if not dots or not counted:
        return where
    plane = LocalMetric.around(counted[0].geometry.centroid.x, counted[0].geometry.centroid.y)
    lonlat = np.array([dot.geometry.coordinates for dot in dots])
    points = shapely.points(*plane.forward(lonlat[:, 0], lonlat[:, 1]))
    for number, each in enumerate(counted):
        area = covered(each, plane, _ON_THE_LINE_M if each.place.half_width_m else step_m)
        for dot in np.flatnonzero(shapely.intersects(area, points)).tolist():
            if where[dot] < 0 and dots[dot].properties.kind is _COUNTED[each.place.kind]:
                where[dot] = number
    return where


def name_of(each: Drawn) -> PlaceName:
    """A place by name."""
    return PlaceName(id=each.place.id, kind=each.place.kind, names=each.place.names)


def _count(dots: Sequence[_Dot], kind: VehicleKind) -> int:
    return sum(dot.properties.kind is kind for dot in dots)


def _alert(alert: _Raised) -> OpenAlert:
    return OpenAlert(
        finding=alert.finding,
        severity=alert.severity,
        kind=alert.kind,
        place=PublicNames(zh=alert.place.zh, en=alert.place.en) if alert.place else None,
        opened_at_ms=alert.opened_at_ms,
    )
