"""Trials (试点项目): registered and changed by the operator that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.attributes import flag_modified

from app.audit import Subject, record, state_of
from app.calendar import end_of_day_ms, start_of_day_ms
from app.errors import AlreadyRegistered, InvalidChange, NotFound
from app.models import Organisation, Stage, Trial, TrialDomain, User, Vehicle, Zone
from app.schemas.trials import TrialDetails, TrialRegistration
from app.services.pages import Page, holds, page_among, read_page
from telemetry.samples import VehicleKind

_KINDS = {
    TrialDomain.ROAD: frozenset({VehicleKind.ROAD}),
    TrialDomain.AIR: frozenset({VehicleKind.AIR}),
    TrialDomain.JOINT: frozenset(VehicleKind),
}


class TrialState(StrEnum):
    """Where a trial is in its period."""

    UPCOMING = "upcoming"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class TrialFilter:
    """Which trials a list holds; None: any."""

    organisation_id: int | None = None
    organisation: str | None = None
    domain: TrialDomain | None = None
    stage: Stage | None = None
    state: TrialState | None = None
    text: str | None = None


def register_trial(
    session: Session, details: TrialRegistration, *, organisation: Organisation, now_ms: int, actor: User
) -> Trial:
    """Register a trial. Raises AlreadyRegistered, InvalidChange for vehicles or zones that cannot take part."""
    if session.scalar(select(Trial.id).where(Trial.trial_id == details.trial_id)) is not None:
        raise AlreadyRegistered(f"trial {details.trial_id} exists", field="trial_id")
    trial = Trial(trial_id=details.trial_id, organisation=organisation)
    _describe(session, trial, details)
    session.add(trial)
    session.flush()
    subject = Subject("trial", trial.trial_id)
    record(session, "trial.registered", subject, actor=actor, now_ms=now_ms, after=described(trial))
    return trial


def change_trial(session: Session, trial: Trial, details: TrialDetails, *, now_ms: int, actor: User) -> None:
    """Replace the description of a trial. Raises InvalidChange as `register_trial` does."""
    before = described(trial)
    _describe(session, trial, details)
    # The vehicles and zones of a trial are rows of their own: its version must rise with them.
    flag_modified(trial, "goal")
    session.flush()
    record(
        session,
        "trial.changed",
        Subject("trial", trial.trial_id),
        actor=actor,
        now_ms=now_ms,
        before=before,
        after=described(trial),
    )


def trial_by_id(session: Session, trial_id: str) -> Trial:
    """Raises NotFound."""
    trial = session.scalar(select(Trial).where(Trial.trial_id == trial_id))
    if trial is None:
        raise NotFound(f"no trial {trial_id}")
    return trial


def trials_of(session: Session, *, organisation_id: int | None = None) -> Sequence[Trial]:
    """Every trial, or those of one organisation, by code."""
    statement = _wanted(TrialFilter(organisation_id=organisation_id))
    return session.scalars(statement.order_by(Trial.trial_id)).all()


def trial_page(session: Session, wanted: TrialFilter, *, now_ms: int, limit: int, cursor: str | None) -> Page[Trial]:
    """One page of trials by code. Raises InvalidChange for a foreign cursor."""

    def read(limit: int, cursor: str | None) -> Page[Trial]:
        return read_page(session, _wanted(wanted), Trial.trial_id, limit=limit, cursor=cursor).map(lambda row: row[0])

    is_wanted = None if wanted.state is None else lambda trial: trial_state(trial, now_ms) is wanted.state
    return page_among(read, is_wanted, lambda trial: (trial.trial_id,), limit=limit, cursor=cursor)


def trial_state(trial: Trial, now_ms: int) -> TrialState:
    """Where the trial is in its period."""
    if now_ms < trial.starts_at_ms:
        return TrialState.UPCOMING
    return TrialState.RUNNING if now_ms < trial.ends_at_ms else TrialState.ENDED


def described(trial: Trial) -> dict[str, Any]:
    """The trial for the audit log, with its members."""
    return state_of(trial) | {
        "vehicles": sorted(vehicle.vehicle_id for vehicle in trial.vehicles),
        "zones": sorted(zone.zone_id for zone in trial.zones),
    }


def _wanted(wanted: TrialFilter) -> Select[Trial]:
    """Trials with their members, but for what only `trial_state` tells."""
    statement = select(Trial).options(selectinload(Trial.vehicles), selectinload(Trial.zones))
    if wanted.organisation_id is not None:
        statement = statement.where(Trial.organisation_id == wanted.organisation_id)
    if wanted.organisation is not None:
        statement = statement.where(Trial.organisation.has(Organisation.code == wanted.organisation))
    if wanted.domain is not None:
        statement = statement.where(Trial.domain == wanted.domain)
    if wanted.stage is not None:
        statement = statement.where(Trial.stage == wanted.stage)
    if wanted.text:
        statement = statement.where(holds(wanted.text, Trial.trial_id, Trial.name_zh, Trial.name_en, Trial.goal))
    return statement


def _describe(session: Session, trial: Trial, details: TrialDetails) -> None:
    vehicles = _vehicles(session, trial.organisation, details)
    zones = _zones(session, details)
    trial.name_zh, trial.name_en = details.name_zh, details.name_en
    trial.domain, trial.stage, trial.goal = details.domain, details.stage, details.goal
    trial.starts_at_ms, trial.ends_at_ms = start_of_day_ms(details.starts_on), end_of_day_ms(details.ends_on)
    trial.vehicles, trial.zones = vehicles, zones


def _vehicles(session: Session, organisation: Organisation, details: TrialDetails) -> list[Vehicle]:
    wanted = select(Vehicle).where(Vehicle.vehicle_id.in_(details.vehicles), Vehicle.organisation_id == organisation.id)
    found = list(session.scalars(wanted))
    missing = set(details.vehicles) - {vehicle.vehicle_id for vehicle in found}
    if missing:
        raise InvalidChange(
            f"no vehicle {', '.join(sorted(missing))} of this operator",
            code="unknown_vehicle",
            field="vehicles",
            ids=", ".join(sorted(missing)),
        )
    foreign = sorted(vehicle.vehicle_id for vehicle in found if vehicle.kind not in _KINDS[details.domain])
    if foreign:
        raise InvalidChange(
            f"{', '.join(foreign)} cannot take part in a trial of this domain",
            code="vehicle_of_other_domain",
            field="vehicles",
            ids=", ".join(foreign),
        )
    return found


def _zones(session: Session, details: TrialDetails) -> list[Zone]:
    found = list(session.scalars(select(Zone).where(Zone.zone_id.in_(details.zones))))
    missing = set(details.zones) - {zone.zone_id for zone in found}
    if missing:
        raise InvalidChange(
            f"no zone {', '.join(sorted(missing))}",
            code="unknown_zone",
            field="zones",
            ids=", ".join(sorted(missing)),
        )
    return found
