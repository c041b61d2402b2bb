"""Emergencies as programs read them: what is recorded, the board, and the report."""

from __future__ import annotations

from app.models import Concern
from app.schemas.base import Schema
from app.schemas.geometry import Geometry
from app.services.emergency_board import Response, Whereabouts
from app.services.emergency_report import EventKind
from geofences.zones import Datum
from telemetry.ports import PermitState


class EmergencyOut(Schema):
    """An emergency as it is recorded. `geometry` is what is closed, in EPSG:4326; its zone has its number."""

    number: str
    jurisdiction: str
    reason: str
    geometry: Geometry
    lower_m: float | None
    upper_m: float | None
    datum: Datum | None
    declared_at_ms: int
    declared_by: str
    planned_end_ms: int | None
    ended_at_ms: int | None
    end_reason: str
    version: int


class TotalsOut(Schema):
    """At `at_ms`: how many vehicles were told, and of these how many each; `acknowledged` answered anything."""

    at_ms: int
    told: int
    acknowledged: int
    refused: int
    silent: int
    inside: int
    leaving: int
    left: int
    kept_out: int
    unclear: int
    overdue: int


class SeenOut(Schema):
    """Where a vehicle was seen last. `depth_m`: how far it is to the outside; negative: out by so much."""

    at_ms: int
    lon: float
    lat: float
    heading_deg: float | None
    speed_mps: float | None
    depth_m: float


class EmergencyVehicleOut(Schema):
    """One vehicle that was told. `clock_ms` is its two minutes so far, or how long it took; null without."""

    vehicle_id: str
    organisation: str
    concern: Concern
    directive_id: str
    response: Response
    whereabouts: Whereabouts
    told_at_ms: int
    entered_at_ms: int | None
    left_at_ms: int | None
    clock_ms: int | None
    is_overdue: bool
    permits: list[str]
    seen: SeenOut | None


class CourseOut(Schema):
    """What one vehicle did, from the first directive to the end; null for what did not happen."""

    vehicle_id: str
    organisation: str
    concern: Concern
    first_told_at_ms: int
    told_at_ms: int
    orders: int
    received_at_ms: int | None
    accepted_at_ms: int | None
    refused_at_ms: int | None
    refusal: str
    entered_at_ms: int | None
    left_at_ms: int | None
    took_ms: int | None
    overdue_at_ms: int | None
    in_time: bool | None
    kept_out: bool | None


class EventOut(Schema):
    """One thing that happened; `who` did it (empty: the platform, or the vehicles)."""

    at_ms: int
    kind: EventKind
    vehicle_ids: list[str]
    who: str
    text: str
    permit: str
    state: PermitState | None


class EmergencyReportOut(Schema):
    """The whole course. `share` of the `obliged`, who were inside, was out within two minutes: `in_time`."""

    emergency: EmergencyOut
    at_ms: int
    obliged: int
    in_time: int
    share: float | None
    vehicles: list[CourseOut]
    events: list[EventOut]
