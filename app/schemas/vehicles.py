"""Vehicles: one schema for cars and aircraft, with a rule by kind, and how they are shown."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, TypedDict

from pydantic import ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.models import ServiceStatus
from app.schemas.base import Identifier, Line, Reason, Schema
from app.schemas.checks import Day, RegistrationMark, StampedNumber, Vin
from telemetry.samples import VehicleKind

_ROAD_ONLY = frozenset({"vin", "plate", "automation_level"})
_AIR_ONLY = frozenset({"registration_mark", "serial_number", "aircraft_type", "max_takeoff_mass_kg", "remote_id"})
#: What a vehicle of each kind may not have, and what it must.
FOREIGN = {VehicleKind.ROAD: _AIR_ONLY, VehicleKind.AIR: _ROAD_ONLY}
NEEDED = {
    VehicleKind.ROAD: frozenset({"vin", "make", "model", "automation_level"}),
    VehicleKind.AIR: frozenset({"registration_mark", "serial_number", "aircraft_type", "max_takeoff_mass_kg"}),
}

_Plate = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")
]
_Model = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
#: Heavier than any aircraft that takes off vertically.
_Mass = Annotated[float, Field(gt=0, le=100_000)]
_Sum = Annotated[int, Field(ge=0, le=10**12)]
_Level = Annotated[int, Field(ge=0, le=5, description="level of driving automation, SAE J3016")]


class VehicleFacts(TypedDict, total=False):
    """The columns of a vehicle that its operator states."""

    make: str
    model: str | None
    sensors: str
    software_version: str
    vin: str | None
    plate: str | None
    automation_level: int | None
    registration_mark: str | None
    serial_number: str | None
    aircraft_type: str
    max_takeoff_mass_kg: float | None
    remote_id: str | None
    insurer: str
    insurance_policy: str
    insured_sum_cny: int | None
    insured_until: date | None


class VehicleDetails(Schema):
    """A vehicle as its operator registers it. `vehicle_id` and `kind` never change; a change replaces the rest."""

    model_config = ConfigDict(validate_default=True)  # what is missing is judged by kind, too

    kind: VehicleKind
    vehicle_id: Identifier
    make: Line = ""
    model: _Model | None = None
    sensors: Line = ""
    software_version: Line = ""
    vin: Vin | None = None
    plate: _Plate | None = None
    automation_level: _Level | None = None
    registration_mark: RegistrationMark | None = None
    serial_number: StampedNumber | None = None
    aircraft_type: Line = ""
    max_takeoff_mass_kg: _Mass | None = None
    remote_id: StampedNumber | None = None
    insurer: Line = ""
    insurance_policy: Line = ""
    insured_sum_cny: _Sum | None = None
    insured_until: Day | None = None

    @field_validator("make", "model", *sorted(_ROAD_ONLY | _AIR_ONLY))
    @classmethod
    def _fits_the_kind(cls, value: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("kind")
        is_stated = value is not None and value != ""
        if kind is not None and is_stated and info.field_name in FOREIGN[kind]:
            raise PydanticCustomError("not_of_this_kind", "a vehicle of this kind has no such detail")
        if kind is not None and not is_stated and info.field_name in NEEDED[kind]:
            raise PydanticCustomError("missing", "needed for a vehicle of this kind")
        return value

    def facts(self) -> VehicleFacts:
        """The columns, without what names the vehicle."""
        stated: VehicleFacts = self.model_dump(exclude={"kind", "vehicle_id"})  # type: ignore[assignment]  # a test compares the names
        return stated


class StatusChange(Schema):
    """A vehicle taken out of service, put back, or retired for good."""

    status: ServiceStatus
    reason: Reason


class VehicleOut(Schema):
    """A vehicle as it is registered."""

    vehicle_id: str
    kind: VehicleKind
    organisation: str
    status: ServiceStatus
    make: str
    model: str | None
    sensors: str
    software_version: str
    vin: str | None
    plate: str | None
    automation_level: int | None
    registration_mark: str | None
    serial_number: str | None
    aircraft_type: str
    max_takeoff_mass_kg: float | None
    remote_id: str | None
    insurer: str
    insurance_policy: str
    insured_sum_cny: int | None
    insured_until: date | None
    topic: str
    has_credential: bool
    credential_issued_at_ms: int | None
    registered_at_ms: int
    last_message_at_ms: int | None
    version: int


class CredentialOut(Schema):
    """What a vehicle logs in with at the broker. The token is told this once."""

    vehicle_id: str
    username: str
    token: str
    topic: str
    broker: str
    command: Annotated[str, Field(description="a ready command line for the vehicle's computer")]


class RegisteredVehicleOut(Schema):
    """A new vehicle with its credential."""

    vehicle: VehicleOut
    credential: CredentialOut


class StatusOut(Schema):
    """One change of a vehicle's status."""

    status: ServiceStatus
    starts_at_ms: int
    reason: str
    actor: str | None
