"""Sanctions: what is stated with each step, and how they are shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.models import SanctionState, SanctionStep
from app.schemas.base import Identifier, Milliseconds, Paragraphs, Reason, Schema
from app.schemas.permits import Tightening

#: Days that the holder has for an appeal: at least, unless stated otherwise, at most.
_FEWEST_DAYS, APPEAL_DAYS, _MOST_DAYS = 1, 60, 365


class SanctionStart(Schema):
    """A step that a person opens without a rule having proposed it."""

    step: SanctionStep
    reason: Reason


class SanctionOpening(SanctionStart):
    """And the permit against which it is."""

    permit: Identifier


class SanctionNotice(Schema):
    """The holder is told what is intended, and when it is heard."""

    hearing_at_ms: Milliseconds
    reason: Reason


class SanctionDecision(Schema):
    """The step is taken. `restriction` says to what a permit is restricted, and stands with that step only.

    Without a notice before it is urgent, which the reason has to say.
    """

    reason: Reason
    hearing_record: Paragraphs = ""
    appeal_days: Annotated[int, Field(ge=_FEWEST_DAYS, le=_MOST_DAYS)] = APPEAL_DAYS
    restriction: Tightening | None = None


class SanctionDismissal(Schema):
    """It is not taken."""

    reason: Reason


class Appeal(Schema):
    """Why the holder thinks that it is wrong."""

    reason: Reason


class Ruling(Schema):
    """What becomes of the appeal."""

    outcome: Literal[SanctionState.UPHELD, SanctionState.OVERTURNED]
    reason: Reason


class Ground(Schema):
    """Something on record that speaks for it: an alert, a directive or an incident, by its public identifier."""

    type: str
    id: str
    at_ms: int


class SanctionOut(Schema):
    """A sanction as it stands."""

    sanction_id: str
    permit: str
    holder: Annotated[str, Field(description="the organisation's code")]
    jurisdiction: str
    step: SanctionStep
    state: SanctionState
    rule: Annotated[str, Field(description="the rule that proposed it; empty: a person did")]
    grounds: list[Ground]
    reason: str
    opened_at_ms: int
    noticed_at_ms: int | None
    hearing_at_ms: int | None
    hearing_record: str
    decided_at_ms: int | None
    appeal_until_ms: int | None
    final_at_ms: int | None
    appealed_at_ms: int | None
    appeal: str
    ruled_at_ms: int | None
    ruling: str
    revision_before: Annotated[int | None, Field(description="the permit's revision when it was decided")]
    revision_after: Annotated[int | None, Field(description="the revision that carries it out")]
    version: int


class SanctionList(Schema):
    """One page, the oldest first."""

    items: list[SanctionOut]
    next_cursor: str | None
