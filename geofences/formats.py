"""Zone files: GeoJSON FeatureCollections (RFC 7946) in and out, with a problem list instead of one exception.

Each feature has a LineString, MultiLineString, Polygon or MultiPolygon in EPSG:4326 (lon, lat; no third
coordinate: heights belong into `band`) and these properties; others are refused, so that a misspelt
limit is not a missing limit:

    zone_id          text, required
    kind             test_road, test_area, air_corridor, vertiport, restricted or speed_limit; required
    names            {"zh": ..., "en": ...}: shown to people, passed through
    notes            text, passed through
    half_width_m     metres; required of lines, refused of polygons
    band             {"lower": number or null, "upper": number or null, "datum": AGL, AMSL or WGS84, "unit": m or ft}
    schedule         see geofences.schedule
    starts_at        ISO 8601 with an offset, e.g. 2024-11-01T00:00:00+08:00; absent: 1970-01-01T00:00:00Z
    ends_at          the same; absent: until further notice
    speed_limit_mps  metres a second; required of speed_limit zones, refused of others
    authority, jurisdiction   text
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geofences.datum import limits_m
from geofences.errors import GeofenceError, InvalidZone, UnreadableFile
from geofences.schedule import Schedule
from geofences.shapes import check_geometry
from geofences.zones import FOREVER_MS, Datum, Unit, VerticalBand, ZoneKind, ZoneRevision

_PROPERTIES = frozenset(
    {
        *("zone_id", "kind", "names", "notes", "half_width_m", "band", "schedule", "starts_at", "ends_at"),
        *("speed_limit_mps", "authority", "jurisdiction"),
    }
)
_BAND = frozenset({"lower", "upper", "datum", "unit"})

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ZoneFeature:
    """One zone of a file: the revision, and what is passed through for people to read."""

    revision: ZoneRevision
    names: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""


@dataclass(frozen=True, slots=True)
class FeatureProblem:
    """Why a feature was not read: its place in the file (from 0), its zone_id if any, code and reason."""

    feature: int
    zone_id: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """What a file held: the zones that could be read, and a problem for each of the others."""

    zones: tuple[ZoneFeature, ...]
    problems: tuple[FeatureProblem, ...]


def read_zones(data: bytes, *, first_revision_id: int = 1) -> ZoneFile:
    """Read a zone file (UTF-8, a byte-order mark is tolerated).

    Revisions are numbered by their feature's place in the file, from `first_revision_id`. Raises
    UnreadableFile when the file as a whole is not a GeoJSON FeatureCollection.
    """
    zones: list[ZoneFeature] = []
    problems: list[FeatureProblem] = []
    for place, feature in enumerate(_features(data)):
        try:
            zone = _read_feature(feature, first_revision_id + place)
            _check_period(zone.revision, (known.revision for known in zones))
            zones.append(zone)
        except GeofenceError as reason:
            problems.append(FeatureProblem(place, _zone_id(feature), reason.code, str(reason)))
    return ZoneFile(tuple(zones), tuple(problems))


def write_zones(zones: Iterable[ZoneFeature]) -> bytes:
    """A zone file with these zones; `read_zones` reads them back (revision ids excepted)."""
    features = [_write_feature(zone) for zone in zones]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1).encode()


# --- reading ------------------------------------------------------------------------------------


def _features(data: bytes) -> list[Any]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as reason:
        raise UnreadableFile(f"not JSON in UTF-8: {reason}") from reason
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise UnreadableFile("not a GeoJSON FeatureCollection")
    if "crs" in document and "CRS84" not in str(document["crs"]):
        raise UnreadableFile("another reference system than WGS-84 longitude and latitude")
    features = document.get("features")
    if not isinstance(features, list):
        raise UnreadableFile("a FeatureCollection without a list of features")
    return features


def _zone_id(feature: Any) -> str | None:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    zone_id = properties.get("zone_id") if isinstance(properties, dict) else None
    return zone_id if isinstance(zone_id, str) else None


def _read_feature(feature: Any, revision_id: int) -> ZoneFeature:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise InvalidZone("not a GeoJSON Feature")
    given = _mapping(feature.get("properties"), "properties")
    if unknown := set(given) - _PROPERTIES:
        raise InvalidZone(f"unknown properties: {', '.join(sorted(unknown))}")
    kind = _choice(ZoneKind, given.get("kind"), "kind")
    half_width_m = _number(given.get("half_width_m"), "half_width_m")
    geometry = read_geometry(feature.get("geometry"))
    check_geometry(geometry, half_width_m)
    revision = ZoneRevision(
        revision_id=revision_id,
        zone_id=_text(given.get("zone_id"), "zone_id", required=True),
        kind=kind,
        geometry=geometry,
        starts_at_ms=_instant_ms(given.get("starts_at"), 0),
        ends_at_ms=_instant_ms(given.get("ends_at"), FOREVER_MS),
        half_width_m=half_width_m,
        band=_read_band(given.get("band")),
        schedule=_read_schedule(given.get("schedule")),
        speed_limit_mps=_speed_limit_mps(kind, given.get("speed_limit_mps")),
        authority=_text(given.get("authority"), "authority"),
        jurisdiction=_text(given.get("jurisdiction"), "jurisdiction"),
    )
    names = {str(language): _text(name, "names") for language, name in _mapping(given.get("names"), "names").items()}
    return ZoneFeature(revision, names, _text(given.get("notes"), "notes"))


def read_geometry(data: Any) -> BaseGeometry:
    """A shape from a GeoJSON geometry in EPSG:4326 (lon, lat; no third coordinate). Raises InvalidZone."""
    geometry = dict(_mapping(data, "geometry"))
    try:
        _check_positions(geometry.get("coordinates"))
        _check_rings(geometry)
        return shape(geometry)
    except (ShapelyError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as reason:
        raise InvalidZone(f"unreadable geometry: {reason!r}", rule="geometry_unreadable") from reason


def _check_rings(geometry: dict[str, Any]) -> None:
    # shapely would close an open ring by itself, and so hide that the file lost its end.
    kind, coordinates = geometry.get("type"), geometry["coordinates"]
    polygons = [coordinates] if kind == "Polygon" else coordinates if kind == "MultiPolygon" else []
    if any(ring[0] != ring[-1] for polygon in polygons for ring in polygon):
        raise InvalidZone("a ring is not closed", rule="ring_open")


def _check_positions(coordinates: Any) -> None:
    """Raise InvalidZone unless this is a list of lists, in the end of pairs of finite numbers."""
    if not isinstance(coordinates, list) or not coordinates:
        raise InvalidZone("coordinates are missing", rule="geometry_empty")
    if all(isinstance(part, list) for part in coordinates):
        for part in coordinates:
            _check_positions(part)
    elif len(coordinates) != 2:  # noqa: PLR2004 -- longitude and latitude
        raise InvalidZone("a position is not a pair of longitude and latitude", rule="position_not_a_pair")
    elif not all(type(value) in (int, float) and math.isfinite(value) for value in coordinates):
        raise InvalidZone("a coordinate is not a finite number", rule="coordinate_invalid")


def _read_band(data: Any) -> VerticalBand | None:
    if data is None:
        return None
    given = _mapping(data, "band")
    if unknown := set(given) - _BAND:
        raise InvalidZone(f"unknown properties of band: {', '.join(sorted(unknown))}")
    band = VerticalBand(
        _number(given.get("lower"), "lower"),
        _number(given.get("upper"), "upper"),
        _choice(Datum, given.get("datum"), "datum"),
        _choice(Unit, given.get("unit", Unit.METRE), "unit"),
    )
    limits_m(band)
    return band


def _read_schedule(data: Any) -> Schedule | None:
    return None if data is None else Schedule.from_dict(_mapping(data, "schedule"))


def _speed_limit_mps(kind: ZoneKind, value: Any) -> float | None:
    limit = _number(value, "speed_limit_mps")
    if (limit is None) == (kind is ZoneKind.SPEED_LIMIT):
        raise InvalidZone("speed_limit_mps belongs to speed_limit zones, and to each of them")
    if limit is not None and limit <= 0:
        raise InvalidZone("speed_limit_mps is not positive")
    return limit


def _instant_ms(value: Any, absent: int) -> int:
    if value is None:
        return absent
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError) as reason:
        raise InvalidZone(f"{value!r} is not an ISO 8601 time") from reason
    if instant.tzinfo is None:
        raise InvalidZone(f"{value!r} has no offset from UTC")
    return round(instant.timestamp() * 1000)


def _check_period(revision: ZoneRevision, known: Iterable[ZoneRevision]) -> None:
    if revision.ends_at_ms <= revision.starts_at_ms:
        raise InvalidZone("the zone ends before it starts")
    for other in known:
        overlap = revision.starts_at_ms < other.ends_at_ms and other.starts_at_ms < revision.ends_at_ms
        if other.zone_id == revision.zone_id and overlap:
            raise InvalidZone(f"two revisions of {revision.zone_id} are in force at the same time")


def _mapping(data: Any, name: str) -> Mapping[str, Any]:
    if data is None and name == "names":
        return {}
    if not isinstance(data, dict):
        raise InvalidZone(f"{name} is missing or not an object")
    return data


def _text(value: Any, name: str, *, required: bool = False) -> str:
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value.strip()):
        raise InvalidZone(f"{name} is missing or not a text")
    return value


def _number(value: Any, name: str) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value):
        raise InvalidZone(f"{name} is not a finite number")
    return float(value)


def _choice(enum: type[E], value: Any, name: str) -> E:
    try:
        return enum(value)
    except ValueError as reason:
        raise InvalidZone(f"{name} {value!r} is not one of {', '.join(enum)}") from reason


# --- writing ------------------------------------------------------------------------------------


def _write_feature(zone: ZoneFeature) -> dict[str, Any]:
    revision = zone.revision
    band, schedule = revision.band, revision.schedule
    properties = {
        "zone_id": revision.zone_id,
        "kind": str(revision.kind),
        "names": dict(zone.names) or None,
        "notes": zone.notes or None,
        "half_width_m": revision.half_width_m,
        "band": band and {"lower": band.lower, "upper": band.upper, "datum": str(band.datum), "unit": str(band.unit)},
        "schedule": schedule and schedule.to_dict(),
        "starts_at": _written_instant(revision.starts_at_ms),
        "ends_at": None if revision.ends_at_ms >= FOREVER_MS else _written_instant(revision.ends_at_ms),
        "speed_limit_mps": revision.speed_limit_mps,
        "authority": revision.authority or None,
        "jurisdiction": revision.jurisdiction or None,
    }
    return {
        "type": "Feature",
        "properties": {name: value for name, value in properties.items() if value is not None},
        "geometry": json.loads(shapely.to_geojson(revision.geometry)),
    }


def _written_instant(instant_ms: int) -> str:
    return datetime.fromtimestamp(instant_ms / 1000, UTC).isoformat(timespec="milliseconds")
