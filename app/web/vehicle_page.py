"""What the page of a vehicle shows of its telemetry: where it was last, its alerts, its statuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from app.models import Alert, Sample, Vehicle
from app.services.vehicle_status import StatusEntry
from app.units import kmh_of
from app.web.findings_text import FINDING_TEXTS
from app.web.language import language
from app.web.register_words import STATUSES
from telemetry.findings import Finding, Severity
from telemetry.samples import AltitudeDatum


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert in words."""

    name: str
    severity: Severity
    state: str
    opened_at_ms: int
    closed_at_ms: int | None


def position_facts(sample: Sample) -> list[tuple[str, str, str]]:
    """The newest sample in words, each with the name by which static/js/vehicle_place.js keeps it up to date."""
    speed = "" if sample.speed_mps is None else f"{kmh_of(sample.speed_mps):.1f} km/h"
    accuracy = "" if sample.horizontal_accuracy_m is None else f"{sample.horizontal_accuracy_m:.1f} m"
    return [
        (_("Latitude, longitude"), "place", f"{sample.lat:.6f}, {sample.lon:.6f}"),
        (_("Speed"), "speed", speed),
        (_("Altitude"), "altitude", _altitude(sample)),
        (_("Accuracy (68 %)"), "accuracy", accuracy),
    ]


def alert_rows(alerts: Sequence[Alert]) -> list[AlertRow]:
    """Alerts in the request's language."""
    return [
        AlertRow(
            name=FINDING_TEXTS[Finding(alert.finding)].wording(language()).name,
            severity=alert.severity,
            state=_state(alert),
            opened_at_ms=alert.opened_at_ms,
            closed_at_ms=alert.closed_at_ms,
        )
        for alert in alerts
    ]


def status_timeline(vehicle: Vehicle, history: Sequence[StatusEntry]) -> list[dict[str, Any]]:
    """Every status, newest first, down to the registration."""
    entries = [
        {
            "at_ms": entry.starts_at_ms,
            "title": str(STATUSES[entry.status]),
            "who": entry.actor or "",
            "text": entry.reason,
            "state": entry.status.value,
        }
        for entry in history
    ]
    return [*entries, {"at_ms": vehicle.registered_at_ms, "title": _("Registered"), "state": "in_service"}]


def place(vehicle: Vehicle, sample: Sample) -> dict[str, Any]:
    """What the page's map draws."""
    return {
        "lat": sample.lat,
        "lon": sample.lon,
        "heading_deg": sample.heading_deg,
        "kind": vehicle.kind.value,
        "label": vehicle.vehicle_id,
        "url": url_for("api_vehicles.position", vehicle_id=vehicle.vehicle_id),
        "unknown_datum": _("datum unknown"),
    }


def _state(alert: Alert) -> str:
    if alert.closed_at_ms is not None:
        return "closed"
    return "open" if alert.acknowledged_at_ms is None else "acknowledged"


def _altitude(sample: Sample) -> str:
    if sample.altitude_m is None:
        return ""
    datum = AltitudeDatum(sample.altitude_datum).name if sample.altitude_datum >= 0 else _("datum unknown")
    return f"{sample.altitude_m:.1f} m ({datum})"
