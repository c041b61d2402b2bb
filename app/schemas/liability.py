"""The record around an instant of a vehicle: who or what was in control, and what is left open."""

from __future__ import annotations

from pydantic import Field

from app.schemas.base import Schema
from app.services.liability_questions import Rule


class PersonOut(Schema):
    """Who was named, with what the licence was worth then: valid, expired, missing or unknown."""

    officer_id: str
    name: str
    organisation: str
    licence: str


class SpanOut(Schema):
    """[from_ms, until_ms) in which nothing of this changed; of silence `samples` is 0 and the rest unknown.

    `broken` and `undecided` are codes of findings, `directives` ids, speeds in m/s.
    """

    from_ms: int
    until_ms: int
    samples: int
    mode: str | None
    safety_officer: str | None
    person: PersonOut | None
    passengers: int | None
    permit: str | None
    permit_revision: int | None = Field(description="its number")
    permit_state: str | None
    broken: list[str]
    undecided: list[str]
    directives: list[str]
    slowest_mps: float | None
    fastest_mps: float | None


class TermOut(Schema):
    """For how long a term was broken, undecided and kept; `reads` is the term of the permit that is meant."""

    finding: str
    reads: str
    broken_ms: int
    undecided_ms: int
    kept_ms: int


class AlertSpanOut(Schema):
    """An alert that was open in the period."""

    alert_id: str
    finding: str
    severity: str
    opened_at_ms: int
    closed_at_ms: int | None


class QuestionOut(Schema):
    """What the record leaves open, by which rule; `detail` names what it is about."""

    rule: Rule
    from_ms: int
    until_ms: int
    detail: str


class LiabilityOut(Schema):
    """What the record tells of the period. It decides nothing."""

    vehicle_id: str
    at_ms: int
    from_ms: int
    until_ms: int
    samples: int
    spans: list[SpanOut]
    terms: list[TermOut]
    alerts: list[AlertSpanOut]
    incidents: list[str]
    open_questions: list[QuestionOut]
