"""Features of files: reference systems are converted or refused, and nothing but a plain layer is read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import shapely
from geopandas.geodataframe import GeoDataFrame

from geofences.errors import UnreadableFile
from geofences.layers import LARGEST_BYTES, MOST_FEATURES, read_layers

ROAD = shapely.LineString([(113.9, 22.52), (113.9, 22.53)])
#: CGCS2000, three-degree zone around 114° E: metres, and what surveys of Shenzhen come in.
SURVEY = 4547


def geopackage(path: Path, crs: int | None = 4326, shapes: tuple[shapely.Geometry, ...] = (ROAD,)) -> Path:
    frame = GeoDataFrame({"zone_id": [f"Z-{n}" for n in range(len(shapes))]}, geometry=list(shapes), crs=4326)
    (frame if crs is None else frame.to_crs(crs)).to_file(path, driver="GPKG", engine="pyogrio")
    return path


def collection(*geometries: Any, **members: Any) -> bytes:
    features = [{"type": "Feature", "properties": {"n": n}, "geometry": g} for n, g in enumerate(geometries)]
    return json.dumps({"type": "FeatureCollection", "features": features, **members}).encode()


def assert_is_road(geometry: Mapping[str, Any]) -> None:
    found = shapely.from_geojson(json.dumps(geometry))
    assert found.geom_type == "LineString"
    assert found.hausdorff_distance(ROAD) < 1e-7


@pytest.mark.parametrize("crs", [4326, SURVEY])
def test_a_geopackage_is_converted_to_longitude_and_latitude(tmp_path: Path, crs: int) -> None:
    (feature,) = read_layers(geopackage(tmp_path / "a.gpkg", crs).read_bytes())
    assert feature.properties == {"zone_id": "Z-0"}
    assert_is_road(feature.geometry)


def test_a_collection_that_names_a_survey_system_is_converted() -> None:
    surveyed = GeoDataFrame(geometry=[ROAD], crs=4326).to_crs(SURVEY).geometry[0]
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{SURVEY}"}}
    (feature,) = read_layers(collection(json.loads(shapely.to_geojson(surveyed)), crs=crs))
    assert_is_road(feature.geometry)


def test_a_collection_of_today_is_taken_as_it_is() -> None:
    drawn = json.loads(shapely.to_geojson(ROAD))
    first, second = read_layers(b"\xef\xbb\xbf" + collection(drawn, None))
    assert (first.geometry, second.geometry) == (drawn, None)


def _refused(data: bytes) -> str:
    with pytest.raises(UnreadableFile) as caught:
        read_layers(data)
    return caught.value.rule


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "file_of_no_kind"),
        (b"PK\x03\x04 a zip", "file_of_no_kind"),
        (b"[1]", "file_not_geojson"),
        (b"[" * 100_000, "file_of_no_kind"),
        (b'{"type":"FeatureCollection","features":3}', "file_not_geojson"),
        (collection(crs={"type": "name", "properties": {"name": "EPSG:999999"}}), "crs_unknown"),
        (collection(crs={"type": "link"}), "crs_missing"),
        (b"SQLite format 3\x00" + bytes(100), "file_of_no_kind"),
        (b"SQLite format 3\x00".ljust(68, b"\x00") + b"GPKG" + bytes(1000), "file_damaged"),
        (b" " * (LARGEST_BYTES + 1), "file_too_large"),
    ],
)
def test_files_of_other_kinds_are_refused(data: bytes, rule: str) -> None:
    assert _refused(data) == rule


def test_too_many_features_are_refused(tmp_path: Path) -> None:
    assert _refused(collection(*[None] * (MOST_FEATURES + 1))) == "file_too_long"
    many = geopackage(tmp_path / "many.gpkg", shapes=(ROAD,) * (MOST_FEATURES + 1))
    assert _refused(many.read_bytes()) == "file_too_long"


def test_a_geopackage_that_names_no_system_is_refused(tmp_path: Path) -> None:
    path = geopackage(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE gpkg_geometry_columns SET srs_id = 0")
        database.execute("UPDATE gpkg_contents SET srs_id = 0")
    database.close()
    assert _refused(path.read_bytes()) == "crs_missing"


def test_a_layer_that_is_a_view_is_refused_before_it_is_run(tmp_path: Path) -> None:
    path = geopackage(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as database:
        # Without an end: whoever counted its rows would wait for ever.
        database.execute(
            "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        )
        database.execute("UPDATE gpkg_contents SET table_name = 'endless'")
    database.close()
    assert _refused(path.read_bytes()) == "layer_not_a_table"
