"""The shipped data set as typed objects: who takes part, with which permits, and what each vehicle does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

from app.models import ApplicationState, Capacity
from telemetry.samples import VehicleKind

Lonlat = tuple[float, float]


class Roam(msgspec.Struct, frozen=True, tag="roam", tag_field="kind", forbid_unknown_fields=True):
    """Drives at random along zones with a centreline; without `roads`, those of the vehicle's permit."""

    roads: tuple[str, ...] = ()


class Park(msgspec.Struct, frozen=True, tag="park", tag_field="kind", forbid_unknown_fields=True):
    """Stands still."""

    at: Lonlat
    heading_deg: float


class Circuit(msgspec.Struct, frozen=True, tag="circuit", tag_field="kind", forbid_unknown_fields=True):
    """Drives round a closed line."""

    line: tuple[Lonlat, ...]


class Fly(msgspec.Struct, frozen=True, tag="fly", tag_field="kind", forbid_unknown_fields=True):
    """Flies to and fro between two vertiports, at the ends of a corridor."""

    corridor: str
    ports: tuple[str, str]
    cruise_m: float


class Patrol(msgspec.Struct, frozen=True, tag="patrol", tag_field="kind", forbid_unknown_fields=True):
    """Flies to and fro within a corridor, hovering to turn, and does not land.

    `start_m` along its way is where it begins (None: anywhere), so that two may fly in formation.
    """

    corridor: str
    cruise_m: float
    start_m: float | None = None


Duty = Roam | Park | Circuit | Fly | Patrol


class PlannedOrganisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An authority or an operator."""

    code: str
    name_zh: str
    name_en: str
    address: str
    contact_name: str
    contact_email: str
    contact_phone: str
    emergency_phone: str
    credit_code: str | None = None


class PlannedJurisdiction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an authority decides; `code` is the `jurisdiction` of its zones."""

    code: str
    name_zh: str
    name_en: str
    number_prefix: str
    authority: str


class PlannedRecognition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One jurisdiction recognises the permits of another, from the seeding on."""

    recogniser: str
    issuer: str
    stages: tuple[str, ...]
    reason: str


class PlannedUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A demo login. Its password is public: it is printed when the demo starts."""

    email: str
    role: Literal["administrator", "regulator", "operator_manager", "operator_staff", "auditor"]
    display_name: str
    organisation: str | None
    jurisdictions: tuple[str, ...]
    password: str


class PlannedOfficer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A safety officer or pilot; the licence ends that many days after seeding (negative: before)."""

    officer_id: str
    organisation: str
    name: str
    capacity: Capacity
    licence_class: str
    licence_number: str
    expires_in_days: int


class PlannedVehicle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vehicle with the crew that it reports and its daily work.

    `facts` are those of app.schemas.vehicles.VehicleDetails; the insurance ends that many days after seeding.
    """

    vehicle_id: str
    kind: VehicleKind
    organisation: str
    facts: dict[str, Any]
    insured_days: int
    officer_id: str
    safety_officer: Literal["onboard", "remote"]
    passengers: int
    duty: Duty


class Suspension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision to suspend, that many days from seeding (negative: before)."""

    days: int
    reason: str


class PlannedPermit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A permit; its period is counted in days from seeding. `conditions`: the JSON of permit terms.

    Without `officers` everybody of the holder may steer.
    """

    number: str
    stage: str
    holder: str
    jurisdiction: str
    vehicles: tuple[str, ...]
    zones: tuple[str, ...]
    valid_from_days: int
    valid_until_days: int
    suspended: Suspension | None
    conditions: dict[str, Any]
    officers: tuple[str, ...] = ()


class PlannedTrial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trial; its period is counted in days from seeding."""

    trial_id: str
    organisation: str
    name_zh: str
    name_en: str
    domain: str
    stage: str
    goal: str
    starts_days: int
    ends_days: int
    vehicles: tuple[str, ...]
    zones: tuple[str, ...]


class PlannedApplication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An application as app.schemas.applications has it; `changes` is what the regulator asks for."""

    organisation: str
    jurisdiction: str
    trial_id: str
    stage: str
    vehicles: tuple[str, ...]
    officers: tuple[str, ...]
    zones: tuple[str, ...]
    from_days: int
    until_days: int
    hours: tuple[dict[str, Any], ...]
    conditions: dict[str, Any]
    safety_case: str
    state: ApplicationState
    changes: str


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything of the data set that is no place."""

    illustrative: bool
    note_zh: str
    note_en: str
    licence: str
    organisations: tuple[PlannedOrganisation, ...]
    jurisdictions: tuple[PlannedJurisdiction, ...]
    recognitions: tuple[PlannedRecognition, ...]
    users: tuple[PlannedUser, ...]
    officers: tuple[PlannedOfficer, ...]
    vehicles: tuple[PlannedVehicle, ...]
    permits: tuple[PlannedPermit, ...]
    trials: tuple[PlannedTrial, ...]
    applications: tuple[PlannedApplication, ...]

    def permit_of(self, vehicle_id: str) -> PlannedPermit | None:
        """The permit that names the vehicle; the data set gives none more than one."""
        return next((permit for permit in self.permits if vehicle_id in permit.vehicles), None)


@cache
def shipped_register() -> Register:
    """The register of the showcase. Raises msgspec.ValidationError when the file is not what it should be."""
    return msgspec.json.decode(data_file("register.json"), type=Register)


@cache
def shipped_zones() -> Mapping[str, Mapping[str, Any]]:
    """The features of the showcase's zones by zone id, as GeoJSON in EPSG:4326, lon then lat."""
    features = json.loads(data_file("zones.geojson"))["features"]
    return {feature["properties"]["zone_id"]: feature for feature in features}


def data_file(name: str) -> bytes:
    """A shipped file of the data set."""
    return files("app.showcase").joinpath("data", name).read_bytes()
