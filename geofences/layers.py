"""Features of a GeoJSON or GeoPackage file in EPSG:4326, whatever reference system the file is in.

Only shapes and attributes are read here; what they mean for a zone is the reader's affair. A file
without a stated or with an unknown reference system is refused: nothing is guessed.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyogrio
import shapely
from geopandas.geodataframe import GeoDataFrame
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from geofences.errors import UnreadableFile

#: Files and features beyond these are refused.
LARGEST_BYTES = 10 * 1_024 * 1_024
MOST_FEATURES = 2_000

_SQLITE_MAGIC = b"SQLite format 3\x00"
#: The application identifier of SQLite's header; GP10 and GP11 are the first two editions.
_APPLICATION_IDS = (b"GPKG", b"GP10", b"GP11")
_APPLICATION_ID_AT = 68
#: What the format writes for "undefined" (OGC 12-128r19, requirement 11); GDAL takes one of them for WGS-84.
_UNDEFINED_SYSTEMS = (0, -1)
#: Decimals that a converted coordinate keeps: a tenth of a millimetre.
_DEGREES = 9
#: A code of a register. PROJ would read definitions too, and even files of this machine.
_CRS_NAME = re.compile(r"(urn:ogc:def:crs:|https?://www\.opengis\.net/def/crs/)?[A-Za-z]{2,9}([:/][\w.]*){1,2}")
_WGS84 = CRS.from_epsg(4326)


@dataclass(frozen=True, slots=True)
class LayerFeature:
    """One feature: its attributes, and its GeoJSON geometry in EPSG:4326 (None: it has none)."""

    properties: Mapping[str, Any]
    geometry: Any


def read_layers(data: bytes) -> list[LayerFeature]:
    """The features of a file, told by its content and never by its name. Raises UnreadableFile."""
    if len(data) > LARGEST_BYTES:
        raise UnreadableFile("larger than 10 MiB", rule="file_too_large")
    if data.startswith(_SQLITE_MAGIC):
        return _geopackage(data)
    return _geojson(data)


# --- GeoJSON ------------------------------------------------------------------------------------


def _geojson(data: bytes) -> list[LayerFeature]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as reason:
        raise UnreadableFile(f"neither a GeoPackage nor JSON in UTF-8: {reason}", rule="file_of_no_kind") from reason
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise UnreadableFile("not a GeoJSON FeatureCollection", rule="file_not_geojson")
    features = document.get("features")
    if not isinstance(features, list):
        raise UnreadableFile("a FeatureCollection without a list of features", rule="file_not_geojson")
    _check_count(len(features))
    crs = _stated_crs(document)
    return [_from_json(feature, crs) for feature in features]


def _stated_crs(document: Mapping[str, Any]) -> CRS:
    """RFC 7946 knows WGS-84 only; files of 2008 may name another system."""
    if document.get("crs") is None:
        return _WGS84
    stated = document["crs"]
    properties = stated.get("properties") if isinstance(stated, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return _known_crs(name)


def _from_json(feature: Any, crs: CRS) -> LayerFeature:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return LayerFeature({}, None)
    properties = feature.get("properties")
    geometry = feature.get("geometry")
    if crs != _WGS84 and geometry is not None:
        geometry = _converted(geometry, crs)
    return LayerFeature(properties if isinstance(properties, dict) else {}, geometry)


def _converted(geometry: Any, crs: CRS) -> Any:
    transformer = Transformer.from_crs(crs, _WGS84, always_xy=True)

    def convert(node: Any) -> Any:
        if isinstance(node, list) and len(node) == 2 and all(type(value) in (int, float) for value in node):  # noqa: PLR2004 -- a pair
            return [round(value, _DEGREES) for value in transformer.transform(*node)]
        return [convert(part) for part in node] if isinstance(node, list) else node

    if not isinstance(geometry, dict):
        return geometry
    try:
        return {**geometry, "coordinates": convert(geometry.get("coordinates"))}
    except RecursionError as reason:
        raise UnreadableFile("coordinates are nested too deeply", rule="file_not_geojson") from reason


# --- GeoPackage ---------------------------------------------------------------------------------


def _geopackage(data: bytes) -> list[LayerFeature]:
    if data[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4] not in _APPLICATION_IDS:
        raise UnreadableFile("a SQLite file, but no GeoPackage", rule="file_of_no_kind")
    layers = _tables(data)
    # GDAL wants a file of that suffix. It is private, its name is not the client's, and it goes away.
    with tempfile.NamedTemporaryFile(suffix=".gpkg") as file:
        file.write(data)
        file.flush()
        features = [feature for layer in layers for feature in _layer(file.name, layer)]
    _check_count(len(features))
    return features


def _tables(data: bytes) -> list[str]:
    """The layers that are plain tables. A view could compute anything, and without end: it is refused."""
    query = (
        "SELECT c.table_name, m.type, m.sql, g.srs_id FROM gpkg_contents c"
        " LEFT JOIN sqlite_master m ON m.name = c.table_name"
        " LEFT JOIN gpkg_geometry_columns g ON g.table_name = c.table_name"
    )
    try:
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(data)
            found = database.execute(f"{query} WHERE c.data_type = 'features' LIMIT 100").fetchall()
    except sqlite3.Error as reason:
        raise UnreadableFile(f"not a readable GeoPackage: {reason}", rule="file_damaged") from reason
    for name, kind, sql, system in found:
        if kind != "table" or "VIRTUAL" in str(sql).upper().split("(")[0]:
            raise UnreadableFile(f"layer {name} is not a plain table", rule="layer_not_a_table")
        if system in _UNDEFINED_SYSTEMS:
            raise UnreadableFile(f"layer {name} is in an undefined reference system", rule="crs_missing")
    if not found:
        raise UnreadableFile("a GeoPackage without layers of features", rule="file_without_layers")
    return [str(name) for name, *_rest in found]


def _layer(path: str, name: str) -> Iterator[LayerFeature]:
    try:
        frame = pyogrio.read_dataframe(path, layer=name, max_features=MOST_FEATURES + 1)  # type: ignore[no-untyped-call]  # it has no annotations
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, CRSError, ValueError) as reason:
        raise UnreadableFile(f"layer {name} cannot be read: {reason}", rule="file_damaged") from reason
    if not isinstance(frame, GeoDataFrame):
        raise UnreadableFile(f"layer {name} has no shapes", rule="file_without_layers")
    if frame.crs is None:
        raise UnreadableFile(f"layer {name} names no reference system", rule="crs_missing")
    columns = [column for column in frame.columns if column != frame.geometry.name]
    for row, shape in zip(frame[columns].to_dict("records"), frame.to_crs(_WGS84).geometry, strict=True):
        geometry = None if shape is None or shape.is_empty else json.loads(shapely.to_geojson(shape))
        yield LayerFeature({str(key): _plain(value) for key, value in row.items()}, geometry)


def _plain(value: Any) -> Any:
    """A cell of a table as JSON has it; what is not a number or a text is its text."""
    if value is None or value != value or str(value) == "NaT":  # noqa: PLR0124 -- NaN is the one that differs from itself
        return None
    item = value.item() if hasattr(value, "item") else value
    return item if isinstance(item, str | int | float | bool) else str(item)


# --- both ---------------------------------------------------------------------------------------


def _known_crs(name: Any) -> CRS:
    if not isinstance(name, str):
        raise UnreadableFile("no reference system is named", rule="crs_missing")
    if not _CRS_NAME.fullmatch(name):
        raise UnreadableFile(f"unknown reference system {name[:80]!r}", rule="crs_unknown")
    try:
        crs = CRS.from_user_input(name)
    except CRSError as reason:
        raise UnreadableFile(f"unknown reference system {name[:80]!r}", rule="crs_unknown") from reason
    return _WGS84 if crs.equals(_WGS84, ignore_axis_order=True) else crs


def _check_count(count: int) -> None:
    if count > MOST_FEATURES:
        raise UnreadableFile(f"more than {MOST_FEATURES} features", rule="file_too_long")
