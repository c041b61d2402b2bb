"""Which sanctions the record speaks for: rules over alerts, directives and incidents, and the next rung of the ladder.

A rule proposes, a regulator decides. Each thing on record is a ground once: what a sanction of this permit
rests on already, dismissed ones included, is not held against it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import in_parts
from app.models import (
    Alert,
    DirectiveRow,
    Fault,
    Harm,
    Incident,
    Permit,
    PermitRevisionRow,
    Sanction,
    SanctionState,
    SanctionStep,
)
from app.models.permits import permit_revision_vehicles
from app.services.alert_ids import alert_public_id
from app.services.permit_life import Decision, decision_of
from app.services.sanctions import open_sanction
from telemetry.findings import RULES, Finding, Nature, Severity
from telemetry.ports import PermitState

DAY_MS = 86_400_000
#: A rung that was stepped on longer ago does not count any more.
MEMORY_MS = 365 * DAY_MS

LADDER: Sequence[SanctionStep] = tuple(SanctionStep)
_OPEN = frozenset({SanctionState.PROPOSED, SanctionState.NOTICED})
_RUNG_OF: Mapping[Decision, SanctionStep] = {
    Decision.RESTRICTED: SanctionStep.RESTRICT,
    Decision.SUSPENDED: SanctionStep.SUSPEND,
    Decision.REVOKED: SanctionStep.REVOKE,
}
#: Findings that break a permit or a place, without driving while suspended, which has a rule of its own.
_BREACHES = tuple(
    finding
    for finding, rule in RULES.items()
    if rule.nature is Nature.VIOLATION
    and rule.severity is Severity.CRITICAL
    and finding is not Finding.PERMIT_SUSPENDED
)


@dataclass(frozen=True, slots=True, order=True)
class Ground:
    """Something on record: a type such as `alert`, its public identifier, and when it happened."""

    at_ms: int
    type: str
    id: str


#: What a rule finds on record since a time, by the key of the permit.
Record = Callable[[Session, int], Iterator[tuple[int, Ground]]]


@dataclass(frozen=True, slots=True)
class SanctionRule:
    """With `count` grounds within `window_ms` a step is proposed, at least `at_least`."""

    name: str
    count: int
    window_ms: int
    at_least: SanctionStep
    record: Record


def _alerts(findings: Collection[Finding]) -> Record:
    def found(session: Session, since_ms: int) -> Iterator[tuple[int, Ground]]:
        under = select(Alert, PermitRevisionRow.permit_id).join(
            PermitRevisionRow, PermitRevisionRow.id == Alert.permit_revision_id
        )
        wanted = Alert.finding.in_([int(finding) for finding in findings])
        for alert, permit in session.execute(under.where(wanted, Alert.opened_at_ms >= since_ms)):
            public_id = alert_public_id(alert.vehicle_key, Finding(alert.finding), alert.opened_at_ms, alert.opened_seq)
            yield permit, Ground(alert.opened_at_ms, "alert", public_id)

    return found


def _disobeyed(session: Session, since_ms: int) -> Iterator[tuple[int, Ground]]:
    rows = session.scalars(select(DirectiveRow).where(DirectiveRow.overdue_at_ms >= since_ms)).all()
    permits = _permits_of(session, {row.vehicle_key for row in rows})
    for row in rows:
        for permit in permits[row.vehicle_key]:
            yield permit, Ground(row.overdue_at_ms or 0, "directive", row.directive_id)


def _accidents(harms: Collection[Harm]) -> Record:
    def found(session: Session, since_ms: int) -> Iterator[tuple[int, Ground]]:
        wanted = select(Incident).where(
            Incident.fault == Fault.YES, Incident.harm.in_(harms), Incident.decided_at_ms >= since_ms
        )
        rows = session.scalars(wanted).all()
        permits = _permits_of(session, {row.vehicle_key for row in rows})
        for row in rows:
            for permit in permits[row.vehicle_key]:
                yield permit, Ground(row.occurred_at_ms, "incident", row.incident_id)

    return found


#: Thresholds are Pilotage's own, not law; the ladder itself is the field's (docs/sanctions.md).
SANCTION_RULES: Sequence[SanctionRule] = (
    SanctionRule("repeated_breaches", 3, 30 * DAY_MS, SanctionStep.WARN, _alerts(_BREACHES)),
    SanctionRule("directive_disobeyed", 1, 30 * DAY_MS, SanctionStep.RESTRICT, _disobeyed),
    SanctionRule("accident_at_fault", 1, 90 * DAY_MS, SanctionStep.RESTRICT, _accidents({Harm.NONE, Harm.DAMAGE})),
    SanctionRule("people_hurt_at_fault", 1, 90 * DAY_MS, SanctionStep.SUSPEND, _accidents({Harm.INJURY, Harm.DEATH})),
    SanctionRule("drove_while_suspended", 1, 30 * DAY_MS, SanctionStep.REVOKE, _alerts({Finding.PERMIT_SUSPENDED})),
)


def propose_sanctions(session: Session, now_ms: int) -> list[Sanction]:
    """Open what the rules propose now: at most one open sanction a permit and rule."""
    made: list[Sanction] = []
    for rule in SANCTION_RULES:
        grounds: defaultdict[int, set[Ground]] = defaultdict(set)
        for permit_key, ground in rule.record(session, now_ms - rule.window_ms):
            grounds[permit_key].add(ground)
        for permit in _alive(session, grounds):
            fresh = sorted(grounds[permit.id] - _held_against(session, permit))
            if len(fresh) >= rule.count and not _is_open(session, permit, rule):
                made.append(
                    open_sanction(
                        session,
                        permit,
                        max(rule.at_least, next_step(session, permit, now_ms), key=LADDER.index),
                        reason="",
                        now_ms=now_ms,
                        actor=None,
                        rule=rule.name,
                        grounds=[{"type": each.type, "id": each.id, "at_ms": each.at_ms} for each in fresh],
                    )
                )
    return made


def next_step(session: Session, permit: Permit, now_ms: int) -> SanctionStep:
    """The rung above the highest that was stepped on within a year, by a sanction or a plain decision."""
    taken = set(_warnings(session, permit, now_ms)) | set(_decided(session, permit, now_ms))
    highest = max((LADDER.index(step) for step in taken), default=-1)
    return LADDER[min(highest + 1, len(LADDER) - 1)]


def _warnings(session: Session, permit: Permit, now_ms: int) -> Sequence[SanctionStep]:
    standing = {SanctionState.IN_FORCE, SanctionState.APPEALED, SanctionState.UPHELD}
    wanted = select(Sanction.step).where(Sanction.permit_id == permit.id, Sanction.state.in_(standing))
    return session.scalars(wanted.where(Sanction.decided_at_ms >= now_ms - MEMORY_MS)).all()


def _decided(session: Session, permit: Permit, now_ms: int) -> Iterator[SanctionStep]:
    """Rungs among a person's decisions on the permit; one that an appeal overturned does not count."""
    overturned = set(
        session.scalars(
            select(Sanction.revision_after).where(
                Sanction.permit_id == permit.id, Sanction.state == SanctionState.OVERTURNED
            )
        )
    )
    before: PermitRevisionRow | None = None
    of_permit = select(PermitRevisionRow).where(PermitRevisionRow.permit_id == permit.id)
    for revision in session.scalars(of_permit.order_by(PermitRevisionRow.number)):
        step = _RUNG_OF.get(decision_of(before, revision))
        if step and revision.recorded_at_ms >= now_ms - MEMORY_MS and revision.number not in overturned:
            yield step
        before = revision


def _alive(session: Session, keys: Collection[int]) -> Iterator[Permit]:
    for some in in_parts(sorted(keys)):
        for permit in session.scalars(select(Permit).where(Permit.id.in_(some)).order_by(Permit.id)):
            newest = select(PermitRevisionRow.state).where(PermitRevisionRow.permit_id == permit.id)
            state = session.scalars(newest.order_by(PermitRevisionRow.generation.desc()).limit(1)).one()
            if state in {PermitState.ISSUED, PermitState.SUSPENDED}:
                yield permit


def _held_against(session: Session, permit: Permit) -> set[Ground]:
    """What sanctions of this permit rest on already."""
    rows: Iterable[list[dict[str, object]]] = session.scalars(
        select(Sanction.grounds).where(Sanction.permit_id == permit.id)
    )
    return {Ground(**each) for grounds in rows for each in grounds}  # type: ignore[arg-type]  # JSON written above


def _is_open(session: Session, permit: Permit, rule: SanctionRule) -> bool:
    same = select(Sanction.id).where(Sanction.permit_id == permit.id, Sanction.rule == rule.name)
    return session.scalar(same.where(Sanction.state.in_(_OPEN)).limit(1)) is not None


def _permits_of(session: Session, vehicle_keys: Collection[int]) -> dict[int, set[int]]:
    """Keys of the permits that name each vehicle in their newest revision."""
    newest = select(func.max(PermitRevisionRow.id)).group_by(PermitRevisionRow.permit_id)
    named = permit_revision_vehicles.c
    naming = (
        select(named.vehicle_id, PermitRevisionRow.permit_id)
        .join(PermitRevisionRow)
        .where(PermitRevisionRow.id.in_(newest))
    )
    found: defaultdict[int, set[int]] = defaultdict(set)
    for some in in_parts(sorted(vehicle_keys)):
        for vehicle, permit in session.execute(naming.where(named.vehicle_id.in_(some))):
            found[vehicle].add(permit)
    return found
