"""The staff's own schema of the live picture: true positions, names and findings."""

from __future__ import annotations

from collections.abc import Hashable

import msgspec

from app.live.things import Alert, Place, Vehicle, finding_codes, most_severe
from telemetry.bus import LivePosition
from telemetry.ports import Encounter


def feature(vehicle: Vehicle, position: LivePosition, alerts: list[Alert], *, stale: bool) -> bytes:
    """One GeoJSON feature; the geometry carries the altitude where it is known."""
    coordinates = [round(position.lon, 7), round(position.lat, 7)]
    if position.altitude_m is not None:
        coordinates.append(round(position.altitude_m, 2))
    return msgspec.json.encode(
        {
            "type": "Feature",
            "id": vehicle.vehicle_id,
            "geometry": {"type": "Point", "coordinates": coordinates},
            "properties": {
                "vehicle_id": vehicle.vehicle_id,
                "kind": vehicle.kind,
                "organisation": vehicle.code,
                "operator": vehicle.operator.zh,
                "operator_names": vehicle.operator.fields(),
                "timestamp_ms": position.timestamp_ms,
                "heading_deg": position.heading_deg,
                "speed_mps": position.speed_mps,
                "altitude_m": position.altitude_m,
                "altitude_datum": position.altitude_datum,
                "mode": position.mode,
                "safety_officer": position.safety_officer,
                "officer_id": position.officer_id,
                "officer_limit": vehicle.officer_limit,
                "battery_percent": position.battery_percent,
                "findings": finding_codes(position.verdict),
                "undecided": finding_codes(position.undecided),
                "alert": most_severe(alerts),
                "stale": stale,
            },
        }
    )


def motion(vehicle: Vehicle, position: LivePosition) -> bytes:
    """What changes all the time, as an array: the place of each value is told in docs/api.md."""
    return msgspec.json.encode(
        (
            vehicle.vehicle_id,
            position.timestamp_ms,
            round(position.lon, 7),
            round(position.lat, 7),
            None if position.altitude_m is None else round(position.altitude_m, 2),
            position.heading_deg,
            position.speed_mps,
            position.battery_percent,
        )
    )


def rest(vehicle: Vehicle, position: LivePosition, alerts: list[Alert], *, stale: bool) -> Hashable:
    """Everything else that `feature` tells, to be compared."""
    return (
        vehicle,
        position.altitude_datum,
        position.mode,
        position.safety_officer,
        position.officer_id,
        position.verdict,
        position.undecided,
        most_severe(alerts),
        stale,
    )


def alert_fields(
    vehicle: Vehicle, alert: Alert, place: Place | None, other: Vehicle | None = None
) -> dict[str, object]:
    """An alert as the API and the event stream show it; `other` is the aircraft too close, if it may be named."""
    return {
        "id": alert.alert_id,
        "vehicle_id": vehicle.vehicle_id,
        "kind": vehicle.kind,
        "organisation": vehicle.code,
        "operator": vehicle.operator.zh,
        "operator_names": vehicle.operator.fields(),
        "finding": alert.finding.code,
        "severity": alert.severity,
        "opened_at_ms": alert.opened_at_ms,
        "last_seen_ms": alert.last_seen_ms,
        "closed_at_ms": alert.closed_at_ms,
        "closed": alert.is_over,
        "acknowledged_at_ms": alert.acknowledged_at_ms,
        "escalated_at_ms": alert.escalated_at_ms,
        "resolved_at_ms": alert.resolved_at_ms,
        "assignee": None if alert.assignee is None else alert.assignee.fields(),
        "comments": alert.comments,
        "version": alert.version,
        "encounter": None if alert.encounter is None else _encounter_fields(alert.encounter, other),
        "place": None if place is None else place.fields(),
        "geometry": {"type": "Point", "coordinates": [round(alert.lon, 7), round(alert.lat, 7)]},
    }


def _encounter_fields(encounter: Encounter, other: Vehicle | None) -> dict[str, object]:
    return {
        "other_vehicle_id": None if other is None else other.vehicle_id,
        "seen_at_ms": encounter.last_seen_ms,
        "horizontal_m": round(encounter.horizontal_m, 1),
        "vertical_m": _rounded(encounter.vertical_m),
        "closest_at_ms": encounter.closest_at_ms,
        "closest_horizontal_m": round(encounter.closest_horizontal_m, 1),
        "closest_vertical_m": _rounded(encounter.closest_vertical_m),
    }


def _rounded(metres: float | None) -> float | None:
    return None if metres is None else round(metres, 1)
