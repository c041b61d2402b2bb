"""The stored samples of a bundle: of its vehicle, and of whoever came near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, select

from app.errors import InvalidChange
from app.evidence.scope import MOST_SAMPLES, NEIGHBOUR_M, Scope
from app.models import Sample
from geofences.projection import LocalMetric, Reals
from telemetry.sealing import COLUMNS

_TABLE = Sample.__table__
#: A stored sample: values of telemetry.sealing.COLUMNS.
Row = tuple[Any, ...]
_PLACES = {name: place for place, name in enumerate(COLUMNS)}
#: 200 m are nowhere more degrees than this of latitude, and of longitude below 70 degrees.
_MARGIN_DEG = 0.006


@dataclass(frozen=True, slots=True)
class Tracks:
    """Rows in the order of (time, vehicle, seq); `neighbours` by integer key."""

    own: Sequence[Row]
    neighbours: dict[int, list[Row]]


def read_tracks(connection: Connection, scope: Scope) -> Tracks:
    """Every sample of the window, and those of all vehicles that came within NEIGHBOUR_M.

    Raises InvalidChange when there are too many.
    """
    own = _rows(connection, _window(scope).where(_TABLE.c.vehicle == scope.vehicle))
    if not own:
        return Tracks(own, {})
    lon, lat = _column(own, "lon"), _column(own, "lat")
    around = _window(scope).where(
        _TABLE.c.vehicle != scope.vehicle,
        _TABLE.c.lon.between(lon.min() - _MARGIN_DEG, lon.max() + _MARGIN_DEG),
        _TABLE.c.lat.between(lat.min() - _MARGIN_DEG, lat.max() + _MARGIN_DEG),
    )
    near = _near(own, _rows(connection, around))
    if not near:
        return Tracks(own, {})
    neighbours: dict[int, list[Row]] = {}
    for row in _rows(connection, _window(scope).where(_TABLE.c.vehicle.in_(near))):
        neighbours.setdefault(value_of(row, "vehicle"), []).append(row)
    return Tracks(own, neighbours)


def value_of(row: Row, name: str) -> Any:
    """The value of a column."""
    return row[_PLACES[name]]


def key_of(row: Row) -> tuple[int, int, int]:
    """(timestamp_ms, vehicle, seq)."""
    return value_of(row, "timestamp_ms"), value_of(row, "vehicle"), value_of(row, "seq")


def _window(scope: Scope) -> Select[*tuple[Any, ...]]:
    key = (_TABLE.c.timestamp_ms, _TABLE.c.vehicle, _TABLE.c.seq)
    wanted = select(*(_TABLE.c[name] for name in COLUMNS)).order_by(*key)
    return wanted.where(_TABLE.c.timestamp_ms >= scope.since_ms, _TABLE.c.timestamp_ms < scope.until_ms)


def _rows(connection: Connection, wanted: Select[*tuple[Any, ...]]) -> list[Row]:
    rows = [tuple(row) for row in connection.execute(wanted.limit(MOST_SAMPLES + 1))]
    if len(rows) > MOST_SAMPLES:
        raise InvalidChange("too many samples for one bundle", code="bundle_too_large", field="before_s")
    return rows


def _near(own: Sequence[Row], others: Sequence[Row]) -> set[int]:
    """The vehicles with a sample within NEIGHBOUR_M of where the vehicle was just then."""
    if not others:
        return set()
    plane = LocalMetric.around(value_of(own[0], "lon"), value_of(own[0], "lat"))
    own_x, own_y = plane.forward(_column(own, "lon"), _column(own, "lat"))
    x, y = plane.forward(_column(others, "lon"), _column(others, "lat"))
    own_times, times = _column(own, "timestamp_ms"), _column(others, "timestamp_ms")
    distance_m = np.hypot(x - np.interp(times, own_times, own_x), y - np.interp(times, own_times, own_y))
    vehicles = np.array([value_of(row, "vehicle") for row in others])
    return {int(vehicle) for vehicle in np.unique(vehicles[distance_m <= NEIGHBOUR_M])}


def _column(rows: Sequence[Row], name: str) -> Reals:
    return np.array([value_of(row, name) for row in rows], dtype=np.float64)
