"""Mutual recognition: one jurisdiction's decision on the permits of another."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.models.permits import Stage
from app.schemas.base import Identifier, Milliseconds, Reason, Schema

#: So that nobody replaces a decision that they have not seen.
SeenDecision = Annotated[
    int,
    Field(ge=0, le=2**63 - 1, description="id of this pair's newest decision as the caller has read it; 0: none yet"),
]


class RecognitionDetails(Schema):
    """`recogniser` accepts the permits that `issuer` issues, for these stages, within a period.

    Without `valid_from_ms` from now on, without `valid_until_ms` until further notice.
    """

    recogniser: Identifier
    issuer: Identifier
    stages: Annotated[frozenset[Stage], Field(min_length=1)]
    valid_from_ms: Milliseconds | None = None
    valid_until_ms: Milliseconds | None = None
    reason: Reason
    seen: SeenDecision

    @model_validator(mode="after")
    def _of_another(self) -> Self:
        if self.recogniser == self.issuer:
            raise PydanticCustomError("recognises_itself", "a jurisdiction recognises others, not itself")
        from_ms, until_ms = self.valid_from_ms, self.valid_until_ms
        if from_ms is not None and until_ms is not None and until_ms <= from_ms:
            raise PydanticCustomError("ends_before_start", "the end lies before the start")
        return self


class RecognitionEnd(Schema):
    """The permits of `issuer` are no longer accepted, from now on."""

    recogniser: Identifier
    issuer: Identifier
    reason: Reason
    seen: SeenDecision


class RecognitionOut(Schema):
    """One decision. Without stages: no longer recognised. `is_newest`: no later one replaces it."""

    id: int
    recogniser: str
    issuer: str
    stages: list[Stage]
    starts_at_ms: int
    valid_from_ms: int
    valid_until_ms: int | None
    reason: str
    actor: str
    recorded_at_ms: int
    is_newest: bool
