"""GeoJSON (RFC 7946) as answers carry it: EPSG:4326, lon then lat, then an altitude in metres."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field

from app.schemas.base import Schema

_P = TypeVar("_P")


class Geometry(Schema):
    """Any geometry."""

    type: Literal["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"]
    coordinates: list[Any]


class Feature(Schema, Generic[_P]):
    """A thing with a place; `properties` are those of its kind."""

    type: Literal["Feature"] = "Feature"
    id: Annotated[str | int | None, Field(description="public identifier")] = None
    geometry: Geometry
    properties: _P
