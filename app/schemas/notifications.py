"""Channels of notification as their owners describe them, and what was sent on them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.models import ChannelKind, DeliveryState, Digest, Failure, Topic
from app.schemas.base import Identifier, Schema, Title
from telemetry.findings import Severity

_MOST_DELAY_MINUTES = 24 * 60


def _distinct(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
    return tuple(dict.fromkeys(topics))


_Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
_MinuteOfDay = Annotated[
    str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$"), Field(description="HH:MM in Beijing")
]


class ChannelTerms(Schema):
    """What a channel is for; a change replaces all of it. What is critical passes quiet hours and digests."""

    name: Title
    address: Annotated[_Address, Field(description="an e-mail address, or the https address of a webhook")]
    topics: Annotated[tuple[Topic, ...], Field(min_length=1, max_length=10), AfterValidator(_distinct)]
    minimum_severity: Annotated[Severity, Field(description="of alerts")] = Severity.WARNING
    delay_minutes: Annotated[
        int,
        Field(ge=0, le=_MOST_DELAY_MINUTES, description="place in the chain: alerts that nobody took care of by then"),
    ] = 0
    quiet_from: _MinuteOfDay | None = None
    quiet_until: _MinuteOfDay | None = None
    digest: Digest = Digest.NONE
    enabled: bool = False

    @model_validator(mode="after")
    def _quiet_hours_whole(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise PydanticCustomError("quiet_hours_half", "quiet hours have a beginning and an end")
        if self.quiet_from is not None and self.quiet_from == self.quiet_until:
            raise PydanticCustomError("window_empty", "quiet hours end at another time than they begin")
        return self


class NewChannel(ChannelTerms):
    """A channel to be added; its kind never changes.

    An operator's managers need not name an organisation; regulators name one of their jurisdictions;
    administrators name either.
    """

    kind: ChannelKind
    organisation: Identifier | None = None
    jurisdiction: Identifier | None = None


class ChannelOut(Schema):
    """A channel, without its secret."""

    channel_id: str
    organisation: str | None
    jurisdiction: str | None
    name: str
    kind: ChannelKind
    address: str
    topics: tuple[str, ...]
    minimum_severity: Severity
    delay_minutes: int
    quiet_from: str | None
    quiet_until: str | None
    digest: Digest
    enabled: bool
    paused_at_ms: Annotated[int | None, Field(description="since when it rests after too many failures")]
    created_at_ms: int
    version: int


class ChannelMade(ChannelOut):
    """A channel with the secret that its webhook is signed with, shown once; null for e-mail."""

    secret: str | None


class DeliveryOut(Schema):
    """One message and how it fared: `answer` is what the other side said to the last attempt."""

    delivery_id: str
    channel_id: str
    is_test: bool
    notices: int
    state: DeliveryState
    address: str
    created_at_ms: int
    attempts: int
    next_attempt_at_ms: int | None
    answered_at_ms: int | None
    answer_status: int | None
    answer: str
    failure: Failure | None
    sent_at_ms: int | None
