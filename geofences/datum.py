"""Altitudes in three vertical references. A conversion that lacks its reference raises or yields NaN.

AGL + ground elevation = AMSL; AMSL + geoid undulation = WGS84 (height above the ellipsoid).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofences.errors import InvalidZone, UnconvertibleAltitude
from geofences.zones import Datum, Unit, VerticalBand

Reals = NDArray[np.float64]
Codes = NDArray[np.int8]

METRES_PER_FOOT = 0.3048

#: Order of the datum codes 0, 1, 2 in columns; -1 is "absent". Equal to telemetry.samples.AltitudeDatum.
DATUMS = (Datum.AGL, Datum.AMSL, Datum.WGS84)


@dataclass(frozen=True, slots=True)
class VerticalReference:
    """What ties the three datums together in one city.

    `ground_elevation_m` is the terrain's height above mean sea level, `geoid_undulation_m` the
    geoid's height above the WGS-84 ellipsoid. None means unknown: conversions across it fail.
    """

    ground_elevation_m: float | None = None
    geoid_undulation_m: float | None = None

    def above_agl_m(self, datum: Datum) -> float:
        """How much larger an altitude reads in `datum` than above ground; NaN where unknown."""
        ground = np.nan if self.ground_elevation_m is None else self.ground_elevation_m
        undulation = np.nan if self.geoid_undulation_m is None else self.geoid_undulation_m
        return {Datum.AGL: 0.0, Datum.AMSL: ground, Datum.WGS84: ground + undulation}[datum]

    def offset_m(self, source: Datum, target: Datum) -> float:
        """Metres to add to an altitude in `source` to read it in `target`; NaN where unknown."""
        if source == target:
            return 0.0
        if Datum.AGL not in (source, target):
            # Between sea level and ellipsoid the ground plays no part.
            undulation = np.nan if self.geoid_undulation_m is None else self.geoid_undulation_m
            return undulation if target == Datum.WGS84 else -undulation
        return self.above_agl_m(target) - self.above_agl_m(source)

    def offsets_m(self) -> Reals:
        """Table of shape (4, 3): [source code, target code]; row 3, which is row -1, is NaN."""
        table = np.full((4, 3), np.nan)
        for row, source in enumerate(DATUMS):
            for column, target in enumerate(DATUMS):
                table[row, column] = self.offset_m(source, target)
        return table


def convert_altitude_m(altitude_m: float, *, source: Datum, target: Datum, reference: VerticalReference) -> float:
    """One altitude read in another datum. Raises UnconvertibleAltitude, and never guesses."""
    converted = altitude_m + reference.offset_m(source, target)
    if not np.isfinite(converted):
        raise UnconvertibleAltitude(f"{altitude_m} m {source} cannot be read as {target}")
    return float(converted)


def convert_altitudes_m(altitude_m: Reals, datum: Codes, target: Datum, reference: VerticalReference) -> Reals:
    """Altitudes of shape (n,) with datum codes (-1: absent) read in `target`; NaN where it cannot be done."""
    offset_m: Reals = reference.offsets_m()[datum, DATUMS.index(target)]
    return altitude_m + offset_m


def to_metres(value: float, unit: Unit) -> float:
    """A vertical limit in metres."""
    return value * METRES_PER_FOOT if unit == Unit.FOOT else value


def limits_m(band: VerticalBand) -> tuple[float, float]:
    """Lower and upper limit of a band in metres of its own datum; infinite where unbounded.

    Raises InvalidZone when a limit is not finite or the lower one lies above the upper one.
    """
    given = [limit for limit in (band.lower, band.upper) if limit is not None]
    if not np.isfinite(given).all():
        raise InvalidZone("a vertical limit is not a finite number", rule="limit_not_finite")
    lower = -np.inf if band.lower is None else to_metres(band.lower, band.unit)
    upper = np.inf if band.upper is None else to_metres(band.upper, band.unit)
    if lower > upper:
        raise InvalidZone(f"lower limit {band.lower} lies above upper limit {band.upper}", rule="band_upside_down")
    return lower, upper
