"""Shapes as maps draw them are true in metres, wherever they lie in the plane that they share."""

from __future__ import annotations

import pytest
from pyproj import Geod
from shapely import LineString, Polygon, box

from geofences.drawing import area_m2, circle, length_m, outline

GEOD = Geod(ellps="WGS84")


@pytest.mark.parametrize(("lon", "lat"), [(113.9, 22.5), (113.949, 22.549), (113.8501, 22.4501), (-0.05, -33.95)])
def test_lengths_and_circles_are_those_on_the_ellipsoid(lon: float, lat: float) -> None:
    road = LineString([(lon, lat), (lon + 0.004, lat + 0.003)])
    assert length_m(road) == pytest.approx(GEOD.geometry_length(road), rel=2e-6)
    area, _perimeter = GEOD.geometry_area_perimeter(circle(lon, lat, 40.0))
    assert area_m2(circle(lon, lat, 40.0)) == pytest.approx(abs(area), rel=4e-6)


def test_a_line_is_widened_in_metres_to_both_sides() -> None:
    west, _south, east, _north = outline(LineString([(113.9, 22.5), (113.9, 22.51)]), 25.0).bounds
    assert GEOD.inv(west, 22.505, east, 22.505)[2] == pytest.approx(50.0, abs=0.01)


def test_outer_rings_run_counter_clockwise_whichever_way_they_were_drawn() -> None:
    """RFC 7946, 3.1.6."""
    clockwise = box(113.9, 22.5, 113.91, 22.51, ccw=False)
    for drawn in (outline(clockwise, None), outline(LineString([(113.9, 22.5), (113.91, 22.5)]), 10.0)):
        assert isinstance(drawn, Polygon)
        assert drawn.exterior.is_ccw
