"""Ten minutes of stored telemetry for the browser: the scene's fleet on its lines, one breach, one gap."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from app.database import reading_session
from app.services.generations import current_generation
from app.storage import open_store
from telemetry.findings import RULES, Finding
from telemetry.ports import AlertChange, Flush
from telemetry.samples import AltitudeDatum, JudgedBatch, Mode, SafetyOfficer, SampleBatch, VehicleKind, take_judged
from tests.browser.scene import METRES_PER_DEGREE, Actor, Scene

SECONDS = 600
#: Seconds of the recording at which the breach begins, its alert opens, and it ends.
BREACH = (200, 202, 260)
#: Seconds between which one vehicle is silent.
SILENCE = (100, 160)


@dataclass(frozen=True)
class Recorded:
    """What was stored: from when on, and which vehicles did what."""

    since_ms: int
    until_ms: int
    offender: str
    silent: str
    opened_at_ms: int


def record(scene: Scene, until_ms: int) -> Recorded:
    """Store the last SECONDS before `until_ms` of every actor, one sample a second each."""
    since_ms = until_ms - SECONDS * 1000
    offender, silent = scene.actor(VehicleKind.ROAD), scene.actor(VehicleKind.AIR)
    with reading_session(scene.engine) as session:
        generation = current_generation(session)
    batches = [_batch(actor, since_ms, generation) for actor in scene.actors]
    whole = _joined(batches)
    keep = np.ones(len(whole.samples), dtype=np.bool_)
    second = (whole.samples.timestamp_ms - since_ms) // 1000
    keep[(whole.samples.vehicle == silent.key) & (second >= SILENCE[0]) & (second < SILENCE[1])] = False
    breach = (whole.samples.vehicle == offender.key) & (second >= BREACH[0]) & (second < BREACH[2])
    whole = take_judged(replace(whole, verdict=np.where(breach, int(Finding.OUTSIDE_AREA), 0)), np.flatnonzero(keep))
    alert = _alert(offender, whole, since_ms, scene.zone_revision)
    open_store(scene.engine).commit(Flush("scene", until_ms, whole, (), [alert], ()))
    return Recorded(since_ms, until_ms, offender.vehicle_id, silent.vehicle_id, alert.opened_at_ms)


def _batch(actor: Actor, since_ms: int, generation: int) -> JudgedBatch:
    length, count = actor.line.length, SECONDS
    along = (np.arange(count) * actor.speed_mps + actor.start_m) / METRES_PER_DEGREE % (2 * length)
    at = np.where(along > length, 2 * length - along, along)
    here = [actor.line.interpolate(float(value)) for value in at]
    ahead = [actor.line.interpolate(min(float(value) + 1e-5, length)) for value in at]
    heading = np.array([math.atan2(b.x - a.x, b.y - a.y) for a, b in zip(here, ahead, strict=True)])
    heading = np.degrees(heading + np.where(along > length, math.pi, 0.0)) % 360
    is_air = actor.kind is VehicleKind.AIR
    columns: dict[str, object] = {field.name: np.full(count, -1) for field in fields(SampleBatch)}
    columns |= {field.name: np.full(count, np.nan) for field in fields(SampleBatch) if str(field.type) == "Reals"}
    columns |= {
        "vehicle": np.full(count, actor.key),
        "seq": np.arange(1, count + 1),
        "timestamp_ms": since_ms + np.arange(count) * 1000 + actor.key % 1000,
        "received_ms": since_ms + np.arange(count) * 1000 + 100,
        "lon": np.array([point.x for point in here]),
        "lat": np.array([point.y for point in here]),
        "heading_deg": heading,
        "speed_mps": np.full(count, actor.speed_mps),
        "horizontal_accuracy_m": np.full(count, 0.6),
        "altitude_m": np.full(count, 55.0 if is_air else 4.0),
        "altitude_datum": np.full(count, AltitudeDatum.AMSL, dtype=np.int8),
        "mode": np.full(count, Mode.AUTONOMOUS, dtype=np.int8),
        "safety_officer": np.full(count, SafetyOfficer.REMOTE, dtype=np.int8),
        "battery_percent": np.full(count, 81.0),
        "officer_id": [None] * count,
        "faults": [None] * count,
    }
    zeros = np.zeros(count, dtype=np.int64)
    samples = SampleBatch(**columns)  # type: ignore[arg-type]  # built by name
    return JudgedBatch(samples, zeros, zeros, zeros.astype(np.bool_), zeros - 1, zeros - 1, generation)


def _joined(batches: list[JudgedBatch]) -> JudgedBatch:
    samples = {
        field.name: _column([getattr(each.samples, field.name) for each in batches]) for field in fields(SampleBatch)
    }
    judged = {
        field.name: _column([getattr(each, field.name) for each in batches])
        for field in fields(JudgedBatch)
        if field.name not in {"samples", "generation"}
    }
    return JudgedBatch(samples=SampleBatch(**samples), generation=batches[0].generation, **judged)


def _column(parts: list[Any]) -> Any:
    return [each for part in parts for each in part] if isinstance(parts[0], list) else np.concatenate(parts)


def _alert(offender: Actor, batch: JudgedBatch, since_ms: int, zone_revision: int) -> AlertChange:
    rows = np.flatnonzero((batch.samples.vehicle == offender.key) & (batch.verdict > 0))
    row = int(rows[BREACH[1] - BREACH[0]])
    return AlertChange(
        vehicle=offender.key,
        finding=Finding.OUTSIDE_AREA,
        severity=RULES[Finding.OUTSIDE_AREA].severity,
        opened_at_ms=int(batch.samples.timestamp_ms[row]),
        opened_seq=int(batch.samples.seq[row]),
        first_seen_ms=int(batch.samples.timestamp_ms[rows[0]]),
        last_seen_ms=int(batch.samples.timestamp_ms[rows[-1]]),
        closed_at_ms=since_ms + (BREACH[2] + 5) * 1000,
        zone_revision=zone_revision,
        permit_revision=-1,
        lon=float(batch.samples.lon[row]),
        lat=float(batch.samples.lat[row]),
        is_new=True,
    )
