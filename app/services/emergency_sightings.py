"""Where vehicles were seen last, as columns: what is asked of them every second while an emergency lasts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.orm import Session

from app.database import in_parts
from app.models import Sample, TrackRow, Vehicle
from geofences.datum import VerticalReference
from geofences.placement import Points
from telemetry.approach import Motion
from telemetry.findings import Finding
from telemetry.plausibility import CLOCK_TOLERANCE_MS, TOP_SPEED_MPS
from telemetry.samples import Codes, Flags, Integers, Reals, VehicleKind

#: A vehicle that was not heard for so long may be anywhere by now.
HEARD_MS = 10_000
#: Findings that say that a sample is not where or when it says.
_UNTRUE = int(Finding.CLOCK_SKEW | Finding.IMPLAUSIBLE_JUMP)
_COLUMNS = (
    Sample.vehicle,
    Vehicle.kind,
    Sample.timestamp_ms,
    Sample.lon,
    Sample.lat,
    Sample.altitude_m,
    Sample.altitude_datum,
    Sample.heading_deg,
    Sample.speed_mps,
    Sample.horizontal_accuracy_m,
    Sample.vertical_accuracy_m,
    Sample.vertical_speed_mps,
    Sample.verdict,
)


@dataclass(frozen=True, slots=True)
class Senses:
    """How this installation reads altitudes, and makes accuracy circles of reported accuracies."""

    vertical: VerticalReference
    coverage_factor: float


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """Some samples as columns (n,), named and meant as in telemetry.samples.

    `is_true` where neither the time nor the place is in doubt.
    """

    vehicle: Integers
    kind: Sequence[VehicleKind]
    timestamp_ms: Integers
    lon: Reals
    lat: Reals
    altitude_m: Reals
    altitude_datum: Codes
    heading_deg: Reals
    speed_mps: Reals
    horizontal_accuracy_m: Reals
    vertical_accuracy_m: Reals
    vertical_speed_mps: Reals
    is_true: Flags

    def __len__(self) -> int:
        return len(self.vehicle)

    def points(self, senses: Senses) -> Points:
        """The positions with their accuracy circles."""
        return Points(
            lon=self.lon,
            lat=self.lat,
            radius_m=self.horizontal_accuracy_m * senses.coverage_factor,
            altitude_m=self.altitude_m,
            altitude_datum=self.altitude_datum,
            vertical_radius_m=self.vertical_accuracy_m * senses.coverage_factor,
            timestamp_ms=self.timestamp_ms,
        )

    def motion(self) -> Motion:
        """How they move; a road vehicle does not fly."""
        flies = np.array([kind is VehicleKind.AIR for kind in self.kind], dtype=np.bool_)
        return Motion(
            heading_deg=self.heading_deg,
            speed_mps=self.speed_mps,
            vertical_speed_mps=np.where(flies, self.vertical_speed_mps, 0.0),
            top_speed_mps=np.array([TOP_SPEED_MPS[kind] for kind in self.kind], dtype=np.float64),
        )


def newest_sightings(session: Session, now_ms: int) -> Sightings:
    """The newest sample of each vehicle that was heard just now, and of a clock that runs ahead the newest besides.

    Late samples count too: behind one from the future all others are late.
    """
    since_ms, ahead_ms = now_ms - HEARD_MS, now_ms + CLOCK_TOLERANCE_MS
    newest = (
        select(Sample.vehicle, func.max(Sample.timestamp_ms).label("at_ms"))
        .where(Sample.timestamp_ms > since_ms)
        .group_by(Sample.vehicle, Sample.timestamp_ms > ahead_ms)
        .subquery()
    )
    is_newest = and_(Sample.vehicle == newest.c.vehicle, Sample.timestamp_ms == newest.c.at_ms)
    return _read(session, _samples().join(newest, is_newest).where(Sample.timestamp_ms > since_ms))


def sightings_of(session: Session, vehicle_keys: Collection[int], now_ms: int) -> Sightings:
    """All samples of these vehicles from just now on, and of each the newest live one, in the order of their times."""
    rows: list[Row[*tuple[Any, ...]]] = []
    for some in in_parts(vehicle_keys):
        recent = _samples().where(Sample.timestamp_ms > now_ms - HEARD_MS, Sample.vehicle.in_(some))
        rows += session.execute(recent).all()
        is_last = and_(
            Sample.timestamp_ms == TrackRow.last_timestamp_ms,
            Sample.vehicle == TrackRow.vehicle,
            Sample.seq == TrackRow.last_seq,
        )
        last = _samples().join(TrackRow, is_last).where(TrackRow.vehicle.in_(some))
        rows += session.execute(last.where(TrackRow.last_timestamp_ms <= now_ms - HEARD_MS)).all()
    return _columns(sorted(rows, key=lambda row: row.timestamp_ms))


def heard_since(session: Session, vehicle_keys: Collection[int], since_ms: int) -> set[int]:
    """Those of the vehicles with a live sample since then."""
    heard = select(TrackRow.vehicle).where(TrackRow.last_timestamp_ms >= since_ms)
    return {key for some in in_parts(vehicle_keys) for key in session.scalars(heard.where(TrackRow.vehicle.in_(some)))}


def _samples() -> Select[*tuple[Any, ...]]:
    return select(*_COLUMNS).join(Vehicle, Vehicle.id == Sample.vehicle)


def _read(session: Session, query: Select[*tuple[Any, ...]]) -> Sightings:
    return _columns(session.execute(query).all())


def _columns(rows: Sequence[Row[*tuple[Any, ...]]]) -> Sightings:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(_COLUMNS)
    vehicle, kind, timestamp_ms, lon, lat, altitude_m, altitude_datum, *moving, verdict = columns
    heading_deg, speed_mps, horizontal_accuracy_m, vertical_accuracy_m, vertical_speed_mps = map(_reals, moving)
    return Sightings(
        vehicle=np.array(vehicle, dtype=np.int64),
        kind=kind,
        timestamp_ms=np.array(timestamp_ms, dtype=np.int64),
        lon=_reals(lon),
        lat=_reals(lat),
        altitude_m=_reals(altitude_m),
        altitude_datum=np.array(altitude_datum, dtype=np.int8),
        heading_deg=heading_deg,
        speed_mps=speed_mps,
        horizontal_accuracy_m=horizontal_accuracy_m,
        vertical_accuracy_m=vertical_accuracy_m,
        vertical_speed_mps=vertical_speed_mps,
        is_true=np.array(verdict, dtype=np.int64) & _UNTRUE == 0,
    )


def _reals(values: Sequence[float | None]) -> Reals:
    return np.array(values, dtype=np.float64)  # None becomes NaN
