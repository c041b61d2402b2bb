"""Incidents as operators report them, as regulators decide on them, and as they are recorded."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.models import Fault, Harm, IncidentKind, IncidentState
from app.schemas.base import Identifier, Milliseconds, Paragraphs, Reason, Schema
from app.schemas.checks import Day

_Summary = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=4_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
    ),
]
_People = Annotated[int, Field(ge=0, le=10_000)]


class Initiator(StrEnum):
    """Who ended automated driving, as California's disengagement report asks."""

    AV_SYSTEM = "av_system"
    TEST_DRIVER = "test_driver"
    REMOTE_OPERATOR = "remote_operator"
    PASSENGER = "passenger"


class RoadType(StrEnum):
    """Where, as California's disengagement report asks."""

    INTERSTATE = "interstate"
    FREEWAY = "freeway"
    HIGHWAY = "highway"
    RURAL_ROAD = "rural_road"
    STREET = "street"
    PARKING_FACILITY = "parking_facility"


class Disengagement(Schema):
    """What is asked of a disengagement besides; a report of one is complete once all of it is stated."""

    capable_without_driver: Annotated[bool | None, Field(description="can the vehicle do without a driver")] = None
    driver_present: bool | None = None
    initiated_by: Initiator | None = None
    location: RoadType | None = None


class IncidentFacts(Schema):
    """What happened, and in which jurisdiction. `complete`: this is the full report."""

    jurisdiction: Identifier
    occurred_at_ms: Milliseconds
    kind: IncidentKind
    harm: Harm
    injured: _People = 0
    killed: _People = 0
    summary: _Summary
    disengagement: Disengagement | None = None
    complete: bool = False

    @model_validator(mode="after")
    def _harm_fits(self) -> Self:
        worst = Harm.DEATH if self.killed else Harm.INJURY if self.injured else None
        hurt = {Harm.INJURY, Harm.DEATH}
        if (worst is Harm.DEATH and self.harm is not Harm.DEATH) or (worst is Harm.INJURY and self.harm not in hurt):
            raise PydanticCustomError("harm_differs", "people were hurt, but the harm says otherwise")
        if self.kind is IncidentKind.INJURY and self.harm not in hurt:
            raise PydanticCustomError("harm_differs", "an injury, but the harm says otherwise")
        return self


class IncidentReport(IncidentFacts):
    """What happened to one vehicle; `alert`: the identifier of the alert that it is about."""

    vehicle_id: Identifier
    alert: Annotated[str | None, Field(max_length=100)] = None


class IncidentOpening(Schema):
    """What a regulator opens an incident as, and why: its operator reads this, and reports."""

    kind: IncidentKind
    harm: Harm = Harm.NONE
    reason: Reason


class AlertOpening(IncidentOpening):
    """And the alert from which it is opened."""

    alert: Annotated[str, Field(min_length=1, max_length=100)]


class IncidentAmendment(IncidentFacts):
    """The facts as they are known now, and why they change. Of a proposal it makes a report."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)] = ""


class FaultDecision(Schema):
    """Whether the vehicle, or who steered it, was at fault."""

    fault: Literal["yes", "no"]
    reason: Reason


class IncidentClosing(Schema):
    """What the regulator found, and whether the vehicle, or who steered it, was at fault."""

    conclusion: Reason
    fault: Literal["yes", "no"]


class IncidentReason(Schema):
    """Why a proposal is dismissed, or an incident opened again."""

    reason: Reason


class DisengagementPeriod(Schema):
    """Days of the report on disengagements, both included."""

    first_day: Day
    last_day: Day

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.last_day < self.first_day:
            raise PydanticCustomError("ends_before_start", "the last day is before the first")
        return self


class IncidentFile(Schema):
    """An attached file."""

    id: str
    file_name: str
    sha256: str


class IncidentContent(Schema):
    """All that is said of an incident in one of its revisions; `alerts` are identifiers of alerts."""

    state: IncidentState
    jurisdiction: str
    occurred_at_ms: int
    kind: IncidentKind
    harm: Harm
    injured: int
    killed: int
    summary: str
    lon: float | None
    lat: float | None
    disengagement: Disengagement | None
    complete: bool
    fault: Fault
    fault_reason: Paragraphs
    conclusion: Paragraphs
    alerts: list[str]
    attachments: list[IncidentFile]


class IncidentRevisionOut(Schema):
    """A revision: what was done (`reported`, `amended`, ...), by whom, why, and what has stood since."""

    number: int
    change: str
    reason: str
    actor: Annotated[str | None, Field(description="an e-mail address; nothing: the platform")]
    recorded_at_ms: int
    content: IncidentContent


class IncidentOut(Schema):
    """An incident as it is recorded. `overdue`: a report that is missing although its deadline is over."""

    incident_id: str
    vehicle_id: str
    organisation: str
    state: IncidentState
    jurisdiction: str
    occurred_at_ms: int
    kind: IncidentKind
    harm: Harm
    injured: int
    killed: int
    summary: str
    lon: float | None
    lat: float | None
    disengagement: Disengagement | None
    fault: Fault
    fault_reason: str
    conclusion: str
    alerts: list[str]
    attachments: list[IncidentFile]
    proposed_at_ms: int | None
    opened_by: Annotated[str | None, Field(description="the regulator who opened it; nothing: nobody had to")]
    reported_at_ms: int | None
    first_due_ms: int
    full_due_ms: int
    complete_at_ms: int | None
    decided_at_ms: int | None
    closed_at_ms: int | None
    overdue: bool
    version: int
