from __future__ import annotations

import numpy as np
import pytest

from geofences.datum import DATUMS, VerticalReference, convert_altitude_m, convert_altitudes_m, limits_m, to_metres
from geofences.errors import InvalidZone, UnconvertibleAltitude
from geofences.zones import Datum, Unit, VerticalBand
from telemetry.samples import AltitudeDatum

FULL = VerticalReference(ground_elevation_m=5.0, geoid_undulation_m=-3.0)
NOTHING = VerticalReference()
GROUND_ONLY = VerticalReference(ground_elevation_m=5.0)
GEOID_ONLY = VerticalReference(geoid_undulation_m=-3.0)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (Datum.AGL, Datum.AGL, 100.0),
        (Datum.AGL, Datum.AMSL, 105.0),
        (Datum.AGL, Datum.WGS84, 102.0),
        (Datum.AMSL, Datum.AGL, 95.0),
        (Datum.AMSL, Datum.WGS84, 97.0),
        (Datum.WGS84, Datum.AMSL, 103.0),
        (Datum.WGS84, Datum.AGL, 98.0),
    ],
)
def test_each_datum_is_read_in_each_other(source: Datum, target: Datum, expected: float) -> None:
    assert convert_altitude_m(100.0, source=source, target=target, reference=FULL) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reference", "source", "target"),
    [
        (NOTHING, Datum.AGL, Datum.AMSL),
        (NOTHING, Datum.AMSL, Datum.WGS84),
        (GROUND_ONLY, Datum.AMSL, Datum.WGS84),
        (GROUND_ONLY, Datum.AGL, Datum.WGS84),
        (GEOID_ONLY, Datum.AGL, Datum.AMSL),
        (GEOID_ONLY, Datum.WGS84, Datum.AGL),
    ],
)
def test_what_lacks_its_reference_is_never_guessed(reference: VerticalReference, source: Datum, target: Datum) -> None:
    with pytest.raises(UnconvertibleAltitude):
        convert_altitude_m(100.0, source=source, target=target, reference=reference)
    codes = np.array([DATUMS.index(source)], dtype=np.int8)
    assert np.isnan(convert_altitudes_m(np.array([100.0]), codes, target, reference)).all()


def test_sea_level_and_ellipsoid_do_not_need_the_ground() -> None:
    assert convert_altitude_m(0.0, source=Datum.AMSL, target=Datum.WGS84, reference=GEOID_ONLY) == -3.0
    assert convert_altitude_m(7.0, source=Datum.AGL, target=Datum.AGL, reference=NOTHING) == 7.0


def test_an_altitude_that_is_not_finite_is_refused() -> None:
    with pytest.raises(UnconvertibleAltitude):
        convert_altitude_m(np.nan, source=Datum.AGL, target=Datum.AGL, reference=FULL)


def test_columns_agree_with_single_altitudes_and_absent_ones_are_nan() -> None:
    codes = np.array([0, 1, 2, -1], dtype=np.int8)
    for target in Datum:
        column = convert_altitudes_m(np.full(4, 50.0), codes, target, FULL)
        single = [convert_altitude_m(50.0, source=source, target=target, reference=FULL) for source in DATUMS]
        assert column[:3].tolist() == single
        assert np.isnan(column[3])


def test_codes_are_those_of_telemetry() -> None:
    assert [datum.value for datum in DATUMS] == [AltitudeDatum(code).name for code in range(len(DATUMS))]


def test_limits_in_metres() -> None:
    assert to_metres(100.0, Unit.FOOT) == pytest.approx(30.48)
    assert limits_m(VerticalBand(100.0, 400.0, Datum.AMSL, Unit.FOOT)) == pytest.approx((30.48, 121.92))
    assert limits_m(VerticalBand(None, 120.0, Datum.AGL)) == (-np.inf, 120.0)
    assert limits_m(VerticalBand(30.0, None, Datum.AGL)) == (30.0, np.inf)


@pytest.mark.parametrize("band", [(120.0, 30.0), (np.nan, 30.0), (0.0, np.inf)])
def test_impossible_limits_are_refused(band: tuple[float, float]) -> None:
    with pytest.raises(InvalidZone):
        limits_m(VerticalBand(*band, Datum.AGL))
