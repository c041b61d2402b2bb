"""Trails, and the sections of a fleet, as JSON: columns written at once, without an object a sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np

from app.live.things import finding_codes
from app.services.fleet_trails import FleetSection
from app.services.trails import Section, Trail
from app.storage.points import Points
from telemetry.samples import AltitudeDatum, Codes, Integers, Mode, SafetyOfficer

#: Digits that are kept: a centimetre, a decimetre, a tenth of a degree.
_DIGITS: Mapping[str, int] = {
    "lon": 7,
    "lat": 7,
    "altitude_m": 2,
    "heading_deg": 1,
    "speed_mps": 2,
    "battery_percent": 1,
}
_FLEET_DIGITS = {name: digits for name, digits in _DIGITS.items() if name not in {"lon", "lat"}}
_CODED = ("altitude_datum", "mode", "safety_officer", "verdict", "undecided")
_PLAIN = ("timestamp_ms", "seq", "verdict", "undecided", "late")


#: Places of a fleet are told as whole numbers of this part of a degree.
_PER_DEGREE = 10_000_000


def section_json(section: Section) -> bytes:
    """The section as app.schemas.replay.SectionOut describes it."""
    return msgspec.json.encode(
        {
            "since_ms": section.since_ms,
            "until_ms": section.until_ms,
            "findings": _findings([trail.points for trail in section.trails]),
            "trails": [_trail(trail) for trail in section.trails],
        }
    )


def fleet_section_json(section: FleetSection) -> bytes:
    """The section as app.schemas.replay.FleetSectionOut describes it."""
    points, starts = section.points, section.bounds[:-1]
    lon, lat = (np.round(degrees * _PER_DEGREE).astype(np.int64) for degrees in (points.lon, points.lat))
    return msgspec.json.encode(
        {
            "since_ms": section.since_ms,
            "until_ms": section.until_ms,
            "findings": _findings([points]),
            "altitude_datums": [datum.name for datum in AltitudeDatum],
            "modes": [mode.name.lower() for mode in Mode],
            "safety_officers": [place.name.lower() for place in SafetyOfficer],
            "vehicle_id": [vehicle.vehicle_id for vehicle in section.vehicles],
            "kind": [vehicle.kind for vehicle in section.vehicles],
            "points": np.diff(section.bounds).tolist(),
            "gaps": section.gaps.tolist(),
            "late": np.flatnonzero(points.late).tolist(),
            "timestamp_ms": _steps(points.timestamp_ms - section.since_ms, starts),
            "seq": _steps(points.seq, starts),
            "lon": _steps(lon, starts),
            "lat": _steps(lat, starts),
            **{name: getattr(points, name).tolist() for name in _CODED},
            **{name: np.round(getattr(points, name), digits).tolist() for name, digits in _FLEET_DIGITS.items()},
        }
    )


def _findings(points: Iterable[Points]) -> dict[str, Sequence[str]]:
    masks = {0}
    for each in points:
        masks |= {*np.unique(each.verdict).tolist(), *np.unique(each.undecided).tolist()}
    return {str(mask): finding_codes(mask) for mask in sorted(masks)}


def _steps(values: Integers, starts: Integers) -> list[int]:
    """Each as its difference to the one before; the first of each vehicle, at `starts`, as it is."""
    steps = np.diff(values, prepend=0)
    steps[starts] = values[starts]
    told: list[int] = steps.tolist()
    return told


def _trail(trail: Trail) -> dict[str, Any]:
    vehicle, points = trail.vehicle, trail.points
    operator = vehicle.organisation
    return {
        "vehicle_id": vehicle.vehicle_id,
        "kind": vehicle.kind,
        "operator": operator.code,
        "operator_names": {"zh": operator.name_zh, "en": operator.name_en},
        "total": trail.total,
        "gaps": trail.gaps.tolist(),
        **{name: getattr(points, name).tolist() for name in _PLAIN},
        **{name: np.round(getattr(points, name), digits).tolist() for name, digits in _DIGITS.items()},
        "altitude_datum": _names(points.altitude_datum, AltitudeDatum),
        "mode": [name and name.lower() for name in _names(points.mode, Mode)],
        "safety_officer": [name and name.lower() for name in _names(points.safety_officer, SafetyOfficer)],
    }


def _names(codes: Codes, kind: type[IntEnum]) -> list[str | None]:
    names: dict[int, str] = {member.value: member.name for member in kind}
    return [*map(names.get, codes.tolist())]
