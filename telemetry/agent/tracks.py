"""Recorded tracks as telemetry: checked points, samples, and the pace at which they are played."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from telemetry.agent.track_files import Row, read_rows
from telemetry.errors import UnreadableTrack
from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer

TrackPoint = Row


@dataclass(frozen=True, slots=True)
class Declared:
    """What a recording does not say and its operator declares. What is None stays unsaid.

    A sample without a declared accuracy has none, and the platform leaves its place undecided.
    """

    horizontal_accuracy_m: float | None = None
    vertical_accuracy_m: float | None = None
    altitude_datum: AltitudeDatum | None = None
    mode: Mode | None = None
    safety_officer: SafetyOfficer | None = None
    officer_id: str | None = None
    passengers: int | None = None


def read_track(path: Path) -> list[TrackPoint]:
    """The points of a recorded track (GPX, CSV, GeoJSON) in the order of time.

    A point with the time of the one before it is left out: one vehicle is in one place at a time, and
    recorders repeat rows. Raises UnreadableTrack when a time goes back, a number is out of range or
    nothing is left.
    """
    points: list[TrackPoint] = []
    for row in read_rows(path):
        problem = _problem(row)
        if problem:
            raise UnreadableTrack(f"{path}, {row.place}: {problem}")
        if points and row.time_ms < points[-1].time_ms:
            raise UnreadableTrack(f"{path}, {row.place}: its time is before that of {points[-1].place}")
        if not points or row.time_ms > points[-1].time_ms:
            points.append(row)
    if not points:
        raise UnreadableTrack(f"{path}: no points")
    return points


def sample_of(point: TrackPoint, declared: Declared, *, shift_ms: int = 0) -> dict[str, object]:
    """One point as a telemetry payload without seq; `shift_ms` is added to its time."""
    location = _present(
        lat=point.lat,
        lng=point.lon,
        altitude=point.altitude_m,
        heading=point.heading_deg,
        speed=point.speed_mps,
        horizontal_accuracy=declared.horizontal_accuracy_m,
        vertical_accuracy=declared.vertical_accuracy_m,
    )
    return _present(
        timestamp=point.time_ms + shift_ms,
        location=location,
        altitude_datum=_name(declared.altitude_datum) if point.altitude_m is not None else None,
        mode=_lower_name(declared.mode),
        safety_officer=_lower_name(declared.safety_officer),
        officer_id=declared.officer_id,
        passengers=declared.passengers,
    )


def shift_to(points: Sequence[TrackPoint], now_ms: int, speed: float) -> int:
    """Milliseconds to add so that the track is of now and never of the future.

    At true pace the first point gets the time `now_ms`. Played `speed` times as fast, the times
    between points stay true, so the first point lies as far back as needed for the last to be
    observed just when it is sent.
    """
    duration_ms = points[-1].time_ms - points[0].time_ms
    ahead_ms = max(0.0, duration_ms * (1.0 - 1.0 / speed))
    return now_ms - points[0].time_ms - math.ceil(ahead_ms)


def delays_s(points: Sequence[TrackPoint], speed: float) -> Iterator[float]:
    """Seconds from the start of playing to each point."""
    for point in points:
        yield (point.time_ms - points[0].time_ms) / 1000.0 / speed


def _problem(row: Row) -> str:
    if not (-180.0 <= row.lon <= 180.0 and -90.0 <= row.lat <= 90.0):  # noqa: PLR2004 - degrees, EPSG:4326
        return f"lon {row.lon}, lat {row.lat} is nowhere on Earth (are they swapped?)"
    if row.speed_mps is not None and not 0.0 <= row.speed_mps < math.inf:
        return f"speed {row.speed_mps} m/s"
    if row.heading_deg is not None and not 0.0 <= row.heading_deg <= 360.0:  # noqa: PLR2004 - a full circle
        return f"heading {row.heading_deg} degrees"
    if row.altitude_m is not None and not math.isfinite(row.altitude_m):
        return f"altitude {row.altitude_m} m"
    return ""


def _present(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _name(datum: AltitudeDatum | None) -> str | None:
    return None if datum is None else datum.name


def _lower_name(value: Mode | SafetyOfficer | None) -> str | None:
    return None if value is None else value.name.lower()
