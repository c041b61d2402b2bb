"""The newest live sample of each vehicle, in the words of the service bus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from telemetry.bus import LivePosition
from telemetry.ports import VehicleRecord
from telemetry.samples import AltitudeDatum, JudgedBatch, Mode, Reals, SafetyOfficer, group_bounds

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
    )
    return [
        LivePosition(
            record.key, record.vehicle_id, record.kind, seq, timestamp_ms, received_ms, lon, lat,
            altitude_m, _DATUMS[datum], heading_deg, speed_mps, accuracy_m, _MODES[mode], _OFFICERS[officer],
            None if passengers < 0 else passengers, battery_percent, verdict, undecided, officer_id,
        )
        for record, seq, timestamp_ms, received_ms, lon, lat, altitude_m, datum, heading_deg, speed_mps,
        accuracy_m, mode, officer, passengers, battery_percent, verdict, undecided, officer_id
        in zip(*columns, strict=True)
    ]  # fmt: skip


def _said(column: Reals) -> Iterable[float | None]:
    """NaN, which JSON has not, becomes None."""
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN differs from itself
