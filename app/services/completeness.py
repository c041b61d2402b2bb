"""The completeness gate: everything that is missing or does not fit in an application, by field.

An application with a gap cannot be submitted, nor granted. Each gap names the step of the form where
it is mended; app.web.application_text has its wording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.calendar import day_of, months_after_ms
from app.models import Application, Capacity, Jurisdiction, Organisation, ServiceStatus, Stage, Trial, Vehicle
from app.schemas.applications import ApplicationDraft
from app.schemas.jurisdictions import StageThresholds
from app.schemas.trials import STAGES
from app.services.entry_gates import thresholds_of
from app.services.officers import LicenceState, OfficerRow, officer_rows
from app.services.vehicle_status import current_status
from app.services.zone_offers import Offer, covers, every_zone, fits, touches
from app.stages import AIR_STAGES, DRIVERLESS, WITHOUT_PASSENGERS
from telemetry.samples import VehicleKind

#: SAE J3016: from level 4 on a vehicle reaches a safe state by itself.
_DRIVERLESS_LEVEL = 4
_ONBOARD = frozenset({Capacity.ONBOARD_SAFETY_OFFICER, Capacity.ONBOARD_PILOT})
_PILOTS = frozenset({Capacity.ONBOARD_PILOT, Capacity.REMOTE_PILOT})


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing or does not fit: `params` fill in the wording of `code`."""

    step: str
    field: str
    code: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Case:
    """An application's draft with all that it is held against."""

    session: Session
    draft: ApplicationDraft
    holder: Organisation
    jurisdiction: Jurisdiction
    stage: Stage | None
    permit_stage: Stage | None
    files: int
    now_ms: int

    @property
    def until_ms(self) -> int:
        """The end of the period, or now where it is missing."""
        return self.now_ms if self.draft.valid_until_ms is None else self.draft.valid_until_ms

    @property
    def limits(self) -> StageThresholds | None:
        """What the jurisdiction demands of the stage."""
        return None if self.stage is None else thresholds_of(self.jurisdiction, self.stage)

    @property
    def kind(self) -> VehicleKind | None:
        """What the stage is for."""
        if self.stage is None:
            return None
        return VehicleKind.AIR if self.stage in AIR_STAGES else VehicleKind.ROAD


def gaps(session: Session, application: Application, draft: ApplicationDraft, now_ms: int) -> Sequence[Gap]:
    """Everything that stands in the way of submitting `draft`, in the order of the steps."""
    case = _Case(
        session=session,
        draft=draft,
        holder=application.holder,
        jurisdiction=application.jurisdiction,
        stage=draft.stage,
        permit_stage=application.permit.stage if application.permit is not None else None,
        files=len(application.attachments),
        now_ms=now_ms,
    )
    checks = (_basics, _vehicles, _people, _zones, _period, _conditions, _safety)
    return [gap for check in checks for gap in check(case)]


def _basics(case: _Case) -> Iterator[Gap]:
    if case.draft.stage is None:
        yield _gap("basics", "stage", "stage_missing")
    elif case.permit_stage is not None and case.draft.stage is not case.permit_stage:
        yield _gap("basics", "stage", "stage_of_permit_differs")
    if case.draft.trial_id is None:
        yield _gap("basics", "trial_id", "trial_missing")
        return
    wanted = select(Trial).where(Trial.trial_id == case.draft.trial_id, Trial.organisation_id == case.holder.id)
    trial = case.session.scalar(wanted)
    if trial is None:
        yield _gap("basics", "trial_id", "trial_unknown", ids=case.draft.trial_id)
    elif case.draft.stage is not None and case.draft.stage not in STAGES[trial.domain]:
        yield _gap("basics", "trial_id", "trial_of_other_domain", ids=trial.trial_id)


def _vehicles(case: _Case) -> Iterator[Gap]:
    if not case.draft.vehicles:
        yield _gap("vehicles", "vehicles", "vehicles_missing")
        return
    wanted = select(Vehicle, current_status(case.now_ms)).where(
        Vehicle.vehicle_id.in_(case.draft.vehicles), Vehicle.organisation_id == case.holder.id
    )
    rows = case.session.execute(wanted).all()
    found = {vehicle.vehicle_id: vehicle for vehicle, _status in rows}
    out = [vehicle.vehicle_id for vehicle, status in rows if status != ServiceStatus.IN_SERVICE]
    last_day = day_of(case.until_ms - 1)
    of = _Named("vehicles", "vehicles")
    yield from of("vehicle_unknown", [name for name in case.draft.vehicles if name not in found])
    yield from of("vehicle_of_other_kind", [v.vehicle_id for v in found.values() if case.kind not in {None, v.kind}])
    yield from of("vehicle_out_of_service", out)
    uninsured = [v for v in found.values() if v.insured_sum_cny is None or v.insured_until is None]
    yield from of("insurance_missing", [v.vehicle_id for v in uninsured])
    ending = [v.vehicle_id for v in found.values() if v.insured_until is not None and v.insured_until < last_day]
    yield from of("insurance_ends_before", ending)
    if case.stage is Stage.DRIVERLESS_TEST:
        low = [v.vehicle_id for v in found.values() if (v.automation_level or 0) < _DRIVERLESS_LEVEL]
        yield from of("level_too_low", low, level=_DRIVERLESS_LEVEL)


def _people(case: _Case) -> Iterator[Gap]:
    posts = set(case.draft.conditions.safety_officers) - {"none"}
    if not case.draft.officers:
        if posts:
            yield _gap("people", "officers", "officers_missing")
        return
    found = {row.officer.officer_id: row for row in officer_rows(case.session, organisation_id=case.holder.id)}
    chosen = [found[officer_id] for officer_id in case.draft.officers if officer_id in found]
    of = _Named("people", "officers")
    yield from of("officer_unknown", [name for name in case.draft.officers if name not in found])
    if case.kind is not None:
        others = [r for r in chosen if (r.officer.capacity in _PILOTS) != (case.kind is VehicleKind.AIR)]
        yield from of("officer_of_other_kind", [r.officer.officer_id for r in others])
    without = [r for r in chosen if r.state(case.now_ms) in {LicenceState.MISSING, LicenceState.WITHDRAWN}]
    yield from of("licence_missing", [r.officer.officer_id for r in without])
    expiring = [r for r in chosen if r not in without and _expires_before(r, case.until_ms)]
    yield from of("licence_ends_before", [r.officer.officer_id for r in expiring])
    aboard = {row.officer.capacity in _ONBOARD for row in chosen}
    if "onboard" in posts and True not in aboard:
        yield _gap("people", "officers", "nobody_onboard")
    if "remote" in posts and False not in aboard:
        yield _gap("people", "officers", "nobody_remote")


def _expires_before(row: OfficerRow, until_ms: int) -> bool:
    return row.licence is not None and row.licence.expires_at_ms < until_ms


def _zones(case: _Case) -> Iterator[Gap]:
    if not case.draft.zones:
        yield _gap("zones", "zones", "zones_missing")
        return
    known = every_zone(case.session, case.jurisdiction, case.stage)
    chosen = [known[zone_id] for zone_id in case.draft.zones if zone_id in known]
    fitting = [offer for offer in chosen if fits(offer.row.zone.kind, case.stage)]
    of = _Named("zones", "zones")
    yield from of("zone_unknown", [zone_id for zone_id in case.draft.zones if zone_id not in known])
    yield from of("zone_of_other_kind", [offer.zone_id for offer in chosen if offer not in fitting])
    yield from of("zone_not_in_force", [offer.zone_id for offer in fitting if not _lasts(case, offer)])
    start_ms, end_ms = _period_ms(case)
    foreign = [offer for offer in fitting if offer.is_abroad and not touches(offer.recognised, start_ms, end_ms)]
    yield from of("zone_not_recognised", [offer.zone_id for offer in foreign])


def _lasts(case: _Case, offer: Offer) -> bool:
    return covers(offer.periods, *_period_ms(case))


def _period_ms(case: _Case) -> tuple[int, int]:
    """The part of the period that is still to come; an instant where it is not stated or has none."""
    start_ms = max(case.now_ms, case.draft.valid_from_ms or case.now_ms)
    return start_ms, max(case.until_ms, start_ms + 1)


def _period(case: _Case) -> Iterator[Gap]:
    from_ms, until_ms = case.draft.valid_from_ms, case.draft.valid_until_ms
    if from_ms is None:
        yield _gap("terms", "valid_from_ms", "period_missing")
    if until_ms is None:
        yield _gap("terms", "valid_until_ms", "period_missing")
        return
    if until_ms <= case.now_ms:
        yield _gap("terms", "valid_until_ms", "period_over")
    if from_ms is None:
        return
    if until_ms <= from_ms:
        yield _gap("terms", "valid_until_ms", "ends_before_start")
    months = case.limits.max_period_months if case.limits is not None else None
    if months is not None and until_ms > months_after_ms(from_ms, months):
        yield _gap("terms", "valid_until_ms", "period_too_long", months=months)


def _conditions(case: _Case) -> Iterator[Gap]:
    asked = case.draft.conditions
    if case.draft.lacks_hours:
        yield _gap("terms", "hours", "hours_undecided")
    if not asked.modes:
        yield _gap("terms", "conditions.modes", "modes_missing")
    if not asked.safety_officers:
        yield _gap("terms", "conditions.safety_officers", "posts_missing")
    if "none" in asked.safety_officers and case.stage is not None and case.stage not in DRIVERLESS:
        yield _gap("terms", "conditions.safety_officers", "officer_needed")
    ratio = asked.vehicles_per_remote_officer
    if "remote" in asked.safety_officers and ratio is None:
        yield _gap("terms", "conditions.vehicles_per_remote_officer", "ratio_missing")
    if ratio is not None and case.limits is not None and ratio > case.limits.max_vehicles_per_remote_officer:
        most = case.limits.max_vehicles_per_remote_officer
        yield _gap("terms", "conditions.vehicles_per_remote_officer", "ratio_too_high", most=most)
    if asked.passengers_allowed and case.stage in WITHOUT_PASSENGERS:
        yield _gap("terms", "conditions.passengers_allowed", "no_passengers_yet")


def _safety(case: _Case) -> Iterator[Gap]:
    if not case.draft.safety_case and not case.files:
        yield _gap("safety", "safety_case", "safety_case_missing")


@dataclass(frozen=True, slots=True)
class _Named:
    """Makes gaps about some members of a list."""

    step: str
    field: str

    def __call__(self, code: str, names: Sequence[str], **params: object) -> Iterator[Gap]:
        """One gap that names them; none for nobody."""
        if names:
            yield _gap(self.step, self.field, code, ids=", ".join(sorted(names)), **params)


def _gap(step: str, field: str, code: str, **params: object) -> Gap:
    return Gap(step, field, code, params)
