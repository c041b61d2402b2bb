"""GeoJSON geometries and weekly schedules as types of schemas: read, written and described.

Both may come as an object (API, zone files) or as its JSON text (a field of a form).
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import shapely
from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from shapely.geometry.base import BaseGeometry

from geofences.errors import InvalidZone
from geofences.formats import read_geometry
from geofences.schedule import ANY_DAY, DAYS, Schedule
from geofences.sun import SunEvent

#: More vertices than any real outline has; each would be paid for with every sample near it.
MOST_VERTICES = 10_000
MOST_WINDOWS = 50
_LONGEST_TEXT = 1_000_000

_POSITION = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_LINE = {"type": "array", "items": _POSITION, "minItems": 2}
_POLYGON = {"type": "array", "items": {"type": "array", "items": _POSITION, "minItems": 4}, "minItems": 1}


def _one_of(kind: str, coordinates: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": {"const": kind}, "coordinates": coordinates},
        "required": ["type", "coordinates"],
        "additionalProperties": False,
    }


GEOMETRY_SCHEMA: dict[str, Any] = {
    "description": "GeoJSON geometry in EPSG:4326, lon then lat; rings are closed",
    "oneOf": [
        _one_of("LineString", _LINE),
        _one_of("MultiLineString", {"type": "array", "items": _LINE, "minItems": 1}),
        _one_of("Polygon", _POLYGON),
        _one_of("MultiPolygon", {"type": "array", "items": _POLYGON, "minItems": 1}),
    ],
}
_MOMENT = {
    "oneOf": [
        {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$", "description": "HH:MM"},
        {
            "type": "object",
            "properties": {"event": {"enum": [*SunEvent]}, "offset_min": {"type": "integer"}},
            "required": ["event"],
        },
    ]
}
SCHEDULE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "weekly windows; one that ends before it starts ends on the next day",
    "properties": {
        "time_zone": {"type": "string", "examples": ["Asia/Shanghai"]},
        "position": {
            "type": "object",
            "description": "where the sun is looked at; needed by sun events only",
            "properties": {"lon": {"type": "number"}, "lat": {"type": "number"}},
        },
        "windows": {
            "type": "array",
            "maxItems": MOST_WINDOWS,
            "items": {
                "type": "object",
                "properties": {
                    "days": {"type": "array", "items": {"enum": [*DAYS, ANY_DAY]}, "minItems": 1},
                    "start": _MOMENT,
                    "end": _MOMENT,
                },
                "required": ["days", "start", "end"],
            },
        },
    },
    "required": ["time_zone", "windows"],
}


def _read_geometry(value: Any) -> BaseGeometry:
    if isinstance(value, BaseGeometry):
        return value
    given = _parsed(value)
    if not given:
        raise PydanticCustomError("geometry_empty", "a shape is needed")
    try:
        geometry = read_geometry(given)
    except InvalidZone as reason:
        raise PydanticCustomError(reason.rule, "{reason}", {"reason": str(reason)}) from reason
    if shapely.get_num_coordinates(geometry) > MOST_VERTICES:
        raise PydanticCustomError("too_many_vertices", "at most {most} vertices", {"most": MOST_VERTICES})
    return geometry


def _read_schedule(value: Any) -> Schedule:
    if isinstance(value, Schedule):
        return value
    try:
        schedule = Schedule.from_dict(_parsed(value))
    except InvalidZone as reason:
        raise PydanticCustomError("schedule_invalid", "{reason}", {"reason": str(reason)}) from reason
    if not schedule.windows:
        raise PydanticCustomError("schedule_empty", "a schedule without windows is never open")
    if len(schedule.windows) > MOST_WINDOWS:
        raise PydanticCustomError("schedule_too_long", "at most {most} windows", {"most": MOST_WINDOWS})
    return schedule


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value[:_LONGEST_TEXT])
    except (ValueError, RecursionError):
        return None  # no object: the reader says what is missing


def written_geometry(geometry: BaseGeometry) -> Any:
    """A geometry as a GeoJSON object, with rings wound as RFC 7946 wants them."""
    return json.loads(shapely.to_geojson(shapely.orient_polygons(geometry)))


#: A line or an area in EPSG:4326, lon then lat.
Geometry = Annotated[
    BaseGeometry, PlainValidator(_read_geometry), PlainSerializer(written_geometry), WithJsonSchema(GEOMETRY_SCHEMA)
]
#: Weekly windows in a named time zone.
WeeklySchedule = Annotated[
    Schedule,
    PlainValidator(_read_schedule),
    PlainSerializer(lambda schedule: schedule.to_dict()),
    WithJsonSchema(SCHEDULE_SCHEMA),
]
