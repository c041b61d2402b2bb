from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import LineString

from geofences.projection import EDGE_DEGREES, REACH_M, LocalMetric


def proj(lon: float, lat: float) -> Transformer:
    plane = f"+proj=tmerc +lat_0={lat} +lon_0={lon} +k=1 +ellps=WGS84 +units=m"
    return Transformer.from_crs("EPSG:4326", plane, always_xy=True)


@pytest.mark.parametrize("lat", [0.0, 22.5, -33.9, 50.1, 60.0])
def test_it_agrees_with_proj(lat: float) -> None:
    rng = np.random.default_rng(1)
    metric = LocalMetric.around(113.9, lat)
    x, y = rng.uniform(-REACH_M, REACH_M, (2, 20_000)) * 0.99
    degrees = np.array(proj(113.9, lat).transform(x, y, direction="INVERSE"))
    off = np.hypot(*(np.array(metric.forward(*degrees)) - (x, y)))
    assert off[np.hypot(x, y) < 60_000].max() < 0.001
    assert off.max() < 0.015


def test_far_points_are_projected_by_proj_and_impossible_ones_land_nowhere() -> None:
    metric = LocalMetric.around(113.9, 22.5)
    lon, lat = np.array([113.9, 116.4, -66.1, 24.0, 0.0]), np.array([22.5, 39.9, -22.5, 0.0, 90.0])
    x, y = metric.forward(lon, lat)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    assert (np.hypot(x, y)[1:] > REACH_M).all()
    assert np.allclose([x[1], y[1]], proj(113.9, 22.5).transform(116.4, 39.9), atol=0.001)


def test_a_point_does_not_depend_on_its_batch() -> None:
    rng = np.random.default_rng(2)
    metric = LocalMetric.around(113.9, 22.5)
    lon, lat = 113.9 + rng.uniform(-2, 2, 300), 22.5 + rng.uniform(-2, 2, 300)
    together = np.array(metric.forward(lon, lat))
    alone = np.hstack([np.array(metric.forward(lon[[row]], lat[[row]])) for row in range(300)])
    assert (together == alone).all()


@pytest.mark.parametrize("lat", [22.5, 60.0])
def test_long_edges_follow_the_line_in_degrees(lat: float) -> None:
    metric = LocalMetric.around(113.9, lat)
    line = LineString([(113.8, lat + 0.1), (114.0, lat + 0.12)])
    along = shapely.get_coordinates(shapely.line_interpolate_point(line, np.linspace(0, 1, 5_000), normalized=True))
    places = shapely.points(*metric.forward(along[:, 0], along[:, 1]))
    assert shapely.distance(metric.project(line), places).max() < 0.002
    assert shapely.get_num_points(metric.project(line)) >= line.length / EDGE_DEGREES


@pytest.mark.parametrize(("lon", "lat"), [(0.0, 90.0), (181.0, 0.0), (np.nan, 0.0), (0.0, np.nan)])
def test_there_is_no_plane_off_the_globe(lon: float, lat: float) -> None:
    with pytest.raises(ValueError, match="no local plane"):
        LocalMetric.around(lon, lat)
