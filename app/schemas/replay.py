"""Replay: trails of vehicles as columns."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.schemas.base import Identifier, Milliseconds, Schema
from app.schemas.live import ModeName, Names, OfficerName
from app.schemas.zone_features import ZoneCollection
from app.services.fleet_trails import LONGEST_STEP_MS
from telemetry.samples import VehicleKind

_MOST_POINTS = 20_000


class TrailQuery(Schema):
    """Which part of a vehicle's samples; without times the last ten minutes."""

    since_ms: Milliseconds | None = None
    until_ms: Annotated[Milliseconds | None, Field(description="excluded; absent: now")] = None
    most: Annotated[int, Field(ge=2, le=_MOST_POINTS, description="points at most")] = 1_200


class SectionQuery(Schema):
    """Which period, and how close together samples are wanted."""

    since_ms: Milliseconds
    until_ms: Annotated[Milliseconds, Field(description="excluded")]
    step_ms: Annotated[
        int, Field(ge=1, le=LONGEST_STEP_MS, description="the last sample of each mode and verdict in it is told")
    ] = 1_000


class TrailOut(Schema):
    """Samples of one vehicle in the order of (timestamp, seq), as columns of equal length; null: not stated."""

    vehicle_id: str
    kind: VehicleKind
    operator: str
    operator_names: Names
    total: Annotated[int, Field(description="samples before any was left out")]
    gaps: Annotated[list[int], Field(description="places of points before which nothing is known for over 10 s")]
    timestamp_ms: list[int]
    seq: list[int]
    lon: list[float]
    lat: list[float]
    altitude_m: list[float | None]
    altitude_datum: list[str | None]
    heading_deg: list[float | None]
    speed_mps: list[float | None]
    mode: list[ModeName | None]
    safety_officer: list[OfficerName | None]
    battery_percent: list[float | None]
    verdict: Annotated[list[int], Field(description="keys of `findings`; 0: none")]
    undecided: Annotated[list[int], Field(description="keys of `findings`: what could not be decided")]
    late: Annotated[list[bool], Field(description="stored too late for alerts and for the live picture")]


class SectionOut(Schema):
    """Trails of [since_ms, until_ms). `findings` has the codes of docs/findings.md of each mask that occurs."""

    since_ms: int
    until_ms: int
    findings: dict[str, list[str]]
    trails: list[TrailOut]


class FleetSectionOut(Schema):
    """All vehicles in [since_ms, until_ms), packed: a column of vehicles each, and columns of all their points.

    The points of the first vehicle come first, then those of the second: `points` says how many each has. Of
    `timestamp_ms`, `lon`, `lat` and `seq` the first of a vehicle is told (the time as of `since_ms`), then by how much
    each differs from the one before. Names are told by their places in a list, -1: not stated.
    """

    since_ms: int
    until_ms: Annotated[int, Field(description="how far it reaches: the next section begins here")]
    findings: Annotated[dict[str, list[str]], Field(description="codes of docs/findings.md by mask")]
    altitude_datums: list[str]
    modes: list[ModeName]
    safety_officers: list[OfficerName]
    vehicle_id: list[str]
    kind: list[VehicleKind]
    points: list[int]
    gaps: Annotated[list[int], Field(description="places of points before which nothing is known for over 10 s")]
    late: Annotated[list[int], Field(description="places of points stored too late for alerts and the live picture")]
    timestamp_ms: list[int]
    seq: list[int]
    lon: Annotated[list[int], Field(description="of 0.0000001 degrees")]
    lat: Annotated[list[int], Field(description="of 0.0000001 degrees")]
    altitude_m: list[float | None]
    altitude_datum: Annotated[list[int], Field(description="places in `altitude_datums`")]
    heading_deg: list[float | None]
    speed_mps: list[float | None]
    mode: Annotated[list[int], Field(description="places in `modes`")]
    safety_officer: Annotated[list[int], Field(description="places in `safety_officers`")]
    battery_percent: list[float | None]
    verdict: Annotated[list[int], Field(description="keys of `findings`; 0: none")]
    undecided: Annotated[list[int], Field(description="keys of `findings`: what could not be decided")]


class InstantQuery(Schema):
    """Which instant."""

    at_ms: Milliseconds


class PastZones(ZoneCollection):
    """The zones that were in force at an instant, and from `generated_at_ms` until `until_ms`."""

    until_ms: int


class ReplayView(Schema):
    """What a link to a replay says: the period, the instant, how fast, and what is looked at."""

    since_ms: Milliseconds | None = None
    until_ms: Milliseconds | None = None
    at_ms: Milliseconds | None = None
    speed: Annotated[int, Field(ge=1, le=60)] = 1
    vehicle: Identifier | None = None
    lat: Annotated[float | None, Field(ge=-90, le=90)] = None
    lon: Annotated[float | None, Field(ge=-180, le=180)] = None
    zoom: Annotated[float | None, Field(ge=0, le=22)] = None
