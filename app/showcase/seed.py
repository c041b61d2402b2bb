"""Puts the showcase into an empty installation: places, organisations, people, vehicles and permits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Organisation, Stage, TrialDomain, User, Vehicle
from app.schemas.trials import TrialRegistration
from app.schemas.vehicles import VehicleDetails
from app.services.conditions import Conditions
from app.services.officers import officer_by_id
from app.services.permits import issue_permit, revise_permit
from app.services.trials import register_trial
from app.services.vehicles import register_vehicle, renew_credential, vehicle_by_id
from app.services.zones import publish_zone_revision
from app.showcase.applications import apply
from app.showcase.past import seed_past
from app.showcase.people import DAY_MS, People, date_of, seed_people
from app.showcase.plan import (
    PlannedPermit,
    PlannedTrial,
    PlannedUser,
    PlannedVehicle,
    data_file,
    shipped_register,
)
from geofences.errors import InvalidZone
from geofences.formats import read_zones
from telemetry.messages import telemetry_topic
from telemetry.ports import PermitState

_REASON = "示意数据 / illustrative data"

#: The logins of the demo; their passwords are public.
DEMO_USERS: tuple[PlannedUser, ...] = shipped_register().users


@dataclass(frozen=True, slots=True)
class VehicleCredential:
    """What a vehicle needs to connect: handed out once, for the platform keeps a hash only."""

    vehicle_id: str
    password: str
    topic: str

    def __repr__(self) -> str:
        return f"VehicleCredential(vehicle_id={self.vehicle_id!r}, topic={self.topic!r})"


@dataclass(frozen=True, slots=True)
class SeedResult:
    """`credentials` of the vehicles registered now; none when the showcase was there already."""

    is_new: bool
    credentials: tuple[VehicleCredential, ...]


def is_seeded(session: Session) -> bool:
    """Whether the showcase is in this installation."""
    codes = [organisation.code for organisation in shipped_register().organisations]
    return session.scalar(select(Organisation.id).where(Organisation.code.in_(codes)).limit(1)) is not None


def seed(session: Session, now_ms: int) -> SeedResult:
    """Seed the showcase, all of it in the caller's transaction; a second time changes nothing.

    Its zones and permits began before now, so it may only come to an installation that has judged no
    sample of its vehicles yet. Raises InvalidZone when the shipped zones cannot be read.
    """
    if is_seeded(session):
        return SeedResult(is_new=False, credentials=())
    register = shipped_register()
    people = seed_people(session, register, now_ms)
    for code in people.jurisdictions:
        publish_zones(session, code, people.regulator_of(code), now_ms)
    registered = {
        planned.vehicle_id: _register(session, planned, people.organisations[planned.organisation], now_ms)
        for planned in register.vehicles
    }
    vehicles = {vehicle_id: vehicle for vehicle_id, (vehicle, _) in registered.items()}
    for permit in register.permits:
        _issue(session, permit, people, vehicles, now_ms)
    for trial in register.trials:
        _begin(session, trial, people, now_ms)
    seed_past(session, register, vehicles, now_ms)
    for application in register.applications:
        apply(session, application, people, now_ms)
    return SeedResult(is_new=True, credentials=tuple(credential for _, credential in registered.values()))


def renew_credentials(session: Session, vehicle_ids: Collection[str], now_ms: int) -> tuple[VehicleCredential, ...]:
    """New credentials for vehicles whose old ones were lost; the old ones are worthless then."""
    return tuple(
        _credential(vehicle_id, renew_credential(session, vehicle_by_id(session, vehicle_id), now_ms=now_ms))
        for vehicle_id in vehicle_ids
    )


def publish_zones(session: Session, jurisdiction: str, actor: User, now_ms: int) -> None:
    """Publish the shipped zones of a jurisdiction, in force since before now.

    Raises InvalidZone when they cannot be read.
    """
    file = read_zones(data_file("zones.geojson"))
    if file.problems:
        raise InvalidZone("; ".join(f"feature {problem.feature}: {problem.message}" for problem in file.problems))
    for feature in file.zones:
        zone = feature.revision
        if zone.jurisdiction != jurisdiction:
            continue
        publish_zone_revision(
            session,
            zone_id=zone.zone_id,
            kind=zone.kind,
            geometry=zone.geometry,
            name_zh=feature.names["zh"],
            name_en=feature.names["en"],
            starts_at_ms=zone.starts_at_ms,
            half_width_m=zone.half_width_m,
            band=zone.band,
            schedule=zone.schedule,
            speed_limit_mps=zone.speed_limit_mps,
            authority=zone.authority,
            jurisdiction=zone.jurisdiction,
            reason=_REASON,
            actor=actor,
            now_ms=now_ms,
            imported=True,
        )


def _register(
    session: Session, planned: PlannedVehicle, organisation: Organisation, now_ms: int
) -> tuple[Vehicle, VehicleCredential]:
    insured_until = date_of(now_ms, planned.insured_days)
    details = VehicleDetails.model_validate(
        planned.facts | {"kind": planned.kind, "vehicle_id": planned.vehicle_id, "insured_until": insured_until}
    )
    vehicle, token = register_vehicle(
        session,
        vehicle_id=planned.vehicle_id,
        kind=planned.kind,
        organisation=organisation,
        now_ms=now_ms,
        **details.facts(),
    )
    return vehicle, _credential(planned.vehicle_id, token)


def _credential(vehicle_id: str, token: str) -> VehicleCredential:
    return VehicleCredential(vehicle_id, token, telemetry_topic(vehicle_id))


def _issue(
    session: Session, planned: PlannedPermit, people: People, vehicles: Mapping[str, Vehicle], now_ms: int
) -> None:
    valid_from_ms = now_ms + planned.valid_from_days * DAY_MS
    revision = issue_permit(
        session,
        number=planned.number,
        stage=Stage(planned.stage),
        holder=people.organisations[planned.holder],
        jurisdiction=people.jurisdictions[planned.jurisdiction],
        vehicles=[vehicles[vehicle_id] for vehicle_id in planned.vehicles],
        officers=[officer_by_id(session, officer_id) for officer_id in planned.officers],
        zone_ids=planned.zones,
        conditions=Conditions.from_dict(planned.conditions),
        valid_from_ms=valid_from_ms,
        valid_until_ms=now_ms + planned.valid_until_days * DAY_MS,
        starts_at_ms=valid_from_ms,
        reason=_REASON,
        actor=people.regulator_of(planned.jurisdiction),
        now_ms=now_ms,
        imported=True,
    )
    if planned.suspended is not None:
        revise_permit(
            session,
            revision.permit,
            state=PermitState.SUSPENDED,
            starts_at_ms=now_ms + planned.suspended.days * DAY_MS,
            reason=planned.suspended.reason,
            actor=people.regulator_of(planned.jurisdiction),
            now_ms=now_ms,
            imported=True,
        )


def _begin(session: Session, planned: PlannedTrial, people: People, now_ms: int) -> None:
    details = TrialRegistration(
        trial_id=planned.trial_id,
        name_zh=planned.name_zh,
        name_en=planned.name_en,
        domain=TrialDomain(planned.domain),
        stage=Stage(planned.stage),
        goal=planned.goal,
        starts_on=date_of(now_ms, planned.starts_days),
        ends_on=date_of(now_ms, planned.ends_days),
        vehicles=list(planned.vehicles),
        zones=list(planned.zones),
    )
    organisation = people.organisations[planned.organisation]
    register_trial(session, details, organisation=organisation, now_ms=now_ms, actor=people.manager_of(organisation))
