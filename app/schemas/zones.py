"""What a zone's revision says, once for the API, the editor and zone files."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from shapely.geometry.base import BaseGeometry

from app.schemas.base import IDENTIFIER_OR_NOTHING, Identifier, Line, Milliseconds, Reason, Schema, Title
from app.schemas.geometry import Geometry, WeeklySchedule
from geofences.errors import InvalidZone
from geofences.shapes import check_geometry
from geofences.zones import Datum, Unit, VerticalBand, ZoneKind

#: Wider than any road or corridor.
WIDEST_M = 5_000.0
#: About the speed of sound: no limit of a city is above it.
FASTEST_MPS = 340.0
_HIGHEST = 100_000.0

Limit = Annotated[float, Field(ge=-_HIGHEST, le=_HIGHEST)]


class Band(Schema):
    """A vertical band; a side without a limit is open. Without any limit there is no band."""

    lower: Limit | None = None
    upper: Limit | None = None
    datum: Datum | None = Field(default=None, validate_default=True)
    unit: Unit = Unit.METRE

    @field_validator("upper")
    @classmethod
    def _above(cls, upper: float | None, info: ValidationInfo) -> float | None:
        lower = info.data.get("lower")
        if upper is not None and lower is not None and upper < lower:
            raise PydanticCustomError("band_upside_down", "the upper limit lies below the lower one")
        return upper

    @field_validator("datum")
    @classmethod
    def _named(cls, datum: Datum | None, info: ValidationInfo) -> Datum | None:
        limits = (info.data.get("lower"), info.data.get("upper"))
        if datum is None and any(limit is not None for limit in limits):
            raise PydanticCustomError("datum_missing", "a height needs its reference")
        return datum


class ZoneContent(Schema):
    """What a zone is; when it starts is said beside it."""

    kind: ZoneKind
    name_zh: Title
    name_en: Title
    geometry: Geometry
    half_width_m: Annotated[
        float | None,
        Field(gt=0, le=WIDEST_M, validate_default=True, description="of lines, in metres; areas have none"),
    ] = None
    band: Band | None = None
    speed_limit_mps: Annotated[
        float | None,
        Field(gt=0, le=FASTEST_MPS, validate_default=True, description="of speed-limit zones, and of each of them"),
    ] = None
    schedule: WeeklySchedule | None = None
    authority: Line = ""
    jurisdiction: Annotated[str, StringConstraints(pattern=IDENTIFIER_OR_NOTHING), Field(description="its code")] = ""

    @field_validator("geometry")
    @classmethod
    def _sound(cls, geometry: BaseGeometry) -> BaseGeometry:
        # Any width will do here: the width itself is looked at below.
        _check(geometry, 1.0 if "Line" in geometry.geom_type else None)
        return geometry

    @field_validator("half_width_m")
    @classmethod
    def _fits_geometry(cls, half_width_m: float | None, info: ValidationInfo) -> float | None:
        if "geometry" in info.data:
            _check(info.data["geometry"], half_width_m)
        return half_width_m

    @field_validator("speed_limit_mps")
    @classmethod
    def _fits_kind(cls, limit_mps: float | None, info: ValidationInfo) -> float | None:
        kind = info.data.get("kind")
        if kind is ZoneKind.SPEED_LIMIT and limit_mps is None:
            raise PydanticCustomError("speed_limit_missing", "a speed-limit zone needs its limit")
        if kind is not None and kind is not ZoneKind.SPEED_LIMIT and limit_mps is not None:
            raise PydanticCustomError("speed_limit_unwanted", "only a speed-limit zone has a limit")
        return limit_mps

    @property
    def vertical_band(self) -> VerticalBand | None:
        """The band, if it has a limit."""
        band = self.band
        if band is None or band.datum is None or (band.lower is None and band.upper is None):
            return None
        return VerticalBand(band.lower, band.upper, band.datum, band.unit)


class ZoneDetails(ZoneContent):
    """A revision to be published: it starts at `starts_at_ms` (absent: now) and ends, if ever, at `ends_at_ms`."""

    starts_at_ms: Milliseconds | None = None
    ends_at_ms: Milliseconds | None = None
    reason: Reason

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.ends_at_ms is not None and self.starts_at_ms is not None and self.ends_at_ms <= self.starts_at_ms:
            raise PydanticCustomError("ends_before_start", "the end lies before the start")
        return self


class NewZone(ZoneDetails):
    """A zone that does not exist yet, with its identifier."""

    zone_id: Identifier


class ImportedZone(ZoneContent):
    """A zone of a file: its start is said for the whole file."""

    zone_id: Identifier


class ZoneImport(Schema):
    """The publication of a whole file: one start (absent: now), one reason."""

    starts_at_ms: Milliseconds | None = None
    reason: Reason


class Circle(Schema):
    """A circle to be drawn: EPSG:4326, metres."""

    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-84, le=84)]
    radius_m: Annotated[float, Field(gt=0, le=20_000)]


class ZoneEnd(Schema):
    """The end of a zone: at `ends_at_ms` (absent: now)."""

    ends_at_ms: Milliseconds | None = None
    reason: Reason


def _check(geometry: BaseGeometry, half_width_m: float | None) -> None:
    try:
        check_geometry(geometry, half_width_m)
    except InvalidZone as reason:
        raise PydanticCustomError(reason.rule, "{reason}", {"reason": str(reason)}) from reason
