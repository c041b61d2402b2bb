"""What if: a past period judged against a draft zone, or other terms of a permit. Nothing is stored or sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.database import in_parts
from app.errors import InvalidChange, Overloaded
from app.models import Officer, Permit, PermitRevisionRow, Sample, Vehicle, Zone
from app.models.permits import permit_revision_vehicles
from app.registry import DatabaseRegistry, Decision
from app.schemas.what_if import DraftTerms, DraftZone, WhatIf
from app.services.conditions import Conditions
from app.services.decisions import bounded, with_stated
from app.services.permits import permit_by_number
from app.services.retention import require_present
from app.services.trails import require_period
from app.services.zones import require_judgeable, unnumbered
from app.stages import ladder_of
from app.storage import stored_batches
from telemetry.ports import PermitTerms, RegistrySnapshot
from telemetry.whatif import Change, Comparison, compare, with_terms, with_zone

#: The longest period, and the most samples of one question: some ten seconds of work.
LONGEST_MS = 6 * 3_600_000
MOST_SAMPLES = 500_000
#: Judged before the period, so that what is remembered of each vehicle and its alerts have settled.
WARM_UP_MS = 600_000

_TURN = threading.Lock()


@dataclass(frozen=True, slots=True)
class Question:
    """A period, whose samples, and what else would have been in force. Made by `question_of`."""

    since_ms: int
    until_ms: int
    vehicles: Collection[int]
    change: Callable[[DatabaseRegistry], Change]


def question_of(session: Session, asked: WhatIf, *, organisation_id: int | None = None) -> Question:
    """What is to be judged; `organisation_id`: the caller's, who sees no others' vehicles.

    Raises InvalidChange for a bad period or one in the archive, unknown vehicles, zones and people, for a draft
    that cannot be judged against, and for more than MOST_SAMPLES; NotFound for an unknown permit.
    """
    require_period(asked.since_ms, asked.until_ms, LONGEST_MS)
    require_present(session, asked.since_ms, asked.until_ms)
    if asked.terms is not None and asked.permit is not None:
        permit = permit_by_number(session, asked.permit)
        change = _other_terms(session, permit, asked.terms, asked.since_ms)
        vehicles = _of_permit(session, permit, asked, organisation_id)
    else:
        assert asked.zone is not None
        change = _other_zone(session, asked.zone, asked.since_ms)
        vehicles = _vehicles(session, asked.vehicles, organisation_id)
    question = Question(asked.since_ms, asked.until_ms, vehicles, change)
    _require_few(session, question)
    return question


def answer_to(question: Question, engine: Engine, registry: DatabaseRegistry, coverage_factor: float) -> Comparison:
    """What would have been different. Only one is worked out at a time in each process: raises Overloaded."""
    batches = stored_batches(
        engine,
        vehicles=question.vehicles,
        since_ms=question.since_ms - WARM_UP_MS,
        until_ms=question.until_ms,
    )
    with _alone():
        change = question.change(registry)
        return compare(batches, registry, change, since_ms=question.since_ms, coverage_factor=coverage_factor)


def vehicle_ids(session: Session, keys: Collection[int]) -> Mapping[int, str]:
    """The public ids of vehicles by their keys."""
    columns = select(Vehicle.id, Vehicle.vehicle_id)
    return {
        key: vehicle_id
        for some in in_parts(keys)
        for key, vehicle_id in session.execute(columns.where(Vehicle.id.in_(some)))
    }


@contextmanager
def _alone() -> Iterator[None]:
    if not _TURN.acquire(blocking=False):
        raise Overloaded("another question is being worked out")
    try:
        yield
    finally:
        _TURN.release()


def _other_zone(session: Session, draft: DraftZone, since_ms: int) -> Callable[[DatabaseRegistry], Change]:
    known = session.scalar(select(Zone).where(Zone.zone_id == draft.zone_id))
    if known is not None and known.kind is not draft.kind:
        raise InvalidChange("a zone keeps its kind", code="zone_kind_changed", field="zone.kind")
    revision = unnumbered(draft.zone_id, draft, since_ms)
    require_judgeable(session, [revision])

    def change(snapshot: RegistrySnapshot) -> RegistrySnapshot:
        return with_zone(snapshot, revision)

    return lambda _registry: change


def _other_terms(
    session: Session, permit: Permit, draft: DraftTerms, since_ms: int
) -> Callable[[DatabaseRegistry], Change]:
    if draft.stage is not None and draft.stage not in ladder_of(permit.stage):
        raise InvalidChange("a stage of another domain", code="stage_of_other_domain", field="terms.stage")
    alter = _altering(
        draft,
        vehicles=None if draft.vehicles is None else frozenset(_known(session, draft.vehicles, permit.holder_id)),
        zone_ids=None if draft.zones is None else _zones(session, draft.zones),
        officers=None if draft.officers is None else _officers(session, draft.officers, permit.holder_id),
    )
    permit_id = permit.id

    def change_of(registry: DatabaseRegistry) -> Change:
        def change(snapshot: RegistrySnapshot) -> RegistrySnapshot:
            return with_terms(snapshot, permit_id, since_ms, registry.granted_if(snapshot.generation, permit_id, alter))

        return change

    return change_of


def _altering(
    draft: DraftTerms,
    *,
    vehicles: frozenset[int] | None,
    zone_ids: frozenset[str] | None,
    officers: frozenset[str] | None,
) -> Callable[[Decision], Decision]:
    """A decision with what the draft states in it, and without what a stage that it states does not allow."""

    def alter(decision: Decision) -> Decision:
        terms = decision.terms
        conditions = with_stated(_conditions_of(terms), draft)
        if draft.stage is not None:
            conditions = bounded(conditions, draft.stage)
        altered = replace(
            terms,
            **{field.name: getattr(conditions, field.name) for field in fields(Conditions)},
            vehicles=terms.vehicles if vehicles is None else vehicles,
            zone_ids=terms.zone_ids if zone_ids is None else zone_ids,
            officers=terms.officers if officers is None else officers,
            valid_until_ms=terms.valid_until_ms if draft.valid_until_ms is None else draft.valid_until_ms,
        )
        return replace(decision, terms=altered, stage=decision.stage if draft.stage is None else draft.stage)

    return alter


def _conditions_of(terms: PermitTerms) -> Conditions:
    return Conditions(**{field.name: getattr(terms, field.name) for field in fields(Conditions)})


def _vehicles(session: Session, named: Collection[str] | None, organisation_id: int | None) -> Collection[int]:
    """The keys of the vehicles that are named, or of all of an operator's; empty: every vehicle."""
    if named is not None:
        return _known(session, named, organisation_id)
    if organisation_id is None:
        return ()
    own = session.scalars(select(Vehicle.id).where(Vehicle.organisation_id == organisation_id)).all()
    if not own:
        raise InvalidChange("the operator has no vehicle", code="no_vehicles")
    return own


def _known(session: Session, named: Collection[str], organisation_id: int | None) -> Collection[int]:
    query = select(Vehicle.vehicle_id, Vehicle.id).where(Vehicle.vehicle_id.in_(named))
    if organisation_id is not None:
        query = query.where(Vehicle.organisation_id == organisation_id)
    keys = {row.vehicle_id: row.id for row in session.execute(query)}
    unknown = sorted(set(named) - set(keys))
    if unknown:
        ids = ", ".join(unknown)
        raise InvalidChange(f"no vehicle {ids}", code="unknown_vehicle", field="vehicles", ids=ids)
    return list(keys.values())


def _of_permit(session: Session, permit: Permit, asked: WhatIf, organisation_id: int | None) -> Collection[int]:
    """The vehicles that are named, or else every one that a revision of the permit or the draft names."""
    if asked.vehicles is not None:
        return _known(session, asked.vehicles, organisation_id)
    query = select(permit_revision_vehicles.c.vehicle_id).join(PermitRevisionRow)
    keys = set(session.scalars(query.where(PermitRevisionRow.permit_id == permit.id)))
    if asked.terms is not None and asked.terms.vehicles is not None:
        keys.update(_known(session, asked.terms.vehicles, permit.holder_id))
    if not keys:
        raise InvalidChange("the permit never named a vehicle", code="no_vehicles")
    return keys


def _zones(session: Session, named: Collection[str]) -> frozenset[str]:
    known = session.scalars(select(Zone.zone_id).where(Zone.zone_id.in_(named))).all()
    unknown = sorted(set(named) - set(known))
    if unknown:
        ids = ", ".join(unknown)
        raise InvalidChange(f"no zone {ids}", code="unknown_zone", field="terms.zones", ids=ids)
    return frozenset(known)


def _officers(session: Session, named: Collection[str], holder_id: int) -> frozenset[str]:
    query = select(Officer.officer_id).where(Officer.officer_id.in_(named), Officer.organisation_id == holder_id)
    known = frozenset(session.scalars(query))
    if known != frozenset(named):
        raise InvalidChange("people of the holder only", code="not_the_holders", field="terms.officers")
    return known


def _require_few(session: Session, question: Question) -> None:
    query = select(Sample.seq).where(
        Sample.timestamp_ms >= question.since_ms - WARM_UP_MS, Sample.timestamp_ms < question.until_ms
    )
    if question.vehicles:
        query = query.where(Sample.vehicle.in_(question.vehicles))
    counted = session.scalar(select(func.count()).select_from(query.limit(MOST_SAMPLES + 1).subquery()))
    if counted is not None and counted > MOST_SAMPLES:
        raise InvalidChange(
            f"more than {MOST_SAMPLES} samples", code="too_many_samples", field="until_ms", most=f"{MOST_SAMPLES:,}"
        )
