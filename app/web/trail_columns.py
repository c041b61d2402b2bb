"""Trails as JSON: columns written at once, without an object a sample."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np

from app.live.things import finding_codes
from app.services.trails import Section, Trail
from telemetry.samples import AltitudeDatum, Codes, Mode, SafetyOfficer

#: Digits that are kept: a centimetre, a decimetre, a tenth of a degree.
_DIGITS: Mapping[str, int] = {
    "lon": 7,
    "lat": 7,
    "altitude_m": 2,
    "heading_deg": 1,
    "speed_mps": 2,
    "battery_percent": 1,
}
_PLAIN = ("timestamp_ms", "seq", "verdict", "undecided", "late")


def section_json(section: Section) -> bytes:
    """The section as app.schemas.replay.SectionOut describes it."""
    masks = {0}
    for trail in section.trails:
        masks |= {*trail.points.verdict.tolist(), *trail.points.undecided.tolist()}
    return msgspec.json.encode(
        {
            "since_ms": section.since_ms,
            "until_ms": section.until_ms,
            "findings": {str(mask): finding_codes(mask) for mask in sorted(masks)},
            "trails": [_trail(trail) for trail in section.trails],
        }
    )


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
