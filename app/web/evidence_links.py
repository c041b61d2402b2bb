"""Where the evidence around a moment of a vehicle is exported: for the pages of vehicles, alerts and incidents."""

from __future__ import annotations

from flask import url_for

from app.web import access
from app.web.access import Action
from app.web.gate import identity


def evidence_link(vehicle_id: str, moment_ms: int | None) -> str:
    """Of every template: the form, filled in with a vehicle and a moment (None: now); empty for who may not export."""
    if not access.may(identity().role, Action.EXPORT_EVIDENCE):
        return ""
    return url_for("evidence.new", vehicle_id=vehicle_id, moment_ms=moment_ms)
