"""What the alert board shows, as a person saves it under a name."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.schemas.base import Identifier, Line, Schema, Title
from telemetry.findings import Severity
from telemetry.samples import VehicleKind


class Shown(StrEnum):
    """Alerts by how far people have come with them; `new` is what nobody has seen yet."""

    ALL = "all"
    NEW = "new"
    MINE = "mine"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class Grouping(StrEnum):
    """Which alerts of one finding the board puts together."""

    VEHICLE = "vehicle"
    PLACE = "place"
    FINDING = "finding"
    NONE = "none"


class Criteria(Schema):
    """A filter of the alert board; null: any. `organisation` is the operator's code, `zone` a zone's id."""

    shown: Shown = Shown.ALL
    severities: Annotated[list[Severity], Field(max_length=len(Severity))] = Field(default_factory=list)
    finding: Identifier | None = None
    organisation: Identifier | None = None
    kind: VehicleKind | None = None
    zone: Identifier | None = None
    text: Line = ""
    grouping: Grouping = Grouping.VEHICLE


class NewFilter(Schema):
    """A filter and its name."""

    name: Title
    criteria: Criteria


class SavedFilterOut(Schema):
    """A filter as it is kept."""

    id: int
    name: str
    criteria: Criteria
    version: int
