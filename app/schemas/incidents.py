"""Incidents as operators report them, and as regulators decide on the fault."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from app.models import Fault, Harm, IncidentKind
from app.schemas.base import Identifier, Milliseconds, Reason, Schema

_Summary = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=4_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
    ),
]


class IncidentReport(Schema):
    """What happened to one vehicle, and in which jurisdiction."""

    vehicle_id: Identifier
    jurisdiction: Identifier
    occurred_at_ms: Milliseconds
    kind: IncidentKind
    harm: Harm
    summary: _Summary


class FaultDecision(Schema):
    """Whether the vehicle, or who steered it, was at fault."""

    fault: Literal["yes", "no"]
    reason: Reason


class IncidentOut(Schema):
    """An incident as it is recorded."""

    incident_id: str
    vehicle_id: str
    organisation: str
    jurisdiction: str
    occurred_at_ms: int
    kind: IncidentKind
    harm: Harm
    summary: str
    fault: Fault
    fault_reason: str
    reported_at_ms: int
    decided_at_ms: int | None
    version: int
