"""Zones with their revisions, as the API gives them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.schemas.base import Schema
from app.schemas.geojson import Feature
from app.schemas.live import Names
from app.schemas.zone_features import BandOut
from geofences.zones import ZoneKind

ZoneState = Literal["in_force", "upcoming", "ended"]


class ZoneRevisionProperties(Schema):
    """One immutable revision of a zone. It is in force in [in_force_from_ms, in_force_until_ms).

    Both are null for a revision that a later one replaced before it started; `in_force_until_ms` is
    null until further notice.
    """

    zone_id: str
    kind: ZoneKind
    state: Annotated[ZoneState, Field(description="of the zone, now")]
    revision: Annotated[int, Field(description="number from 1")]
    revision_id: Annotated[int, Field(description="the ETag to send in If-Match, when it is the newest")]
    names: Names
    half_width_m: float | None
    band: BandOut | None
    speed_limit_mps: float | None
    schedule: dict[str, Any] | None
    authority: str
    jurisdiction: str
    starts_at_ms: int
    ends_at_ms: int | None
    in_force_from_ms: int | None
    in_force_until_ms: int | None
    reason: str
    actor: str
    recorded_at_ms: int


class ZoneRevisionCollection(Schema):
    """Revisions as features: lines as lines, with their half widths beside them."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[Feature[ZoneRevisionProperties]]
    next_cursor: str | None


class AffectedPermitOut(Schema):
    """A permit that a change would touch."""

    number: str
    vehicles: int


class ZoneEffects(Schema):
    """What the change would touch; nothing was published."""

    permits: list[AffectedPermitOut]
    vehicles: int


class FeatureProblem(Schema):
    """What is wrong with one attribute."""

    path: str
    code: str
    detail: str


class ImportedFeature(Schema):
    """One feature of a file, by its place from 0."""

    place: int
    zone_id: str
    state: Literal["new", "changed", "unchanged", "invalid"]
    problems: list[FeatureProblem]


class ZoneImportOut(Schema):
    """What the file does, or with `dry_run` would do."""

    published: int
    features: list[ImportedFeature]
