"""The live picture and its alerts as the API gives them. app.live builds them, faster than pydantic could."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import Schema
from app.schemas.geojson import Feature, Geometry
from telemetry.findings import Severity
from telemetry.samples import VehicleKind

ModeName = Literal["autonomous", "manual", "remote", "takeover", "minimal_risk"]
OfficerName = Literal["none", "onboard", "remote"]


class Names(Schema):
    """A name in both languages."""

    zh: str
    en: str


class AlertPlace(Names):
    """The zone that was breached, or else the nearest one."""

    zone_id: str


class PersonName(Schema):
    """A person who is charged with something."""

    id: int
    name: str


class Driving(Schema):
    """A vehicle as it was last seen, true to the sample."""

    vehicle_id: str
    kind: VehicleKind
    organisation: Annotated[str, Field(description="the operator's code")]
    operator: str
    operator_names: Names
    timestamp_ms: int
    heading_deg: float | None
    speed_mps: float | None
    altitude_m: float | None
    altitude_datum: str | None
    mode: str | None
    safety_officer: str | None
    officer_id: str | None
    officer_limit: Annotated[int | None, Field(description="vehicles that one remote officer may have by its permit")]
    battery_percent: float | None
    findings: Annotated[list[str], Field(description="codes of docs/findings.md")]
    undecided: Annotated[list[str], Field(description="findings that could not be decided")]
    alert: Annotated[Severity | None, Field(description="the most severe open alert")]
    stale: Annotated[bool, Field(description="nothing for 60 s")]


class EncounterOut(Schema):
    """With which aircraft one is too close, or will be. An unknown height is null."""

    other_vehicle_id: Annotated[str | None, Field(description="null for an operator: another operator's")]
    seen_at_ms: int
    horizontal_m: Annotated[float, Field(description="between them when last seen")]
    vertical_m: float | None
    closest_at_ms: Annotated[int, Field(description="when they are nearest to each other while too close")]
    closest_horizontal_m: float
    closest_vertical_m: float | None


class LiveAlert(Schema):
    """An alert episode."""

    id: str
    vehicle_id: str
    kind: VehicleKind
    organisation: Annotated[str, Field(description="the operator's code")]
    operator: str
    operator_names: Names
    finding: str
    severity: Severity
    opened_at_ms: int
    last_seen_ms: int
    closed_at_ms: int | None
    closed: Annotated[bool, Field(description="the judge has ended the episode")]
    acknowledged_at_ms: int | None
    escalated_at_ms: int | None
    resolved_at_ms: Annotated[int | None, Field(description="when a person closed it with a reason")]
    assignee: PersonName | None
    comments: int
    version: Annotated[int, Field(description="raised by everything that people do about it: its ETag")]
    encounter: EncounterOut | None
    place: AlertPlace | None
    geometry: Geometry


class LivePicture(Schema):
    """All vehicles and the alerts that stand; a GeoJSON FeatureCollection with foreign members."""

    type: Literal["FeatureCollection"]
    generated_at_ms: int
    delay_ms: int
    alerts_beyond: Annotated[int, Field(description="alerts that ended unseen, of which the list alone tells")]
    features: list[Feature[Driving]]
    alerts: list[LiveAlert]


class PublicDriving(Schema):
    """What the public sees of a vehicle: late, coarse, under a pseudonym."""

    id: str
    kind: VehicleKind
    heading_deg: float | None
    altitude_m: float | None
    alert: Severity | None


class PublicAlert(Schema):
    """What the public sees of an alert."""

    id: str
    finding: str
    severity: Severity
    opened_at_ms: int
    closed: bool
    vehicle: str | None
    kind: VehicleKind
    place: Names | None
    geometry: Geometry


class PublicPicture(Schema):
    """The public view."""

    type: Literal["FeatureCollection"]
    generated_at_ms: int
    delay_ms: int
    features: list[Feature[PublicDriving]]
    alerts: list[PublicAlert]
