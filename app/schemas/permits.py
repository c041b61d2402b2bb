"""Permits: what is decided on them, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from app.models import Stage
from app.schemas.base import Identifier, Milliseconds, Reason, Schema
from app.schemas.hours import ClockWindow, DayName
from app.schemas.live import ModeName, OfficerName
from app.services.permit_life import Decision
from telemetry.ports import PermitState

#: A walking pace short of standing still, and faster than any aircraft over a city.
_SLOWEST_KMH, _FASTEST_KMH = 1.0, 500.0
_MOST_MEMBERS = 1_000

Members = Annotated[list[Identifier] | None, Field(min_length=1, max_length=_MOST_MEMBERS)]


class DailyHours(ClockWindow):
    """One window of these weekdays, in Beijing time. An end that is earlier is on the next day."""

    days: Annotated[list[DayName], Field(min_length=1)]


class PlainDecision(Schema):
    """A decision that leaves the terms as they are."""

    decision: Literal[Decision.SUSPENDED, Decision.REINSTATED, Decision.REVOKED]
    reason: Reason


class Surrender(Schema):
    """The holder gives the permit back."""

    reason: Reason


class Tightening(Schema):
    """Tighter terms. What is not stated stays as it is; nothing may become wider."""

    vehicles: Members = None
    zones: Members = None
    officers: Annotated[
        list[Identifier] | None, Field(max_length=_MOST_MEMBERS, description="empty: every officer of the holder")
    ] = None
    valid_until_ms: Milliseconds | None = None
    stage: Annotated[Stage | None, Field(description="an earlier stage, with what it does not allow taken out")] = None
    hours: DailyHours | None = None
    speed_cap_kmh: Annotated[float | None, Field(ge=_SLOWEST_KMH, le=_FASTEST_KMH)] = None
    modes: Annotated[list[ModeName] | None, Field(min_length=1)] = None
    safety_officers: Annotated[list[OfficerName] | None, Field(min_length=1)] = None
    vehicles_per_remote_officer: Annotated[int | None, Field(ge=1, le=100)] = None
    passengers_allowed: bool | None = None
    minimum_accuracy_m: Annotated[float | None, Field(gt=0, le=100)] = None

    @model_validator(mode="before")
    @classmethod
    def _hours_left_empty(cls, given: Any) -> Any:
        """A form sends the days of a window also when no window is stated."""
        hours = given.get("hours") if isinstance(given, Mapping) else None
        if isinstance(hours, Mapping) and not hours.get("days") and not hours.get("start") and not hours.get("end"):
            return {name: value for name, value in given.items() if name != "hours"}
        return given


class Restriction(Tightening):
    """Tighter terms, and why."""

    reason: Reason


class Standing(StrEnum):
    """What a permit is worth at an instant: its state, and whether its period has begun and not ended."""

    UPCOMING = "upcoming"
    ISSUED = "issued"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SURRENDERED = "surrendered"


class BilingualName(Schema):
    """A name in both languages."""

    zh: str
    en: str


class ConditionsOut(Schema):
    """What a permit demands. `hours` is a weekly schedule; null stands for no bound, or always."""

    hours: Annotated[dict[str, Any] | None, Field(description="weekly windows in a named time zone; null: always")]
    speed_cap_mps: float | None
    modes: list[ModeName]
    safety_officers: list[OfficerName]
    vehicles_per_remote_officer: int | None
    passengers_allowed: bool
    minimum_accuracy_m: float | None


class PermitListed(Schema):
    """A permit in a list. `revision` is the number of its newest revision, its ETag."""

    number: str
    standing: Standing
    stage: Stage
    holder: Annotated[str, Field(description="the organisation's code")]
    jurisdiction: Annotated[str, Field(description="the issuing jurisdiction's code")]
    valid_from_ms: int
    valid_until_ms: int
    vehicle_count: int
    revision: int


class RevisionOut(Schema):
    """One decision: what it was, why, by whom, and the terms since. `starts_at_ms`: in force from."""

    number: int
    decision: Decision
    state: PermitState
    stage: Stage
    starts_at_ms: int
    valid_from_ms: int
    valid_until_ms: int
    conditions: ConditionsOut
    vehicles: list[str]
    zones: list[str]
    officers: list[str]
    reason: str
    decided_by: Annotated[str, Field(description="a person's name, or platform")]
    recorded_at_ms: int


class PermitOut(PermitListed):
    """A permit with the terms in force (before its first revision starts: those that will be)."""

    terms: RevisionOut


class PermitList(Schema):
    """One page of permits, by number."""

    items: list[PermitListed]
    next_cursor: str | None


class PermitRevisionList(Schema):
    """One page of revisions, newest first."""

    items: list[RevisionOut]
    next_cursor: str | None


class Verification(Schema):
    """What anybody may know of a permit. No vehicle, no plate, no person; `vehicle_count` is null below ten."""

    number: str
    standing: Standing
    stage: Stage
    holder: BilingualName
    jurisdiction: BilingualName
    valid_from_ms: int
    valid_until_ms: int
    zones: list[BilingualName]
    vehicle_count: int | None
    revision: int
    revised_at_ms: int
