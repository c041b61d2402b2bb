"""What looking for aircraft too close costs: a flush of 500 samples, of 1,000 aircraft at 2 Hz within 10 x 10 km.

The parts of a worker's flush are compared in the same run: observing, and judging without it. Where half of the
aircraft are another worker's, it flushes the samples of its own half, and `hearing` is what the thread beside it
takes for those of the other half. The baseline looks at every pair in a plain loop, with the same equations.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.zones import corridor, road
from geofences.datum import VerticalReference
from geofences.zones import Datum, VerticalBand, ZoneKind, ZoneRevision
from telemetry.airspace import Airspace, AirspaceSettings
from telemetry.bus import Heartbeat, WorkerState, decode_positions, encode_positions
from telemetry.judging import judge_in_order
from telemetry.messages import partition_of
from telemetry.neighbours import Neighbours
from telemetry.ports import RegistrySnapshot, VehicleRecord
from telemetry.positions import newest_positions
from telemetry.rulebook import Rulebook
from telemetry.samples import Integers, SampleBatch, VehicleKind, take
from telemetry.separation import Minima

AIRCRAFT, CARS = 1_000, 5_000
FLUSH = 500
FLUSHES = 40
STEP_MS = 250
SIDE_M = 10_000.0
START_MS = 1_732_174_990_000
#: A degree of longitude and of latitude there, in metres.
DEGREES_M = (102_900.0, 110_745.0)
LON, LAT = 113.85, 22.45


def main() -> None:
    """Print one row a case: milliseconds of processor time a flush, medians."""
    rng = np.random.default_rng(1)
    print(f"{'500 samples of':<38}{'observing':>10}{'hearing':>10}{'judging':>10}{'pairs':>8}")
    aircraft, cars = np.arange(AIRCRAFT), AIRCRAFT + np.arange(CARS)
    for name, vehicles, port, shared in (
        ("1,000 aircraft", aircraft, False, False),
        ("1,000 aircraft, half another worker's", aircraft, False, True),
        ("1,000 aircraft, vertiports at roads", aircraft, True, False),
        ("5,000 cars", cars, False, False),
        ("5,000 cars, half another worker's", cars, False, True),
        ("5,000 cars, vertiports at roads", cars, True, False),
    ):
        rulebook = Rulebook.of(_snapshot(rng, with_ports=port))
        observing, hearing, judging, pairs = _measured(rulebook, _flushes(rng, vehicles), shared=shared)
        print(f"{name:<38}{observing:>10.2f}{hearing:>10.2f}{judging:>10.2f}{pairs:>8}")
    batch = next(_flushes(rng, np.arange(AIRCRAFT)))
    began = time.process_time()
    pairs = _plain_loop(batch, Minima())
    print(
        f"{'1,000 aircraft, every pair in a loop':<38}{1000 * (time.process_time() - began):>10.0f}{'':>20}{pairs:>8}"
    )


def _measured(rulebook: Rulebook, flushes: Iterator[SampleBatch], *, shared: bool) -> tuple[float, float, float, int]:
    airspace = Airspace(AirspaceSettings(), 2.0)
    neighbours = Neighbours("bench", range(32) if shared else range(64), kept_ms=40_000)
    observing, hearing, judging, pairs = [], [], [], []
    for everybody in flushes:
        theirs = (everybody.vehicle % 2 == 1) & shared
        batch = take(everybody, np.flatnonzero(~theirs))
        told = _told(rulebook, take(everybody, np.flatnonzero(theirs)))
        hearing.append(_timed(lambda: neighbours.hear_positions(decode_positions(told))))  # noqa: B023 - called at once
        neighbours.hear_heartbeat(Heartbeat("other", START_MS, WorkerState.RUNNING, partitions=tuple(range(64))))
        late = np.zeros(len(batch), dtype=np.bool_)
        began = time.process_time()
        airspace.hear(neighbours.take())
        observed = airspace.observe(rulebook, batch, late, late)
        airspace.keep(observed.seen)
        observing.append(time.process_time() - began)
        pairs.append(len(observed.encounters))
        judging.append(_timed(lambda: judge_in_order(rulebook, batch, late, {}, 2.0)))  # noqa: B023 - called at once
    observing_ms, hearing_ms, judging_ms = (1000 * statistics.median(each) for each in (observing, hearing, judging))
    return observing_ms, hearing_ms, judging_ms, round(statistics.median(pairs))


def _told(rulebook: Rulebook, batch: SampleBatch) -> bytes:
    """What another worker tells of these samples."""
    judged = judge_in_order(rulebook, batch, np.zeros(len(batch), dtype=np.bool_), {}, 2.0).batch
    return encode_positions(newest_positions(judged, rulebook.vehicles))


def _timed(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def _flushes(rng: np.random.Generator, vehicles: Integers) -> Iterator[SampleBatch]:
    """Everybody in turn, half of a thousand at once; aircraft at 0 to 300 m, 20 to 60 m/s, straight on."""
    count = len(vehicles)
    place = rng.uniform(0, SIDE_M, (2, count))
    heading, speed, altitude = rng.uniform(0, 360, count), rng.uniform(20, 60, count), rng.uniform(20, 300, count)
    velocity = speed * np.stack([np.sin(np.radians(heading)), np.cos(np.radians(heading))])
    for number in range(FLUSHES):
        rows = np.arange(number * FLUSH, (number + 1) * FLUSH) % count
        at_ms = START_MS + number * STEP_MS
        here = (place + velocity * number * STEP_MS / 1000) % SIDE_M
        yield _batch(np.sort(rows), vehicles, here, (heading, speed, altitude), at_ms, number)


def _batch(  # noqa: PLR0917 - one argument a column
    rows: Integers,
    vehicles: Integers,
    place: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    motion: tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...],
    at_ms: int,
    number: int,
) -> SampleBatch:
    size = len(rows)
    heading, speed, altitude = (column[rows] for column in motion)
    whole, real = np.full(size, -1, dtype=np.int64), np.full(size, np.nan)
    return SampleBatch(
        vehicle=vehicles[rows],
        seq=np.full(size, number + 1),
        timestamp_ms=at_ms + rows % STEP_MS,
        received_ms=np.full(size, at_ms + STEP_MS),
        lon=LON + place[0, rows] / DEGREES_M[0],
        lat=LAT + place[1, rows] / DEGREES_M[1],
        altitude_m=altitude,
        altitude_datum=np.full(size, 1, dtype=np.int8),
        heading_deg=heading,
        speed_mps=speed,
        horizontal_accuracy_m=np.full(size, 0.6),
        vertical_accuracy_m=np.full(size, 1.1),
        vertical_speed_mps=np.zeros(size),
        acceleration_mps2=real,
        mode=np.zeros(size, dtype=np.int8),
        safety_officer=np.ones(size, dtype=np.int8),
        officer_id=[None] * size,
        officer_load=whole,
        proximity=np.full(size, -1, dtype=np.int8),
        passengers=whole,
        battery_percent=real,
        faults=[None] * size,
    )


def _snapshot(rng: np.random.Generator, *, with_ports: bool) -> RegistrySnapshot:
    zones = [*(road(rng, number) for number in range(200)), *(corridor(rng, number) for number in range(50))]
    if with_ports:
        ends = [zone.geometry.interpolate(0.5, normalized=True).buffer(0.0006) for zone in zones[:5]]
        zones += [
            ZoneRevision(
                9_000 + number,
                f"port-{number}",
                ZoneKind.VERTIPORT,
                area,
                0,
                band=VerticalBand(None, 120.0, Datum.AMSL),
            )
            for number, area in enumerate(ends)
        ]
    kinds = [VehicleKind.AIR] * AIRCRAFT + [VehicleKind.ROAD] * CARS
    vehicles = [VehicleRecord(key, f"V-{key}", kind, partition_of(f"V-{key}")) for key, kind in enumerate(kinds)]
    return RegistrySnapshot(1, vehicles, zones, [], {}, VerticalReference(5.0, -3.0))


def _plain_loop(batch: SampleBatch, minima: Minima) -> int:
    """How many pairs are, or will be, too close: each sample against twice as many others."""
    rows = [
        (x * DEGREES_M[0], y * DEGREES_M[1], z, math.sin(math.radians(h)) * v, math.cos(math.radians(h)) * v)
        for x, y, z, h, v in zip(
            batch.lon.tolist(),
            batch.lat.tolist(),
            batch.altitude_m.tolist(),
            batch.heading_deg.tolist(),
            batch.speed_mps.tolist(),
            strict=True,
        )
    ]
    found = 0
    for one, (x, y, z, east, north) in enumerate(rows):
        for other, (x2, y2, z2, east2, north2) in enumerate([*rows, *rows]):
            if other % len(rows) == one or abs(z2 - z) >= minima.vertical_m:
                continue
            away_x, away_y, drift_x, drift_y = x2 - x, y2 - y, east2 - east, north2 - north
            speed = drift_x * drift_x + drift_y * drift_y or 1.0
            soonest = min(max(-(away_x * drift_x + away_y * drift_y) / speed, 0.0), minima.look_ahead_s)
            found += math.hypot(away_x + drift_x * soonest, away_y + drift_y * soonest) < minima.horizontal_m
    return found
