"""Samples as columns: the one shape in which telemetry travels from decoding to storage.

A batch holds n samples; every array has shape (n,). An absent number is NaN, an absent code -1,
an absent text None. A single sample is a batch of one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Codes = NDArray[np.int8]
Flags = NDArray[np.bool_]


class Mode(IntEnum):
    """Who drives, by `mode` of the payload (lower-case name). Stored by number."""

    AUTONOMOUS = 0
    MANUAL = 1
    REMOTE = 2
    TAKEOVER = 3
    MINIMAL_RISK = 4


class SafetyOfficer(IntEnum):
    """Where the person who steers is, by `safety_officer` of the payload. Stored by number."""

    NONE = 0
    ONBOARD = 1
    REMOTE = 2


class AltitudeDatum(IntEnum):
    """`altitude_datum` of the payload. Stored by number; names equal geofences.zones.Datum."""

    AGL = 0
    AMSL = 1
    WGS84 = 2


class Proximity(IntFlag):
    """What was near an aircraft, or not known of others, when a sample was judged. Bits are stored: only append."""

    CLOSE = 1 << 0  # another aircraft is closer than the minima
    CLOSING = 1 << 1  # one will be, if both go on as they do
    VERTIPORT = 1 << 2  # it approaches a vertiport over an active test road
    UNDECIDED = 1 << 3  # the sample does not let its distances be known
    FAILED = 1 << 4  # the platform could not tell
    UNHEARD = 1 << 5  # vehicles of other workers were not heard of, near it or with its remote officer


#: `proximity` of a sample of which nobody looked what was near: on the road, late, or from before it was looked at.
NOT_OBSERVED = -1


class VehicleKind(StrEnum):
    """What moves: on a road or in the air."""

    ROAD = "road"
    AIR = "air"


@dataclass(frozen=True, slots=True, eq=False)
class SampleBatch:
    """n decoded samples. Positions are WGS-84 (EPSG:4326) degrees, other units are in the names.

    `vehicle` is the registry's integer key (vehicles.id), `received_ms` the worker's clock when
    the message arrived. `horizontal_accuracy_m` is the reported 68 % radius.
    `officer_load` is the number of vehicles, this one included, that the named remote officer was
    seen with when the sample was judged (-1: none named): an observation, stored so that a replay
    reads it instead of guessing. `proximity`, a mask of Proximity or NOT_OBSERVED, is one likewise.
    """

    vehicle: Integers
    seq: Integers
    timestamp_ms: Integers
    received_ms: Integers
    lon: Reals
    lat: Reals
    altitude_m: Reals
    altitude_datum: Codes
    heading_deg: Reals
    speed_mps: Reals
    horizontal_accuracy_m: Reals
    vertical_accuracy_m: Reals
    vertical_speed_mps: Reals
    acceleration_mps2: Reals
    mode: Codes
    safety_officer: Codes
    officer_id: list[str | None]
    officer_load: Integers
    proximity: Codes
    passengers: Integers
    battery_percent: Reals
    faults: list[str | None]  # JSON array text, None when empty

    def __len__(self) -> int:
        return len(self.vehicle)


@dataclass(frozen=True, slots=True, eq=False)
class JudgedBatch:
    """A batch with its verdicts: everything that one row of `samples` holds.

    `verdict` and `undecided` are Finding bit masks: a bit in `verdict` is a finding, a bit in
    `undecided` one that could not be decided. `zone_revision` and `permit_revision` name what was
    judged against (-1: none), `generation` the state of the registry. `late` samples never
    change the live picture nor any alert.
    """

    samples: SampleBatch
    verdict: Integers
    undecided: Integers
    late: Flags
    zone_revision: Integers
    permit_revision: Integers
    generation: int


def take(batch: SampleBatch, rows: Integers) -> SampleBatch:
    """The samples at `rows` (shape (m,), indices into the batch), in that order."""
    indices = rows.tolist()
    columns: dict[str, Any] = {}
    for column in fields(SampleBatch):
        values = getattr(batch, column.name)
        columns[column.name] = [values[i] for i in indices] if isinstance(values, list) else values[rows]
    return SampleBatch(**columns)


def take_judged(batch: JudgedBatch, rows: Integers) -> JudgedBatch:
    """The same of a judged batch."""
    columns = {
        column.name: getattr(batch, column.name)[rows]
        for column in fields(JudgedBatch)
        if column.name not in {"samples", "generation"}
    }
    return JudgedBatch(samples=take(batch.samples, rows), generation=batch.generation, **columns)


def group_bounds(vehicle: Integers) -> tuple[Integers, Integers]:
    """Where each vehicle's rows begin and end, in a column in which each vehicle's rows are together."""
    starts = np.flatnonzero(np.append(True, vehicle[1:] != vehicle[:-1])[: len(vehicle)])
    ends = np.append(starts[1:], len(vehicle))[: len(starts)]
    return starts, ends
