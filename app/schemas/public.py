"""Everything that leaves on public routes besides the live view, field by field.

What is not named here cannot leave: no vehicle, no plate, no person, no position.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.models import Stage, TrialDomain
from app.schemas.base import Schema
from geofences.zones import Datum, Unit, ZoneKind
from telemetry.samples import VehicleKind

#: A count of vehicles or events; None stands for "fewer than 10", zero among them.
GroupCount = Annotated[int | None, Field(ge=10, description="null: fewer than 10")]


class PublicNames(Schema):
    """What something is called in both languages."""

    zh: str
    en: str


class PlaceName(Schema):
    """A place by name."""

    id: str
    kind: ZoneKind
    names: PublicNames


class PublicPermit(Schema):
    """A permit in force. `hours` is a weekly schedule (docs/api.md), null: at any time."""

    number: str
    stage: Stage
    holder: PublicNames
    jurisdiction: PublicNames
    valid_from_ms: int
    valid_until_ms: int
    hours: dict[str, Any] | None
    speed_cap_mps: float | None
    safety_officers: list[str]
    passengers_allowed: bool
    places: list[PlaceName]
    vehicles: GroupCount


class PublicTrial(Schema):
    """A trial (试点项目). `state` is upcoming, running or ended."""

    id: str
    names: PublicNames
    operator: PublicNames
    domain: TrialDomain
    stage: Stage
    goal: str
    state: str
    starts_at_ms: int
    ends_at_ms: int
    places: list[PlaceName]


class PublicOperator(Schema):
    """A company that holds permits in force."""

    names: PublicNames
    website: str
    emergency_phone: str
    permits: int
    stages: list[Stage]
    vehicles: GroupCount


class PublicBand(Schema):
    """The heights in which a corridor is flown."""

    lower: float | None
    upper: float | None
    datum: Datum
    unit: Unit


class PublicPlace(Schema):
    """A place in force. Lines have a length, areas an area; both true, on the ellipsoid."""

    id: str
    kind: ZoneKind
    names: PublicNames
    length_km: float | None
    area_km2: float | None
    half_width_m: float | None
    band: PublicBand | None
    speed_limit_mps: float | None
    schedule: dict[str, Any] | None
    authority: str
    jurisdiction: PublicNames | None
    permits: int


class KindTotal(Schema):
    """How many places of a kind there are and how much they measure; what overlaps is measured once."""

    kind: ZoneKind
    count: int
    length_km: float
    area_km2: float


class FindingCount(Schema):
    """Alerts of one finding; `per_1000_km` where the distance is known."""

    finding: str
    alerts: int
    per_1000_km: float | None


class SafetyMonth(Schema):
    """One complete month of one kind of vehicle.

    Distance and hours are null where fewer than 10 vehicles drove, or where one of them drove more
    than half. `findings` are those with at least 10 alerts; the shares are of all alerts, in steps of 5 %.
    """

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    kind: VehicleKind
    vehicles: GroupCount
    distance_km: int | None
    hours: int | None
    alerts: GroupCount
    per_1000_km: float | None
    closed_percent: int | None
    acknowledged_percent: int | None
    findings: list[FindingCount]


class AreaCount(Schema):
    """What the public view shows in one place now; `place` null: everywhere else."""

    place: PlaceName | None
    road: int
    air: int


class OpenAlert(Schema):
    """An alert of the public view in words' terms."""

    finding: str
    severity: str
    kind: VehicleKind
    place: PublicNames | None
    opened_at_ms: int


class PublicNow(Schema):
    """The public view without a map. `resting`: around midnight it shows nothing (docs/privacy.md)."""

    resting: bool
    generated_at_ms: int
    delay_ms: int
    road: int
    air: int
    areas: list[AreaCount]
    alerts: list[OpenAlert]


class SpeedLimit(Schema):
    """A speed limit that holds in a place, or in a part of it."""

    names: PublicNames
    speed_limit_mps: float
    schedule: dict[str, Any] | None


class Contact(Schema):
    """Whom to call: an office, never a person."""

    names: PublicNames
    phone: str
    website: str


class Street(Schema):
    """What a resident of a place may want to know."""

    place: PublicPlace
    resting: bool
    now: AreaCount
    permits: list[PublicPermit]
    speed_limits: list[SpeedLimit]
    operators: list[Contact]
    authority: Contact | None
