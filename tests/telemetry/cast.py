"""The fixed cast of the telemetry tests: places, permits, vehicles, and in-memory twins of registry and store."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from shapely.geometry import LineString, Polygon, box

from geofences.datum import VerticalReference
from geofences.zones import FOREVER_MS, Datum, VerticalBand, ZoneKind, ZoneRevision
from telemetry.directives import Obeyed
from telemetry.errors import StaleRegistry, StoreUnavailable
from telemetry.findings import Finding
from telemetry.messages import Message, partition_of, telemetry_topic
from telemetry.pipeline import FlushResult, Pipeline, PipelineSettings
from telemetry.ports import (
    AlertChange,
    Encounter,
    Flush,
    OfficerRecord,
    OutboxMessage,
    PermitState,
    PermitTerms,
    RegistrySnapshot,
    Reject,
    StoredAnswer,
    TrackState,
    VehicleRecord,
)
from telemetry.samples import JudgedBatch, SampleBatch, VehicleKind

#: Thursday, 2024-11-21, 07:43:10 UTC.
T0 = 1_732_174_990_000

# A local plane: metres east and north of the origin, good to millimetres over the few kilometres used.
ORIGIN_LON, ORIGIN_LAT = 113.9, 22.52
_LAT_M = 110_745.0
_LON_M = 111_320.0 * math.cos(math.radians(ORIGIN_LAT)) * 1.00049


def degrees(east_m: float, north_m: float) -> tuple[float, float]:
    """lon, lat of a point of the cast's plane."""
    return ORIGIN_LON + east_m / _LON_M, ORIGIN_LAT + north_m / _LAT_M


def square(west_m: float, south_m: float, east_m: float, north_m: float) -> Polygon:
    return box(*degrees(west_m, south_m), *degrees(east_m, north_m))


def vehicle(key: int, kind: VehicleKind = VehicleKind.ROAD) -> VehicleRecord:
    vehicle_id = f"{'CAR' if kind is VehicleKind.ROAD else 'EVTOL'}-{key:04d}"
    return VehicleRecord(key, vehicle_id, kind, partition_of(vehicle_id))


CAR, OTHER_CAR, STRAY_CAR = vehicle(1), vehicle(2), vehicle(3)
EVTOL = vehicle(9, VehicleKind.AIR)

# The area lies 0..1000 m east and north; the road leaves it to the east; a fence 2 m thin stands
# across the road; the yard is a restricted block; the school street is slow; the corridor is above.
AREA = ZoneRevision(101, "area", ZoneKind.TEST_AREA, square(0, 0, 1000, 1000), 0)
ROAD = ZoneRevision(
    102,
    "road",
    ZoneKind.TEST_ROAD,
    LineString([degrees(990, 500), degrees(3000, 500)]),
    0,
    half_width_m=10.0,
)
FENCE = ZoneRevision(103, "fence", ZoneKind.RESTRICTED, square(2000, 400, 2002, 600), 0)
YARD = ZoneRevision(104, "yard", ZoneKind.RESTRICTED, square(600, 600, 700, 700), 0)
SCHOOL = ZoneRevision(105, "school", ZoneKind.SPEED_LIMIT, square(100, 100, 300, 300), 0, speed_limit_mps=8.0)
CORRIDOR = ZoneRevision(
    106,
    "corridor",
    ZoneKind.AIR_CORRIDOR,
    LineString([degrees(-3000, -2000), degrees(3000, -2000)]),
    0,
    half_width_m=50.0,
    band=VerticalBand(60.0, 120.0, Datum.AGL),
)
ZONES = (AREA, ROAD, FENCE, YARD, SCHOOL, CORRIDOR)

HOLDER = 31
GROUND_TERMS = PermitTerms(
    revision_id=201,
    permit_id=21,
    holder=HOLDER,
    state=PermitState.ISSUED,
    starts_at_ms=0,
    ends_at_ms=FOREVER_MS,
    valid_from_ms=0,
    valid_until_ms=FOREVER_MS,
    vehicles=frozenset({CAR.key, OTHER_CAR.key}),
    zone_ids=frozenset({"area", "road"}),
)
AIR_TERMS = replace(
    GROUND_TERMS, revision_id=202, permit_id=22, vehicles=frozenset({EVTOL.key}), zone_ids=frozenset({"corridor"})
)
_YEAR_MS = 365 * 86_400_000
OFFICERS = {
    "SO-1": OfficerRecord(HOLDER, T0 + _YEAR_MS),
    "SO-2": OfficerRecord(HOLDER, T0 + _YEAR_MS),
    "SO-LAPSED": OfficerRecord(HOLDER, T0 - 1),
    "SO-OTHERS": OfficerRecord(HOLDER + 1, T0 + _YEAR_MS),
}


def snapshot(
    *permits: PermitTerms,
    zones: Sequence[ZoneRevision] = ZONES,
    vehicles: Sequence[VehicleRecord] = (CAR, OTHER_CAR, STRAY_CAR, EVTOL),
    generation: int = 1,
    vertical: VerticalReference | None = None,
) -> RegistrySnapshot:
    return RegistrySnapshot(
        generation=generation,
        vehicles=vehicles,
        zones=zones,
        permits=permits or (GROUND_TERMS, AIR_TERMS),
        officers=OFFICERS,
        vertical=vertical or VerticalReference(ground_elevation_m=10.0),
    )


@dataclass
class MemoryRegistry:
    """telemetry.ports.Registry over a list of snapshots; the last one is in force."""

    snapshots: list[RegistrySnapshot] = field(default_factory=lambda: [snapshot()])

    def generation(self) -> int:
        return self.snapshots[-1].generation

    def snapshot(self, generation: int | None = None) -> RegistrySnapshot:
        if generation is None:
            return self.snapshots[-1]
        return next(known for known in self.snapshots if known.generation == generation)

    def change(self, new: RegistrySnapshot) -> None:
        self.snapshots.append(replace(new, generation=self.generation() + 1))


Row = dict[str, Any]


@dataclass
class MemoryStore:
    """telemetry.ports.Store in dictionaries: natural keys, one transaction, refusal of stale flushes."""

    registry: MemoryRegistry
    rows: dict[tuple[int, int, int], Row] = field(default_factory=dict)
    rejected: dict[bytes, Reject] = field(default_factory=dict)
    alerts: dict[tuple[int, int, int, int], AlertChange] = field(default_factory=dict)
    states: dict[int, TrackState] = field(default_factory=dict)
    outbox: list[OutboxMessage] = field(default_factory=list)
    known_directives: dict[str, tuple[int, int]] = field(default_factory=dict)
    answers: list[StoredAnswer] = field(default_factory=list)
    obeyed: list[Obeyed] = field(default_factory=list)
    encounters: list[Encounter] = field(default_factory=list)
    failures: int = 0
    lost_answers: int = 0
    before_commit: list[RegistrySnapshot] = field(default_factory=list)

    def tracks(self, vehicles: Collection[int]) -> list[TrackState]:
        return [self.states[key] for key in vehicles if key in self.states]

    def stored(self, keys: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        return {key for key in keys if key in self.rows}

    def commit(self, flush: Flush) -> None:
        if self.before_commit:
            self.registry.change(self.before_commit.pop(0))
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the disk is full")
        if flush.judged.generation != self.registry.generation():
            raise StaleRegistry
        for row in rows_of(flush.judged):
            self.rows.setdefault((row["vehicle"], row["timestamp_ms"], row["seq"]), row)
        for reject in flush.rejects:
            self.rejected.setdefault(reject.digest, reject)
        for alert in flush.alerts:
            self.alerts[alert.vehicle, int(alert.finding), alert.opened_at_ms, alert.opened_seq] = alert
        self.states.update({state.vehicle: state for state in flush.tracks})
        self.outbox.extend(flush.outbox)
        self.answers.extend(flush.answers)
        self.obeyed.extend(flush.obeyed)
        self.encounters.extend(flush.encounters)
        if self.lost_answers:
            self.lost_answers -= 1
            raise StoreUnavailable("the connection ended during COMMIT")

    def directives(self, directive_ids: Collection[str]) -> dict[str, tuple[int, int]]:
        return {name: self.known_directives[name] for name in directive_ids if name in self.known_directives}

    def pending(self, limit: int, _partitions: Collection[int] = ()) -> list[tuple[int, OutboxMessage]]:
        return list(enumerate(self.outbox))[:limit]

    def sent(self, keys: Collection[int], _at_ms: int) -> None:
        self.outbox = [message for place, message in enumerate(self.outbox) if place not in set(keys)]


def rows_of(judged: JudgedBatch) -> list[Row]:
    """One dictionary a sample, NaN as None so that rows compare."""
    columns: dict[str, list[Any]] = {}
    for column in fields(SampleBatch):
        values = getattr(judged.samples, column.name)
        columns[column.name] = values if isinstance(values, list) else values.tolist()
    for name in ("verdict", "undecided", "late", "zone_revision", "permit_revision"):
        columns[name] = getattr(judged, name).tolist()
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for row in rows:
        row["generation"] = judged.generation
        row.update({name: None for name, value in row.items() if isinstance(value, float) and math.isnan(value)})
    return rows


def batch_of(rows: Sequence[Row]) -> JudgedBatch:
    """The stored rows as a judged batch again; all of one generation."""

    def column(name: str) -> Any:
        values = [row[name] for row in rows]
        kind = SampleBatch.__annotations__.get(name, "Flags" if name == "late" else "Integers")
        if kind.startswith("list"):
            return values
        types = {"Integers": np.int64, "Reals": np.float64, "Codes": np.int8, "Flags": np.bool_}
        return np.array([np.nan if value is None else value for value in values], dtype=types[kind])

    samples = SampleBatch(**{name.name: column(name.name) for name in fields(SampleBatch)})
    judged = {name: column(name) for name in ("verdict", "undecided", "late", "zone_revision", "permit_revision")}
    return JudgedBatch(samples=samples, generation=rows[0]["generation"], **judged)


@dataclass
class World:
    """A pipeline over the twins, driven sample by sample."""

    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.registry)
        self.pipeline = self.restarted()

    def restarted(self) -> Pipeline:
        """A pipeline that remembers nothing but what is stored."""
        self.pipeline = Pipeline(self.registry, self.store, lambda: T0, PipelineSettings(worker="w1"))
        return self.pipeline

    def send(self, *messages: Message) -> FlushResult:
        return self.pipeline.process(messages)

    def row(self, seq: int, who: VehicleRecord = CAR) -> Row:
        return next(row for row in self.store.rows.values() if row["seq"] == seq and row["vehicle"] == who.key)

    def findings(self, seq: int, who: VehicleRecord = CAR) -> Finding:
        return Finding(self.row(seq, who)["verdict"])

    def undecided(self, seq: int, who: VehicleRecord = CAR) -> Finding:
        return Finding(self.row(seq, who)["undecided"])

    def alerts(self, finding: Finding) -> list[AlertChange]:
        return [alert for alert in self.store.alerts.values() if alert.finding is finding]


def world(*permits: PermitTerms, **changes: Any) -> World:
    return World(MemoryRegistry([snapshot(*permits, **changes)]))


def payload(seq: int, at_ms: int = T0, east_m: float = 500.0, north_m: float = 500.0, **changes: Any) -> dict[str, Any]:
    """One sample of a well-behaved car, as a dictionary. `location` is merged; None removes a field."""
    lon, lat = degrees(east_m, north_m)
    location = {
        "lat": lat,
        "lng": lon,
        "altitude": 12.0,
        "heading": 90.0,
        "speed": 5.0,
        "horizontal_accuracy": 0.5,
        "vertical_accuracy": 1.0,
    }
    location.update(changes.pop("location", {}))
    sample = {
        "seq": seq,
        "timestamp": at_ms,
        "location": {name: value for name, value in location.items() if value is not None},
        "altitude_datum": "AMSL",
        "mode": "autonomous",
        "safety_officer": "onboard",
        "officer_id": "SO-1",
        "passengers": 0,
        "battery_percent": 80,
        "faults": [],
    }
    sample.update(changes)
    return {name: value for name, value in sample.items() if value is not None}


def message(
    samples: dict[str, Any] | Sequence[dict[str, Any]], who: VehicleRecord = CAR, received_ms: int | None = None
) -> Message:
    """The samples as they arrive, by default 100 ms after the newest of them."""
    listed = [samples] if isinstance(samples, dict) else samples
    arrived = received_ms if received_ms is not None else max(sample["timestamp"] for sample in listed) + 100
    return Message(telemetry_topic(who.vehicle_id), json.dumps(samples).encode(), arrived)


def drive(
    path: Iterable[tuple[float, float]], first_seq: int = 1, at_ms: int = T0, step_ms: int = 1000, **changes: Any
) -> list[Message]:
    """A car at these places (metres), one message each `step_ms`."""
    who = changes.pop("who", CAR)
    return [
        message(payload(first_seq + i, at_ms + i * step_ms, east_m, north_m, **changes), who)
        for i, (east_m, north_m) in enumerate(path)
    ]
