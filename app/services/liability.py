"""Who or what was in control of a vehicle around an instant, and what was demanded and allowed then.

Everything is read from the record and nothing is decided: what the record does not tell becomes an
open question (app.services.liability_questions), by rules that are stated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.models import (
    Alert,
    DirectiveRow,
    Incident,
    LicenceRevision,
    Officer,
    PermitRevisionRow,
    Sample,
    Vehicle,
)
from app.services.retention import require_present
from telemetry.findings import RULES, Finding, Nature
from telemetry.samples import Mode, SafetyOfficer

#: What is looked at: as long as evidence is demanded for (docs: China's draft of 2023, Shenzhen's regulation of 2022).
BEFORE_MS, AFTER_MS = 90_000, 30_000
#: A vehicle that says nothing for longer leaves open who was in control meanwhile.
SILENCE_MS = 5_000
#: Terms that a permit or the law sets, which a sample keeps, breaks or leaves undecided.
TERMS = tuple(finding for finding, rule in RULES.items() if rule.nature is Nature.VIOLATION)
_TERM_BITS = sum(int(finding) for finding in TERMS)


@dataclass(frozen=True, slots=True)
class Person:
    """Who was named. `licence` is what was known of the licence then: valid, expired or missing; unknown: no record."""

    officer_id: str
    name: str
    organisation: str
    licence: str


@dataclass(frozen=True, slots=True)
class Span:
    """[from_ms, until_ms): nothing changed in who controls, what stands, and what is kept or broken.

    `mode` and `officer` are None where a sample did not say, and in a span of silence (`samples` 0).
    """

    from_ms: int
    until_ms: int
    samples: int
    mode: Mode | None = None
    officer: SafetyOfficer | None = None
    person: Person | None = None
    passengers: int | None = None
    permit_revision: int | None = None
    broken: tuple[Finding, ...] = ()
    undecided: tuple[Finding, ...] = ()
    directives: tuple[str, ...] = ()
    slowest_mps: float | None = None
    fastest_mps: float | None = None


@dataclass(frozen=True, slots=True)
class TermRecord:
    """How long a term was broken, and how long it could not be decided; kept for the rest."""

    finding: Finding
    broken_ms: int
    undecided_ms: int
    kept_ms: int


@dataclass(frozen=True, slots=True)
class LiabilityView:
    """Everything that the record tells of the period [from_ms, until_ms) around `at_ms`."""

    vehicle: Vehicle
    at_ms: int
    from_ms: int
    until_ms: int
    samples: Sequence[Sample]
    spans: Sequence[Span]
    terms: Sequence[TermRecord]
    permits: Mapping[int, PermitRevisionRow]
    directives: Sequence[DirectiveRow]
    alerts: Sequence[Alert]
    incidents: Sequence[Incident]


def liability_view(session: Session, vehicle: Vehicle, at_ms: int, *, now_ms: int) -> LiabilityView:
    """The record around an instant; what has not happened yet is left out.

    Raises InvalidChange when the samples of then are in the archive.
    """
    from_ms, until_ms = at_ms - BEFORE_MS, min(at_ms + AFTER_MS, max(now_ms, at_ms))
    require_present(session, from_ms, until_ms)
    samples = _samples(session, vehicle, from_ms, until_ms)
    directives = _directives(session, vehicle, from_ms, until_ms)
    people = _people(session, {row.officer_id for row in samples if row.officer_id}, at_ms)
    spans = list(_spans(samples, directives, people, from_ms, until_ms))
    revisions = {row.permit_revision for row in samples if row.permit_revision >= 0}
    return LiabilityView(
        vehicle=vehicle,
        at_ms=at_ms,
        from_ms=from_ms,
        until_ms=until_ms,
        samples=samples,
        spans=spans,
        terms=[_term_record(finding, spans) for finding in TERMS],
        permits=_permits(session, revisions),
        directives=directives,
        alerts=_alerts(session, vehicle, from_ms, until_ms),
        incidents=_incidents(session, vehicle, from_ms, until_ms),
    )


def control_at(spans: Sequence[Span], at_ms: int) -> Span | None:
    """The span that the instant is in."""
    return next((span for span in spans if span.from_ms <= at_ms < span.until_ms), spans[-1] if spans else None)


def _samples(session: Session, vehicle: Vehicle, from_ms: int, until_ms: int) -> Sequence[Sample]:
    query = select(Sample).where(
        Sample.vehicle == vehicle.id, Sample.timestamp_ms >= from_ms, Sample.timestamp_ms < until_ms
    )
    return session.scalars(query.order_by(Sample.timestamp_ms, Sample.seq)).all()


def _directives(session: Session, vehicle: Vehicle, from_ms: int, until_ms: int) -> Sequence[DirectiveRow]:
    query = select(DirectiveRow).where(
        DirectiveRow.vehicle_key == vehicle.id,
        DirectiveRow.issued_at_ms < until_ms,
        DirectiveRow.settled_at_ms.is_(None) | (DirectiveRow.settled_at_ms > from_ms),
    )
    return session.scalars(query.options(selectinload(DirectiveRow.answers)).order_by(DirectiveRow.id)).all()


def _alerts(session: Session, vehicle: Vehicle, from_ms: int, until_ms: int) -> Sequence[Alert]:
    query = select(Alert).where(
        Alert.vehicle_key == vehicle.id,
        Alert.first_seen_ms < until_ms,
        Alert.closed_at_ms.is_(None) | (Alert.closed_at_ms > from_ms),
    )
    return session.scalars(query.order_by(Alert.opened_at_ms)).all()


def _incidents(session: Session, vehicle: Vehicle, from_ms: int, until_ms: int) -> Sequence[Incident]:
    query = select(Incident).where(
        Incident.vehicle_key == vehicle.id, Incident.occurred_at_ms >= from_ms, Incident.occurred_at_ms < until_ms
    )
    return session.scalars(query.order_by(Incident.occurred_at_ms)).all()


def _permits(session: Session, revisions: Collection[int]) -> Mapping[int, PermitRevisionRow]:
    rows = session.scalars(select(PermitRevisionRow).where(PermitRevisionRow.id.in_(revisions)))
    return {row.id: row for row in rows}


def _people(session: Session, officer_ids: Collection[str], at_ms: int) -> Mapping[str, Person]:
    """Who they are, and what their licence was worth as it was recorded by then."""
    found: dict[str, Person] = {each: Person(each, "", "", "unknown") for each in officer_ids}
    for officer in session.scalars(select(Officer).where(Officer.officer_id.in_(officer_ids))):
        recorded = LicenceRevision.recorded_at_ms.is_(None) | (LicenceRevision.recorded_at_ms <= at_ms)
        licence = session.scalars(
            select(LicenceRevision)
            .where(LicenceRevision.officer_id == officer.id, recorded)
            .order_by(LicenceRevision.generation.desc())
            .limit(1)
        ).first()
        worth = "missing" if licence is None else "valid" if licence.expires_at_ms > at_ms else "expired"
        name = officer.name or officer.officer_id
        found[officer.officer_id] = Person(officer.officer_id, name, officer.organisation.code, worth)
    return found


def _spans(
    samples: Sequence[Sample],
    directives: Sequence[DirectiveRow],
    people: Mapping[str, Person],
    from_ms: int,
    until_ms: int,
) -> Iterator[Span]:
    """The whole period without a hole: runs of equal samples, and silence between them."""
    if not samples:
        yield Span(from_ms, until_ms, 0, directives=_pending(directives, from_ms))
        return
    begins_ms = from_ms
    if samples[0].timestamp_ms - from_ms > SILENCE_MS:
        begins_ms = samples[0].timestamp_ms
        yield Span(from_ms, begins_ms, 0, directives=_pending(directives, from_ms))
    run: list[Sample] = [samples[0]]
    for before, after in pairwise(samples):
        is_silent = after.timestamp_ms - before.timestamp_ms > SILENCE_MS
        if is_silent or _state(before, directives) != _state(after, directives):
            ends_ms = before.timestamp_ms + 1 if is_silent else after.timestamp_ms
            yield _span(run, begins_ms, ends_ms, directives, people)
            run, begins_ms = [], after.timestamp_ms
            if is_silent:
                yield Span(ends_ms, begins_ms, 0, directives=_pending(directives, ends_ms))
        run.append(after)
    last_ms = samples[-1].timestamp_ms
    is_silent = until_ms - last_ms > SILENCE_MS
    yield _span(run, begins_ms, last_ms + 1 if is_silent else until_ms, directives, people)
    if is_silent:
        yield Span(last_ms + 1, until_ms, 0, directives=_pending(directives, last_ms + 1))


def _state(row: Sample, directives: Sequence[DirectiveRow]) -> tuple[object, ...]:
    """What a span is one of."""
    return (
        *(row.mode, row.safety_officer, row.officer_id, row.passengers, row.permit_revision),
        *(row.verdict & _TERM_BITS, row.undecided & _TERM_BITS, _pending(directives, row.timestamp_ms)),
    )


def _span(
    run: Sequence[Sample],
    from_ms: int,
    until_ms: int,
    directives: Sequence[DirectiveRow],
    people: Mapping[str, Person],
) -> Span:
    row, speeds = run[0], [each.speed_mps for each in run if each.speed_mps is not None]
    return Span(
        from_ms=from_ms,
        until_ms=until_ms,
        samples=len(run),
        mode=Mode(row.mode) if row.mode >= 0 else None,
        officer=SafetyOfficer(row.safety_officer) if row.safety_officer >= 0 else None,
        person=people.get(row.officer_id) if row.officer_id else None,
        passengers=row.passengers if row.passengers >= 0 else None,
        permit_revision=row.permit_revision if row.permit_revision >= 0 else None,
        broken=_findings(row.verdict),
        undecided=_findings(row.undecided & ~row.verdict),
        directives=_pending(directives, row.timestamp_ms),
        slowest_mps=min(speeds, default=None),
        fastest_mps=max(speeds, default=None),
    )


def _findings(mask: int) -> tuple[Finding, ...]:
    return tuple(finding for finding in TERMS if mask & finding)


def _pending(directives: Sequence[DirectiveRow], at_ms: int) -> tuple[str, ...]:
    return tuple(
        row.directive_id
        for row in directives
        if row.issued_at_ms <= at_ms and (row.settled_at_ms is None or at_ms < row.settled_at_ms)
    )


def _term_record(finding: Finding, spans: Sequence[Span]) -> TermRecord:
    told = [span for span in spans if span.samples]
    broken_ms = sum(span.until_ms - span.from_ms for span in told if finding in span.broken)
    undecided_ms = sum(span.until_ms - span.from_ms for span in told if finding in span.undecided)
    known_ms = sum(span.until_ms - span.from_ms for span in told)
    return TermRecord(finding, broken_ms, undecided_ms, known_ms - broken_ms - undecided_ms)
