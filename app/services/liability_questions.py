"""The questions that the record of a vehicle leaves open, each by a rule that is stated here and on the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from app.models import IncidentKind, Sample
from app.services.directive_register import decided_answer
from app.services.liability import SILENCE_MS, LiabilityView, Span
from telemetry.directives import Reply
from telemetry.findings import Finding
from telemetry.samples import Mode, SafetyOfficer

#: Who takes over so shortly before a collision may have had no time to avert it.
TAKEOVER_BEFORE_MS = 10_000
#: Between two samples the reported speed and the way between the fixes may differ by so much.
SPEED_DIFFERS_MPS = 5.0
_LONGEST_STEP_MS = 3_000
_METRES_PER_DEGREE = 111_320.0


class Rule(StrEnum):
    """Why something is open."""

    SAMPLES_MISSING = "samples_missing"
    MODE_UNKNOWN = "mode_unknown"
    PERSON_NOT_NAMED = "person_not_named"
    PERSON_UNKNOWN = "person_unknown"
    LICENCE_NOT_VALID = "licence_not_valid"
    CONTROL_CONTRADICTS = "control_contradicts"
    TAKEOVER_BEFORE_COLLISION = "takeover_before_collision"
    SPEED_CONTRADICTS = "speed_contradicts"
    PERMIT_UNKNOWN = "permit_unknown"
    UNDECIDED = "undecided"
    CLOCK_SKEW = "clock_skew"
    LATE = "late"
    JUMP = "jump"
    DIRECTIVE_UNHEARD = "directive_unheard"
    DIRECTIVE_REFUSED = "directive_refused"


@dataclass(frozen=True, slots=True)
class Question:
    """What is open in [from_ms, until_ms); `detail` names what it is about, in no language."""

    rule: Rule
    from_ms: int
    until_ms: int
    detail: str = ""


def open_questions(view: LiabilityView) -> list[Question]:
    """Every question once, however many spans it lasts, in the order of time."""
    found = [*_of_spans(view), *_of_samples(view), *_of_takeovers(view), *_of_speeds(view), *_of_directives(view)]
    joined: list[Question] = []
    for question in sorted(found, key=lambda each: (each.rule, each.detail, each.from_ms)):
        if joined and _goes_on(joined[-1], question):
            joined[-1] = replace(joined[-1], until_ms=max(joined[-1].until_ms, question.until_ms))
        else:
            joined.append(question)
    return sorted(joined, key=lambda question: (question.from_ms, question.rule))


def _goes_on(before: Question, question: Question) -> bool:
    is_same = (before.rule, before.detail) == (question.rule, question.detail)
    return is_same and question.from_ms <= before.until_ms


def _of_spans(view: LiabilityView) -> Iterator[Question]:
    for span in view.spans:
        if not span.samples:
            if span.until_ms - span.from_ms >= SILENCE_MS:
                yield Question(Rule.SAMPLES_MISSING, span.from_ms, span.until_ms)
            continue
        for rule, is_open in _SPAN_RULES.items():
            if is_open(span):
                yield Question(rule, span.from_ms, span.until_ms, span.person.officer_id if span.person else "")
        if span.undecided:
            codes = ", ".join(finding.code for finding in span.undecided)
            yield Question(Rule.UNDECIDED, span.from_ms, span.until_ms, codes)


def _names_nobody(span: Span) -> bool:
    steered = span.mode in {Mode.MANUAL, Mode.REMOTE, Mode.TAKEOVER}
    watched = span.officer in {SafetyOfficer.ONBOARD, SafetyOfficer.REMOTE}
    return span.person is None and (steered or watched)


def _contradicts(span: Span) -> bool:
    """Steered from where nobody is."""
    if span.officer is None:
        return False
    if span.mode is Mode.REMOTE:
        return span.officer is not SafetyOfficer.REMOTE
    return span.mode in {Mode.MANUAL, Mode.TAKEOVER} and span.officer is SafetyOfficer.NONE


_SPAN_RULES: dict[Rule, Callable[[Span], bool]] = {
    Rule.MODE_UNKNOWN: lambda span: span.mode is None,
    Rule.PERSON_NOT_NAMED: _names_nobody,
    Rule.PERSON_UNKNOWN: lambda span: span.person is not None and span.person.licence == "unknown",
    Rule.LICENCE_NOT_VALID: lambda span: span.person is not None and span.person.licence in {"expired", "missing"},
    Rule.CONTROL_CONTRADICTS: _contradicts,
    Rule.PERMIT_UNKNOWN: lambda span: span.permit_revision is None,
}


def _of_samples(view: LiabilityView) -> Iterator[Question]:
    rules: dict[Rule, Callable[[Sample], bool]] = {
        Rule.CLOCK_SKEW: lambda row: bool(row.verdict & Finding.CLOCK_SKEW),
        Rule.JUMP: lambda row: bool(row.verdict & Finding.IMPLAUSIBLE_JUMP),
        Rule.LATE: lambda row: bool(row.late),
    }
    for rule, shows in rules.items():
        rows = [row for row in view.samples if shows(row)]
        if rows:
            yield Question(rule, rows[0].timestamp_ms, rows[-1].timestamp_ms + 1, str(len(rows)))


def _of_takeovers(view: LiabilityView) -> Iterator[Question]:
    """A machine that hands over, or loses, control shortly before a collision that somebody reported."""
    collisions = [each for each in view.incidents if each.kind is IncidentKind.COLLISION]
    for before, after in pairwise(view.spans):
        if before.mode is not Mode.AUTONOMOUS or after.mode in {Mode.AUTONOMOUS, None}:
            continue
        for incident in collisions:
            if 0 <= incident.occurred_at_ms - after.from_ms <= TAKEOVER_BEFORE_MS:
                yield Question(
                    Rule.TAKEOVER_BEFORE_COLLISION, after.from_ms, incident.occurred_at_ms + 1, incident.incident_id
                )


def _of_speeds(view: LiabilityView) -> Iterator[Question]:
    """Where the way between two fixes fits neither of their speeds: one of them is wrong."""
    apart = [(a, b) for a, b in pairwise(view.samples) if _is_apart(a, b)]
    if apart:
        yield Question(Rule.SPEED_CONTRADICTS, apart[0][0].timestamp_ms, apart[-1][1].timestamp_ms + 1, str(len(apart)))


def _is_apart(before: Sample, after: Sample) -> bool:
    step_ms = after.timestamp_ms - before.timestamp_ms
    if not 0 < step_ms <= _LONGEST_STEP_MS or before.speed_mps is None or after.speed_mps is None:
        return False
    east_m = (after.lon - before.lon) * _METRES_PER_DEGREE * math.cos(math.radians(before.lat))
    moved_mps = math.hypot(east_m, (after.lat - before.lat) * _METRES_PER_DEGREE) * 1000 / step_ms
    blurred_mps = ((before.horizontal_accuracy_m or 0.0) + (after.horizontal_accuracy_m or 0.0)) * 1000 / step_ms
    slowest, fastest = sorted((before.speed_mps, after.speed_mps))
    off_mps = max(slowest - moved_mps, moved_mps - fastest)
    return off_mps > SPEED_DIFFERS_MPS + blurred_mps


def _of_directives(view: LiabilityView) -> Iterator[Question]:
    for row in view.directives:
        until_ms = view.until_ms if row.settled_at_ms is None else min(row.settled_at_ms, view.until_ms)
        since_ms = max(row.issued_at_ms, view.from_ms)
        decided = decided_answer(row)
        if decided is None and row.complied_at_ms is None:
            yield Question(Rule.DIRECTIVE_UNHEARD, since_ms, until_ms, row.directive_id)
        elif decided is not None and decided.reply is Reply.REFUSED:
            yield Question(Rule.DIRECTIVE_REFUSED, since_ms, until_ms, row.directive_id)
