"""The replay of 5,000 vehicles at 1 Hz: what the server works for one second of play.

Ten minutes of samples (3 million) are stored as the worker stores them, in SQLite, and read in sections as the player
asks for them; times are the processor's. `all rows` is the baseline: reading every sample of the same period as points,
without thinning.
"""

from __future__ import annotations

import gzip
import tempfile
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database import changing_session, migrate, open_engine, reading_session
from app.models import Sample
from app.services.fleet_trails import fleet_section
from app.services.generations import current_generation
from app.services.organisations import register_organisation
from app.services.vehicles import register_vehicle
from app.storage import open_store
from app.storage.points import points_query, read_points
from app.web.packed import ZIP_LEVEL
from app.web.trail_columns import fleet_section_json
from telemetry.clock import system_clock
from telemetry.findings import Finding
from telemetry.ports import Flush
from telemetry.samples import AltitudeDatum, JudgedBatch, Mode, SafetyOfficer, SampleBatch, VehicleKind

_VEHICLES, _SECONDS = 5_000, 600
_FLUSH_S = 10
#: How fast it is played, and the step that the player then asks for.
_PLAYED = ((1, 1_000), (10, 2_000), (30, 5_000), (60, 10_000))
_METRES_PER_DEGREE = 107_000.0


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as home:
        engine = open_engine(f"sqlite:///{Path(home) / 'replay.sqlite3'}")
        migrate(engine)
        since_ms = system_clock() // 60_000 * 60_000 - _SECONDS * 1000
        began = time.monotonic()
        _record(engine, since_ms)
        print(f"{_VEHICLES * _SECONDS:,} samples stored in {time.monotonic() - began:.0f} s")
        with reading_session(engine) as session:
            for speed, step_ms in _PLAYED:
                _play(session, since_ms, speed, step_ms)
            _read_all(session, since_ms)
        engine.dispose()


def _play(session: Session, since_ms: int, speed: int, step_ms: int) -> None:
    until_ms = since_ms + min(_SECONDS, 5 * speed) * 1000
    points = plain = packed = 0
    read_s = wrote_s = 0.0
    at_ms = since_ms
    while at_ms < until_ms:
        began = time.process_time()
        section = fleet_section(session, since_ms=at_ms, until_ms=until_ms, step_ms=step_ms)
        read = time.process_time()
        body = fleet_section_json(section)
        answer = gzip.compress(body, ZIP_LEVEL)
        read_s, wrote_s = read_s + read - began, wrote_s + time.process_time() - read
        points, plain, packed = points + len(section.points), plain + len(body), packed + len(answer)
        at_ms = section.until_ms
    played_s = (until_ms - since_ms) / 1000 / speed
    print(
        f"{speed:3} x, step {step_ms / 1000:g} s: {(read_s + wrote_s) / played_s:.2f} s of work a second of play"
        f" (read {read_s / played_s:.2f}, written {wrote_s / played_s:.2f});"
        f" {points / played_s:,.0f} points, {plain / played_s / 1e6:.2f} MB, {packed / played_s / 1e6:.2f} MB packed"
    )


def _read_all(session: Session, since_ms: int) -> None:
    began = time.process_time()
    count = len(
        read_points(
            session,
            points_query()
            .where(Sample.timestamp_ms >= since_ms, Sample.timestamp_ms < since_ms + 60_000)
            .order_by(Sample.timestamp_ms, Sample.vehicle, Sample.seq),
        )
    )
    print(f"all rows: {time.process_time() - began:.2f} s for the {count:,} samples of a second at 60 x, only to read")


def _record(engine: Engine, since_ms: int) -> None:
    with changing_session(engine) as session:
        company = register_organisation(session, code="bench", name_zh="测试", name_en="Bench", now_ms=0)
        vehicles = [
            register_vehicle(
                session, vehicle_id=f"B-{number:05d}", kind=VehicleKind.ROAD, organisation=company, now_ms=since_ms
            )[0]
            for number in range(_VEHICLES)
        ]
        keys = np.array([vehicle.id for vehicle in vehicles])
        generation = current_generation(session)
    store = open_store(engine)
    for batch in _batches(keys, since_ms, generation):
        store.commit(Flush("bench", since_ms + _SECONDS * 1000, batch, (), (), ()))


def _batches(keys: np.ndarray[tuple[int], np.dtype[np.int64]], since_ms: int, generation: int) -> Iterator[JudgedBatch]:
    """Everybody drives straight on at 12 m/s, each in a direction of its own; one in a hundred leaves its area."""
    rng = np.random.default_rng(1)
    phase_ms = rng.integers(0, 1000, len(keys))
    east, north = 113.85 + 0.1 * rng.random(len(keys)), 22.49 + 0.06 * rng.random(len(keys))
    heading = 360 * rng.random(len(keys))
    for first in range(0, _SECONDS, _FLUSH_S):
        second = np.repeat(np.arange(first, first + _FLUSH_S), len(keys))
        row = np.tile(np.arange(len(keys)), _FLUSH_S)
        count = len(second)
        driven = 12.0 * second / _METRES_PER_DEGREE
        turned = np.radians(heading[row])
        columns: dict[str, object] = {field.name: np.full(count, -1) for field in fields(SampleBatch)}
        columns |= {field.name: np.full(count, np.nan) for field in fields(SampleBatch) if str(field.type) == "Reals"}
        columns |= {
            "vehicle": keys[row],
            "seq": second + 1,
            "timestamp_ms": since_ms + second * 1000 + phase_ms[row],
            "received_ms": since_ms + second * 1000 + phase_ms[row] + 50,
            "lon": east[row] + driven * np.sin(turned),
            "lat": north[row] + driven * np.cos(turned),
            "heading_deg": heading[row],
            "speed_mps": np.full(count, 12.0),
            "horizontal_accuracy_m": np.full(count, 0.6),
            "altitude_m": 4.0 + 0.01 * (second % 50),
            "altitude_datum": np.full(count, AltitudeDatum.AMSL, dtype=np.int8),
            "mode": np.full(count, Mode.AUTONOMOUS, dtype=np.int8),
            "safety_officer": np.full(count, SafetyOfficer.ONBOARD, dtype=np.int8),
            "proximity": np.full(count, -1, dtype=np.int8),
            "battery_percent": np.full(count, 81.0),
            "officer_id": [None] * count,
            "faults": [None] * count,
        }
        zeros = np.zeros(count, dtype=np.int64)
        outside = np.where((row % 100 == 0) & (second % 60 < 20), int(Finding.OUTSIDE_AREA), 0)
        samples = SampleBatch(**columns)  # type: ignore[arg-type]  # built by name
        yield JudgedBatch(samples, outside, zeros, zeros.astype(np.bool_), zeros - 1, zeros - 1, generation)
