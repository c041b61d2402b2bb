"""Applications for permits: as they are filled in, as they are submitted, and how they are decided.

Each step of the form is a schema of its own; a draft is all of them, where anything may be missing,
and `ApplicationContent` what was submitted, complete. What makes it complete is told by
app.services.completeness, thing by thing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.models import ApplicationState, Stage
from app.schemas.base import Identifier, Milliseconds, Paragraphs, Reason, Schema
from app.schemas.hours import ClockWindow, DayName
from app.schemas.live import ModeName, OfficerName

_MOST_MEMBERS = 500
MOST_WINDOWS = 14
_SLOWEST_KMH, _FASTEST_KMH = 1, 500
_MOST_VEHICLES_EACH = 100
_COARSEST_M = 100


def _once(members: list[str]) -> list[str]:
    return list(dict.fromkeys(members))


_Members = Annotated[list[Identifier], Field(max_length=_MOST_MEMBERS), AfterValidator(_once)]
_Modes = Annotated[list[ModeName], AfterValidator(_once)]
_Officers = Annotated[list[OfficerName], AfterValidator(_once)]


class HoursWindow(ClockWindow):
    """A window of each of the days (none named: every day) in Beijing time; one that ends earlier ends the next day."""

    days: Annotated[list[DayName], AfterValidator(_once)] = Field(default_factory=list)


class ConditionsDraft(Schema):
    """What is asked for, in the units that people use. app.services.conditions has the permit's form of it."""

    speed_cap_kmh: Annotated[float | None, Field(ge=_SLOWEST_KMH, le=_FASTEST_KMH)] = None
    modes: _Modes = Field(default_factory=list)
    safety_officers: _Officers = Field(default_factory=list)
    vehicles_per_remote_officer: Annotated[int | None, Field(ge=1, le=_MOST_VEHICLES_EACH)] = None
    passengers_allowed: bool = False
    minimum_accuracy_m: Annotated[float | None, Field(gt=0, le=_COARSEST_M)] = None


class BasicsStep(Schema):
    """What is applied for, and where it is decided."""

    jurisdiction: Identifier
    trial_id: Identifier | None = None
    stage: Stage | None = None


class NewApplication(BasicsStep):
    """A new application; `permit` is the number of the permit that it would change (absent: a new one)."""

    permit: Identifier | None = None


class VehiclesStep(Schema):
    """The vehicles."""

    vehicles: _Members = Field(default_factory=list)


class PeopleStep(Schema):
    """The people who steer."""

    officers: _Members = Field(default_factory=list)


class ZonesStep(Schema):
    """The roads, areas, corridors and vertiports."""

    zones: _Members = Field(default_factory=list)


class Terms(Schema):
    """When, and under which conditions. Without windows: at all hours."""

    valid_from_ms: Milliseconds | None = None
    valid_until_ms: Milliseconds | None = None
    hours: Annotated[list[HoursWindow], Field(max_length=MOST_WINDOWS)] = Field(default_factory=list)
    conditions: ConditionsDraft = ConditionsDraft()


class TermsStep(Terms):
    """Those that are asked for.

    `hours_decided` is false in a change of a permit whose windows cannot be stated here, such as those
    that follow the sun: without windows it is then not complete, until the applicant says that none are
    wanted.
    """

    hours_decided: bool = True

    @property
    def lacks_hours(self) -> bool:
        """Whether nobody has said yet at which hours."""
        return not self.hours and not self.hours_decided


class SafetyStep(Schema):
    """The safety case in words; its files are attachments."""

    safety_case: Paragraphs = ""


class ApplicationDraft(SafetyStep, TermsStep, ZonesStep, PeopleStep, VehiclesStep, BasicsStep):
    """All steps, as far as they are filled in."""


class AttachmentOut(Schema):
    """An uploaded file. `file_name` is as its owner named it; `media_type` was found in its content."""

    id: str
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_at_ms: int


class ApplicationContent(ApplicationDraft):
    """What was submitted: complete."""

    trial_id: Identifier
    stage: Stage
    vehicles: Annotated[list[Identifier], Field(min_length=1)]
    zones: Annotated[list[Identifier], Field(min_length=1)]
    valid_from_ms: Milliseconds
    valid_until_ms: Milliseconds
    attachments: list[AttachmentOut]


class Submission(Schema):
    """A word to the regulator, if any."""

    comment: Paragraphs = ""


class ApplicationWithdrawal(Schema):
    """Why it is not wanted any more."""

    reason: Reason


#: The fields that a regulator can comment on, in the order of the steps.
CommentedField = Literal[
    "trial_id",
    "stage",
    "jurisdiction",
    "vehicles",
    "officers",
    "zones",
    "valid_from_ms",
    "valid_until_ms",
    "hours",
    "conditions",
    "safety_case",
    "attachments",
]


class FieldComment(Schema):
    """A comment on one field."""

    field: CommentedField
    comment: Reason


class ChangeRequest(Schema):
    """What must change before it can be decided: in general, and field by field."""

    reason: Reason
    comments: Annotated[list[FieldComment], Field(max_length=12)] = Field(default_factory=list)


class Rejection(Schema):
    """Why it is rejected."""

    reason: Reason


class Grant(Terms):
    """The terms that are granted, which may differ from those applied for.

    A failed entry gate needs `exception_reason`. A change of a permit replaces its terms, so that it
    needs `permit_revision`: the number of the permit's newest revision that the regulator has seen.
    """

    valid_from_ms: Milliseconds
    valid_until_ms: Milliseconds
    reason: Reason
    exception_reason: Paragraphs = ""
    permit_revision: Annotated[int | None, Field(ge=1)] = None


class EntryGate(Schema):
    """One demand of a stage, computed from what the platform itself has recorded.

    `experience`: kilometres and hours in automation on the requested zones since `since_ms`.
    `accident_free`: accidents of the applicant's vehicles since then, by decided fault, on days on which the
    vehicle drove on the requested zones or on which nothing is known of it; the others count as `elsewhere`.
    `insured_sum`: the smallest insured sum of the requested vehicles; `subjects` name those below.
    """

    code: Literal["experience", "accident_free", "insured_sum"]
    passed: bool
    required: dict[str, float]
    measured: dict[str, float]
    since_ms: int | None = None
    subjects: list[str] = Field(default_factory=list)


class Gap(Schema):
    """Something that is missing or does not fit, with the step where it is mended."""

    step: str
    field: str
    code: str
    detail: str
    params: dict[str, str | int | float]


class ApplicationEventOut(Schema):
    """A step in the life of an application, or a comment on one field of a revision."""

    at_ms: int
    state: ApplicationState
    revision: int | None
    field: str
    comment: str
    actor: str | None


class ApplicationSummary(Schema):
    """An application as lists show it."""

    number: str
    state: ApplicationState
    holder: str
    jurisdiction: str
    stage: Stage | None
    trial_id: str | None
    permit: str | None
    revision: int | None
    created_at_ms: int
    changed_at_ms: int
    version: int


class ApplicationOut(ApplicationSummary):
    """An application with its draft, and with what stands in its way now."""

    draft: ApplicationDraft
    attachments: list[AttachmentOut]
    gaps: list[Gap]
    gates: list[EntryGate]


class ApplicationRevisionOut(Schema):
    """A submitted revision. `gates` are as they were measured when it was submitted."""

    number: int
    submitted_at_ms: int
    content: ApplicationContent
    gates: list[EntryGate]


class Difference(Schema):
    """One field in two revisions, in plain words or identifiers; `changed` says whether they differ."""

    field: str
    before: list[str]
    after: list[str]
    changed: bool
