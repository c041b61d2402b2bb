"""The newest live sample of each vehicle, in the words of the service bus, and such words as samples again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from telemetry.bus import LivePosition
from telemetry.ports import VehicleRecord
from telemetry.samples import (
    NOT_OBSERVED,
    AltitudeDatum,
    Integers,
    JudgedBatch,
    Mode,
    Reals,
    SafetyOfficer,
    SampleBatch,
    group_bounds,
)

# Row -1 of each, that is the last, is what an absent code reads as.
_DATUMS: tuple[str | None, ...] = (*(datum.name for datum in AltitudeDatum), None)
_MODES: tuple[str | None, ...] = (*(mode.name.lower() for mode in Mode), None)
_OFFICERS: tuple[str | None, ...] = (*(officer.name.lower() for officer in SafetyOfficer), None)


def newest_positions(judged: JudgedBatch, vehicles: Mapping[int, VehicleRecord]) -> list[LivePosition]:
    """One position a vehicle that has a live sample. Each vehicle's rows are together and in order."""
    live = np.flatnonzero(~judged.late)
    samples = judged.samples
    _, ends = group_bounds(samples.vehicle[live])
    rows = live[ends - 1]
    records = [vehicles[key] for key in samples.vehicle[rows].tolist()]
    columns = (
        records,
        samples.seq[rows].tolist(),
        samples.timestamp_ms[rows].tolist(),
        samples.received_ms[rows].tolist(),
        samples.lon[rows].tolist(),
        samples.lat[rows].tolist(),
        _said(samples.altitude_m[rows]),
        samples.altitude_datum[rows].tolist(),
        _said(samples.heading_deg[rows]),
        _said(samples.speed_mps[rows]),
        _said(samples.horizontal_accuracy_m[rows]),
        samples.mode[rows].tolist(),
        samples.safety_officer[rows].tolist(),
        samples.passengers[rows].tolist(),
        _said(samples.battery_percent[rows]),
        judged.verdict[rows].tolist(),
        judged.undecided[rows].tolist(),
        [samples.officer_id[row] for row in rows.tolist()],
        _said(samples.vertical_accuracy_m[rows]),
        _said(samples.vertical_speed_mps[rows]),
    )
    return [
        LivePosition(
            record.key, record.vehicle_id, record.kind, seq, timestamp_ms, received_ms, lon, lat,
            altitude_m, _DATUMS[datum], heading_deg, speed_mps, accuracy_m, _MODES[mode], _OFFICERS[officer],
            None if passengers < 0 else passengers, battery_percent, verdict, undecided, officer_id,
            vertical_accuracy_m, vertical_speed_mps,
        )
        for record, seq, timestamp_ms, received_ms, lon, lat, altitude_m, datum, heading_deg, speed_mps,
        accuracy_m, mode, officer, passengers, battery_percent, verdict, undecided, officer_id,
        vertical_accuracy_m, vertical_speed_mps
        in zip(*columns, strict=True)
    ]  # fmt: skip


def samples_of(positions: Sequence[LivePosition]) -> SampleBatch:
    """The positions as samples, in their order, with what a position does not tell left out."""

    def reals(name: str) -> Reals:
        return np.array([getattr(position, name) for position in positions], dtype=np.float64)  # None becomes NaN

    def integers(values: Iterable[int | None]) -> Integers:
        return np.array([-1 if value is None else value for value in values], dtype=np.int64)

    def codes(names: tuple[str | None, ...], said: Iterable[str | None]) -> list[int]:
        numbers = {name: number for number, name in enumerate(names) if name is not None}
        return [-1 if name is None else numbers.get(name, -1) for name in said]

    count = len(positions)
    return SampleBatch(
        vehicle=integers(position.vehicle for position in positions),
        seq=integers(position.seq for position in positions),
        timestamp_ms=integers(position.timestamp_ms for position in positions),
        received_ms=integers(position.received_ms for position in positions),
        lon=reals("lon"),
        lat=reals("lat"),
        altitude_m=reals("altitude_m"),
        altitude_datum=np.array(codes(_DATUMS, (each.altitude_datum for each in positions)), dtype=np.int8),
        heading_deg=reals("heading_deg"),
        speed_mps=reals("speed_mps"),
        horizontal_accuracy_m=reals("horizontal_accuracy_m"),
        vertical_accuracy_m=reals("vertical_accuracy_m"),
        vertical_speed_mps=reals("vertical_speed_mps"),
        acceleration_mps2=np.full(count, np.nan),
        mode=np.array(codes(_MODES, (each.mode for each in positions)), dtype=np.int8),
        safety_officer=np.array(codes(_OFFICERS, (each.safety_officer for each in positions)), dtype=np.int8),
        officer_id=[position.officer_id for position in positions],
        officer_load=np.full(count, -1, dtype=np.int64),
        proximity=np.full(count, NOT_OBSERVED, dtype=np.int8),
        passengers=integers(position.passengers for position in positions),
        battery_percent=reals("battery_percent"),
        faults=[None] * count,
    )


def _said(column: Reals) -> Iterable[float | None]:
    """NaN, which JSON has not, becomes None."""
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN differs from itself
