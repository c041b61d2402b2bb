"""Directives: what a duty officer orders, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.models import Cause, Outcome
from app.schemas.base import Identifier, Reason, Schema
from app.schemas.emergencies import Surroundings
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
        Geometry | None, Field(description="of `leave` only: the area to be left; without any, where it may not be")
    ] = None
    circle: Annotated[Surroundings | None, Field(description="of `leave` only: in the place of an area")] = None
    zone: Annotated[Identifier | None, Field(description="of `leave` only: a zone in force, with its limits")] = None

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        if (self.kind is DirectiveKind.SLOW) != (self.speed_kmh is not None):
            raise PydanticCustomError("speed_of_slow", "the speed belongs to the order to slow down, which needs it")
        places = [each for each in (self.place, self.circle, self.zone) if each is not None]
        if places and self.kind is not DirectiveKind.LEAVE:
            raise PydanticCustomError("place_of_leave", "a place belongs to the order to leave it")
        if len(places) > 1:
            raise PydanticCustomError("one_place", "an area, a circle or a zone, one of them")
        if self.place is not None and self.place.geom_type not in _AREAS:
            raise PydanticCustomError("place_no_area", "what is to be left is an area")
        return self


class ReleaseReason(Schema):
    """Why it is not demanded any more, complied with or not."""

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
    zones: list[str]
    until_ms: Annotated[int | None, Field(description="when it will be over by itself, as far as is known")]
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
    release_owed: Annotated[bool, Field(description="it is over, and the vehicle has not said that it knows")]
    outcome: Outcome | None
    version: int
