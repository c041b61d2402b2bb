"""The liability view in words: rules of open questions, licences, and what each span says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import LazyString
from flask_babel import gettext as _now
from flask_babel import lazy_gettext as _

from app.services.liability import Span
from app.services.liability_questions import Question, Rule
from app.units import kmh_of
from app.web.findings_text import FINDING_TEXTS
from app.web.language import language
from app.web.page_text import mode_names, officer_names
from telemetry.findings import Finding

#: Each rule: what is open, and how it was found.
RULES: Mapping[Rule, tuple[LazyString, LazyString]] = {
    Rule.SAMPLES_MISSING: (_("Samples are missing"), _("No sample for five seconds or longer.")),
    Rule.MODE_UNKNOWN: (_("Who drove is not told"), _("The samples name no mode.")),
    Rule.PERSON_NOT_NAMED: (
        _("The person in charge is not named"),
        _("Somebody steered or watched, and the samples do not say who."),
    ),
    Rule.PERSON_UNKNOWN: (_("The person named is not registered"), _("No record has this identifier.")),
    Rule.LICENCE_NOT_VALID: (
        _("The licence of the person named was not valid"),
        _("As it was recorded by the instant at hand."),
    ),
    Rule.CONTROL_CONTRADICTS: (
        _("Mode and place of the person contradict each other"),
        _("Remote without a remote person, or by hand with nobody there."),
    ),
    Rule.TAKEOVER_BEFORE_COLLISION: (
        _("The machine gave up control shortly before a collision"),
        _("A change from autonomous at most ten seconds before a collision that was reported."),
    ),
    Rule.SPEED_CONTRADICTS: (
        _("Speed and positions contradict each other"),
        _("The way between two fixes differs from both speeds by more than 5 m/s and what their accuracy allows."),
    ),
    Rule.PERMIT_UNKNOWN: (_("No permit was found for it"), _("The samples were judged without a permit.")),
    Rule.UNDECIDED: (_("Whether a term was kept is undecided"), _("The samples do not suffice to judge it.")),
    Rule.CLOCK_SKEW: (
        _("The vehicle's clock was wrong"),
        _("Samples whose time differs too much from the platform's."),
    ),
    Rule.LATE: (_("Samples arrived late"), _("They came after newer ones and changed no alert.")),
    Rule.JUMP: (_("Positions cannot all be true"), _("Two fixes in a row that no vehicle could connect.")),
    Rule.DIRECTIVE_UNHEARD: (
        _("A directive was pending without an answer"),
        _("The vehicle's program has said neither yes nor no."),
    ),
    Rule.DIRECTIVE_REFUSED: (_("A directive was refused"), _("The newest answer of the vehicle's program.")),
}
LICENCES: Mapping[str, LazyString] = {
    "valid": _("licence valid"),
    "expired": _("licence expired"),
    "missing": _("no licence"),
    "unknown": _("not registered"),
}


def control_text(span: Span) -> str:
    """Who or what drove."""
    if not span.samples:
        return _now("Not known: no samples")
    return mode_names()[span.mode] if span.mode is not None else _now("Not told")


def person_text(span: Span) -> str:
    """Who watched or steered, from where, and what their licence was worth."""
    if not span.samples:
        return ""
    place = officer_names()[span.officer] if span.officer is not None else _now("Not told")
    if span.person is None:
        return place
    return f"{place} · {span.person.name} ({LICENCES[span.person.licence]})"


def speed_text(span: Span) -> str:
    """The speeds of the span."""
    if span.slowest_mps is None or span.fastest_mps is None:
        return ""
    slowest, fastest = f"{kmh_of(span.slowest_mps):.0f}", f"{kmh_of(span.fastest_mps):.0f}"
    return f"{fastest} km/h" if slowest == fastest else f"{slowest}–{fastest} km/h"


def findings_text(findings: Sequence[Finding]) -> str:
    """Their names."""
    return _now(", ").join(FINDING_TEXTS[finding].wording(language()).name for finding in findings)


def question_detail(question: Question) -> str:
    """What the question is about, in words where the detail has codes."""
    if question.rule is Rule.UNDECIDED:
        named = {finding.code: finding for finding in Finding}
        return findings_text([named[code] for code in question.detail.split(", ")])
    if question.rule in {Rule.CLOCK_SKEW, Rule.JUMP, Rule.LATE, Rule.SPEED_CONTRADICTS}:
        return _now("%(count)s samples", count=question.detail)
    return question.detail
