"""Zones in force as maps draw them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.schemas.base import Schema
from app.schemas.geojson import Feature
from app.schemas.live import Names
from geofences.zones import Datum, Unit, ZoneKind


class BandOut(Schema):
    """A vertical band; null: no bound on that side."""

    lower: float | None
    upper: float | None
    datum: Datum
    unit: Unit


class ZoneProperties(Schema):
    """What is public of a zone."""

    id: str
    kind: ZoneKind
    names: Names
    band: BandOut | None
    half_width_m: float | None
    speed_limit_mps: float | None
    schedule: Annotated[dict[str, Any] | None, Field(description="weekly windows; null: always")]
    authority: str
    starts_at_ms: int


class ZoneCollection(Schema):
    """The zones in force, also those whose schedule says that they are not active just now."""

    type: Literal["FeatureCollection"]
    generated_at_ms: int
    features: list[Feature[ZoneProperties]]
