"""Recorded tracks as they come: GPX, CSV and GeoJSON, read to rows that say where they stood.

Nothing is guessed: a time without a zone, a number that is none or a point without a time make the
file unreadable, with the place named.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gpxpy
import gpxpy.gpx

from telemetry.errors import UnreadableTrack

_OPTIONAL_COLUMNS = ("alt_m", "speed_mps", "heading_deg")
_LARGEST_SECONDS = 100_000_000_000  # a number above is milliseconds: as seconds it would be the year 5138


@dataclass(frozen=True, slots=True)
class Row:
    """One raw point; `place` is its line or number in the file. Position in EPSG:4326 degrees."""

    place: str
    time_ms: int
    lon: float
    lat: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None


def read_rows(path: Path) -> list[Row]:
    """All points of a file in their order, chosen by its ending (.csv, .gpx, .geojson or .json).

    Raises UnreadableTrack with the file, the place and the reason.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UnreadableTrack(f"{path}: the ending must be one of {', '.join(_READERS)}")
    try:
        return list(reader(path.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError, gpxpy.gpx.GPXException) as error:
        raise UnreadableTrack(f"{path}: {error}") from error
    except _UnreadableRowError as error:
        raise UnreadableTrack(f"{path}, {error}") from error


class _UnreadableRowError(ValueError):
    """One point cannot be read; the message begins with its place."""


def _csv_rows(text: str) -> Iterator[Row]:
    """`time,lon,lat` and optional `alt_m,speed_mps,heading_deg`, by header; other columns are left."""
    reader = csv.DictReader(text.splitlines(), strict=True)
    missing = {"time", "lon", "lat"} - set(reader.fieldnames or ())
    if missing:
        raise _UnreadableRowError(f"line 1: no column {', '.join(sorted(missing))}")
    for cells in reader:
        place = f"line {reader.line_num}"
        if None in cells:
            raise _UnreadableRowError(f"{place}: more fields than the header names")
        yield Row(
            place,
            _time_ms(place, cells["time"]),
            _number(place, "lon", cells["lon"]),
            _number(place, "lat", cells["lat"]),
            *(_optional(place, name, cells.get(name)) for name in _OPTIONAL_COLUMNS),
        )


def _gpx_rows(text: str) -> Iterator[Row]:
    """All points of all tracks; speed and course also from the usual extensions of GPX 1.1."""
    points = (point for track in gpxpy.parse(text).tracks for segment in track.segments for point in segment.points)
    for number, point in enumerate(points, start=1):
        place = f"track point {number}"
        if point.time is None:
            raise _UnreadableRowError(f"{place}: no time")
        extended = {element.tag.rpartition("}")[2]: element.text for top in point.extensions for element in top.iter()}
        speed = point.speed if point.speed is not None else extended.get("speed")
        course = point.course if point.course is not None else extended.get("course")
        yield Row(
            place,
            _instant_ms(place, point.time),
            point.longitude,
            point.latitude,
            _optional(place, "ele", point.elevation),
            _optional(place, "speed", speed),
            _optional(place, "course", course),
        )


def _geojson_rows(text: str) -> Iterator[Row]:
    """Lines with `coordTimes` or `times`, one per vertex, and points with `time` or `timestamp`."""
    document = json.loads(text)
    features = document.get("features") if isinstance(document, dict) else None
    if features is None:
        features = [document]
    for number, feature in enumerate(features, start=1):
        place = f"feature {number}"
        try:
            geometry, properties = feature["geometry"], feature.get("properties") or {}
            read = _GEOMETRIES[geometry["type"]]
            yield from read(place, geometry["coordinates"], properties)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise _UnreadableRowError(
                f"{place}: a line or a point with coordinates and times is expected ({error!r})"
            ) from error


def _point_rows(place: str, coordinates: list[Any], properties: Mapping[str, Any]) -> Iterator[Row]:
    time = properties.get("time", properties.get("timestamp"))
    speed, heading = (_optional(place, name, properties.get(name)) for name in ("speed_mps", "heading_deg"))
    yield _vertex_row(place, coordinates, time, speed, heading)


def _line_rows(place: str, coordinates: list[Any], properties: Mapping[str, Any]) -> Iterator[Row]:
    times = properties.get("coordTimes", properties.get("times"))
    if not isinstance(times, list) or len(times) != len(coordinates):
        raise _UnreadableRowError(f"{place}: {len(coordinates)} coordinates need as many times (coordTimes or times)")
    for number, (vertex, time) in enumerate(zip(coordinates, times, strict=True), start=1):
        yield _vertex_row(f"{place}, coordinate {number}", vertex, time, None, None)


def _lines_rows(place: str, coordinates: list[Any], properties: Mapping[str, Any]) -> Iterator[Row]:
    times = properties.get("coordTimes", properties.get("times"))
    if not isinstance(times, list) or len(times) != len(coordinates):
        raise _UnreadableRowError(
            f"{place}: {len(coordinates)} lines need as many lists of times (coordTimes or times)"
        )
    for number, (line, line_times) in enumerate(zip(coordinates, times, strict=True), start=1):
        yield from _line_rows(f"{place}, line {number}", line, {"times": line_times})


def _vertex_row(place: str, vertex: list[Any], time: object, speed: float | None, heading: float | None) -> Row:
    altitude = _number(place, "altitude", vertex[2]) if len(vertex) > 2 else None  # noqa: PLR2004 - lon, lat, altitude
    lon, lat = _number(place, "longitude", vertex[0]), _number(place, "latitude", vertex[1])
    return Row(place, _time_ms(place, time), lon, lat, altitude, speed, heading)


def _time_ms(place: str, value: object) -> int:
    """ISO 8601 with a zone, or a whole number of milliseconds since 1970."""
    if isinstance(value, int) and not isinstance(value, bool) and value > _LARGEST_SECONDS:
        return value
    if not isinstance(value, str):
        raise _UnreadableRowError(f"{place}: the time must be ISO 8601 text or milliseconds since 1970, not {value!r}")
    try:
        instant = datetime.fromisoformat(value.strip())
    except ValueError as error:
        raise _UnreadableRowError(f"{place}: {value!r} is no time of the form 2026-01-26T16:43:24Z") from error
    return _instant_ms(place, instant)


def _instant_ms(place: str, instant: datetime) -> int:
    if instant.tzinfo is None:
        raise _UnreadableRowError(f"{place}: the time {instant} has no time zone")
    return round(instant.astimezone(UTC).timestamp() * 1000)


def _number(place: str, name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type] # anything else is the TypeError below
    except (TypeError, ValueError) as error:
        raise _UnreadableRowError(f"{place}: {name} is no number: {value!r}") from error


def _optional(place: str, name: str, value: object) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _number(place, name, value)


_GEOMETRIES: dict[str, Callable[[str, list[Any], Mapping[str, Any]], Iterator[Row]]] = {
    "Point": _point_rows,
    "LineString": _line_rows,
    "MultiLineString": _lines_rows,
}

_READERS: dict[str, Callable[[str], Iterator[Row]]] = {
    ".csv": _csv_rows,
    ".gpx": _gpx_rows,
    ".geojson": _geojson_rows,
    ".json": _geojson_rows,
}
