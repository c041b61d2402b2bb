"""Directives: what a duty officer orders, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.models import Cause, Outcome
from app.schemas.base import Identifier, Reason, Schema
from app.schemas.geometry import Geometry
from app.services.directive_register import Progress
from telemetry.directives import DirectiveKind, Reply

_MOST_VEHICLES = 500
#: Nobody obeys at once, and what may wait for longer than a day is no order.
_SHORTEST_S, _LONGEST_S = 10, 86_400
_SLOWEST_KMH, _FASTEST_KMH = 1.0, 500.0
_AREAS = frozenset({"Polygon", "MultiPolygon"})


class Order(Schema):
    """What vehicles are to do now, and until when at the latest."""

    vehicles: Annotated[list[Identifier], Field(min_length=1, max_length=_MOST_VEHICLES)]
    kind: DirectiveKind
    reason: Reason
    deadline_s: Annotated[int, Field(ge=_SHORTEST_S, le=_LONGEST_S, description="from now")] = 120
    speed_kmh: Annotated[
        float | None, Field(ge=_SLOWEST_KMH, le=_FASTEST_KMH, description="of `slow` only, and needed there")
    ] = None
    place: Annotated[
        Geometry | None, Field(description="of `leave` only: the area to be left; without it, where it may not be")
    ] = None

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        if (self.kind is DirectiveKind.SLOW) != (self.speed_kmh is not None):
            raise PydanticCustomError("speed_of_slow", "the speed belongs to the order to slow down, which needs it")
        if self.place is not None and self.kind is not DirectiveKind.LEAVE:
            raise PydanticCustomError("place_of_leave", "a place belongs to the order to leave it")
        if self.place is not None and self.place.geom_type not in _AREAS:
            raise PydanticCustomError("place_no_area", "what is to be left is an area")
        return self


class Withdrawal(Schema):
    """Why it is not demanded any more."""

    reason: Reason


class AnswerOut(Schema):
    """What a vehicle answered: `answered_at_ms` by its own clock, `received_at_ms` by the platform's."""

    reply: Reply
    detail: str
    answered_at_ms: int
    received_at_ms: int


class DirectiveOut(Schema):
    """A directive and what became of it. `progress` is how far it has come now.

    `cause_id` is the number of the permit whose decision caused it. A speed is in m/s.
    """

    directive_id: str
    vehicle_id: str
    organisation: str
    jurisdiction: str
    kind: DirectiveKind
    cause: Cause
    cause_id: str
    reason: str
    speed_mps: float | None
    place: dict[str, Any] | None
    issued_at_ms: int
    issued_by: str | None
    deadline_ms: int
    progress: Progress
    sent_at_ms: int | None
    delivered_at_ms: int | None
    answers: list[AnswerOut]
    refused_at_ms: int | None
    unanswered_at_ms: int | None
    overdue_at_ms: int | None
    complied_at_ms: int | None
    complied_seq: int | None
    settled_at_ms: int | None
    settled_by: str | None
    settled_reason: str
    outcome: Outcome | None
    version: int
