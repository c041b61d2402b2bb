"""What if: which period, which draft, and what would have been different."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.models import Stage
from app.schemas.base import Identifier, Line, Milliseconds, Schema
from app.schemas.permits import Members, Tightening
from app.schemas.zones import ZoneContent
from telemetry.findings import Severity


class DraftZone(ZoneContent):
    """A zone that is not published: a new one, or other content of one that exists (its kind stays)."""

    zone_id: Identifier
    name_zh: Line = ""
    name_en: Line = ""


class DraftTerms(Tightening):
    """Other terms of a permit, tighter or wider. What is not stated stays as it was."""

    stage: Annotated[
        Stage | None, Field(description="another stage of its domain, with what that does not allow taken out")
    ] = None


class WhatIf(Schema):
    """A past period, judged against a draft: of a zone, or of the terms of the permit `permit`."""

    since_ms: Milliseconds
    until_ms: Annotated[Milliseconds, Field(description="excluded; 6 hours after the beginning at most")]
    vehicles: Annotated[Members, Field(description="absent: the permit's, or all that the caller sees")] = None
    zone: DraftZone | None = None
    permit: Annotated[Identifier | None, Field(description="a permit's number; with `terms`")] = None
    terms: DraftTerms | None = None

    @model_validator(mode="after")
    def _one_draft(self) -> Self:
        if (self.permit is None) is not (self.terms is None) or (self.zone is None) is (self.terms is None):
            raise PydanticCustomError("one_draft", "give either a zone, or a permit with its terms")
        return self


class InstantOut(Schema):
    """Where to look in the replay."""

    vehicle_id: str
    timestamp_ms: int


class ShiftOut(Schema):
    """Samples that would newly have a finding, or no longer."""

    finding: str
    severity: Severity
    change: Literal["found", "no_longer_found"]
    samples: int
    vehicles: int
    first_ms: int
    last_ms: int
    examples: Annotated[list[InstantOut], Field(description="of ten vehicles at most, the first instant of each")]


EpisodeChange = Literal["opened", "not_opened", "moved"]


class EpisodeOut(Schema):
    """An alert that would have opened, would not, or would at another time (`instead_ms`)."""

    change: EpisodeChange
    vehicle_id: str
    finding: str
    severity: Severity
    opened_at_ms: int
    instead_ms: int | None


class WhatIfOut(Schema):
    """What would have been different. Nothing of it is stored, nothing was sent to anybody."""

    since_ms: int
    until_ms: int
    samples: Annotated[int, Field(description="judged twice and compared")]
    vehicles: int
    shifts: list[ShiftOut]
    alerts_opened: int
    alerts_not_opened: int
    alerts_moved: int
    alerts: Annotated[list[EpisodeOut], Field(description="the first 500 of them")]


class ZoneQuestion(DraftZone):
    """A form with a draft zone; no vehicle named: all that the caller sees."""

    since_ms: Milliseconds
    until_ms: Milliseconds
    vehicles: Annotated[list[Identifier], Field(default_factory=list)]

    def asked(self) -> WhatIf:
        """The question."""
        draft = DraftZone.model_validate({name: getattr(self, name) for name in DraftZone.model_fields})
        return WhatIf(since_ms=self.since_ms, until_ms=self.until_ms, vehicles=self.vehicles or None, zone=draft)


class PermitQuestion(DraftTerms):
    """A form with other terms of a permit."""

    since_ms: Milliseconds
    until_ms: Milliseconds

    def asked(self, number: str) -> WhatIf:
        """The question about the permit of this number."""
        stated = {name: getattr(self, name) for name in self.model_fields_set if name in DraftTerms.model_fields}
        terms = DraftTerms.model_validate(stated)
        return WhatIf(since_ms=self.since_ms, until_ms=self.until_ms, permit=number, terms=terms)


class WhatIfStart(Schema):
    """Where a question begins: the period that is looked at."""

    since_ms: Milliseconds | None = None
    until_ms: Milliseconds | None = None
