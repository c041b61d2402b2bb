"""Emergency geofences as they are declared and ended."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from shapely.geometry.base import BaseGeometry

from app.schemas.base import Identifier, Reason, Schema
from app.schemas.geometry import Geometry
from app.schemas.zones import Limit
from geofences.drawing import enclosing_circle
from geofences.errors import InvalidZone
from geofences.shapes import check_geometry
from geofences.zones import Datum, VerticalBand

SMALLEST_RADIUS_M, LARGEST_RADIUS_M = 10.0, 20_000.0
#: An hour, and at most a week: what is closed longer is a zone like any other.
USUAL_MIN, LONGEST_MIN = 60, 10_080

_MS_PER_MIN = 60_000

_AGL_OR_AMSL = Literal[Datum.AGL, Datum.AMSL]


class Surroundings(Schema):
    """Everything within some metres of a point in EPSG:4326."""

    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-84, le=84)]
    radius_m: Annotated[float, Field(ge=SMALLEST_RADIUS_M, le=LARGEST_RADIUS_M)]


class Lasting(Schema):
    """For how long a place is closed, from now on."""

    duration_min: Annotated[int, Field(ge=1, le=LONGEST_MIN)] = USUAL_MIN
    until_further_notice: bool = False

    def ends_at_ms(self, now_ms: int) -> int | None:
        """When it ends by itself; None: somebody ends it."""
        return None if self.until_further_notice else now_ms + self.duration_min * _MS_PER_MIN


class Prolongation(Lasting):
    """Until when an emergency lasts after all, and why."""

    reason: Reason


class ClosedArea(Schema):
    """What is closed: an outline or a circle, from the ground to the sky unless limited.

    Limits are metres above ground (AGL) or above mean sea level (AMSL).
    """

    geometry: Annotated[Geometry | None, Field(description="a Polygon or MultiPolygon; or give a circle")] = None
    circle: Surroundings | None = None
    lower_m: Limit | None = None
    upper_m: Limit | None = None
    datum: _AGL_OR_AMSL | None = Field(default=None, validate_default=True)

    @field_validator("geometry")
    @classmethod
    def _is_area(cls, geometry: BaseGeometry | None) -> BaseGeometry | None:
        if geometry is None:
            return None
        if "Line" in geometry.geom_type:
            raise PydanticCustomError("area_needed", "an area is needed, not a line")
        try:
            check_geometry(geometry, None)
        except InvalidZone as reason:
            raise PydanticCustomError(reason.rule, "{reason}", {"reason": str(reason)}) from reason
        return geometry

    @field_validator("upper_m")
    @classmethod
    def _above(cls, upper_m: float | None, info: ValidationInfo) -> float | None:
        lower_m = info.data.get("lower_m")
        if upper_m is not None and lower_m is not None and upper_m < lower_m:
            raise PydanticCustomError("band_upside_down", "the upper limit lies below the lower one")
        return upper_m

    @field_validator("datum")
    @classmethod
    def _named(cls, datum: Datum | None, info: ValidationInfo) -> Datum | None:
        if datum is None and any(info.data.get(limit) is not None for limit in ("lower_m", "upper_m")):
            raise PydanticCustomError("datum_missing", "a height needs its reference")
        return datum

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if (self.geometry is None) == (self.circle is None):
            raise PydanticCustomError("one_shape_needed", "draw an outline or give a circle, one of them")
        return self

    @property
    def area(self) -> BaseGeometry:
        """What is closed, EPSG:4326; a circle as a polygon that holds all of it."""
        if self.circle is not None:
            return enclosing_circle(self.circle.lon, self.circle.lat, self.circle.radius_m)
        assert self.geometry is not None
        return self.geometry

    @property
    def band(self) -> VerticalBand | None:
        """Its vertical limits, if it has one."""
        if self.datum is None or (self.lower_m is None and self.upper_m is None):
            return None
        return VerticalBand(self.lower_m, self.upper_m, self.datum)


class Declaration(ClosedArea, Lasting):
    """What is closed, where, why and for how long."""

    jurisdiction: Identifier
    reason: Reason


class EmergencyEnd(Schema):
    """Why it is over."""

    reason: Reason
