"""Trials (试点项目), and how they are shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.models import Stage, TrialDomain
from app.schemas.base import Identifier, Schema, Title
from app.schemas.checks import Day
from app.stages import AIR_STAGES, ROAD_STAGES

_MOST_MEMBERS = 1_000
#: The stages that a trial of each domain can be in.
STAGES = {
    TrialDomain.ROAD: frozenset(ROAD_STAGES),
    TrialDomain.AIR: frozenset(AIR_STAGES),
    TrialDomain.JOINT: frozenset(Stage),
}

_Goal = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=4_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
    ),
]
_Members = Annotated[list[Identifier], Field(max_length=_MOST_MEMBERS)]


class TrialDetails(Schema):
    """A trial as its operator describes it. It lasts from the first to the last day, both included."""

    name_zh: Title
    name_en: Title
    domain: TrialDomain
    stage: Stage
    goal: _Goal
    starts_on: Day
    ends_on: Day
    vehicles: _Members = Field(default_factory=list)
    zones: _Members = Field(default_factory=list)

    @field_validator("stage")
    @classmethod
    def _stage_of_the_domain(cls, stage: Stage, info: ValidationInfo) -> Stage:
        domain = info.data.get("domain")
        if domain is not None and stage not in STAGES[domain]:
            raise PydanticCustomError("stage_of_other_domain", "a trial of this domain has no such stage")
        return stage

    @field_validator("ends_on")
    @classmethod
    def _ends_after_its_start(cls, ends_on: Day, info: ValidationInfo) -> Day:
        starts_on = info.data.get("starts_on")
        if starts_on is not None and ends_on < starts_on:
            raise PydanticCustomError("ends_before_start", "the last day is before the first")
        return ends_on


class TrialRegistration(TrialDetails):
    """A new trial; its code never changes."""

    trial_id: Identifier


class TrialOut(Schema):
    """A trial as it is registered. It runs in [starts_at_ms, ends_at_ms)."""

    trial_id: str
    organisation: str
    name_zh: str
    name_en: str
    domain: TrialDomain
    stage: Stage
    state: str
    goal: str
    starts_at_ms: int
    ends_at_ms: int
    vehicles: list[str]
    zones: list[str]
    version: int
