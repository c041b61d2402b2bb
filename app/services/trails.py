"""Where vehicles were in a period: stored samples as trails, thinned to what a map can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import in_parts
from app.errors import InvalidChange
from app.models import Sample, Vehicle
from app.services.retention import require_present
from app.storage.points import Points, points_query, read_points
from telemetry.samples import Integers, group_bounds
from telemetry.thinning import after_gap, at_most, landmarks, one_each

#: How far back a trail reaches unless told otherwise.
DEFAULT_MS = 600_000
#: The longest period of one trail, and of one replay.
LONGEST_MS = 86_400_000
#: Samples that are read for one section; a section that has more ends earlier.
MOST_READ = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """Some of the samples of one vehicle in the order of (timestamp, seq), late ones among them.

    `gaps` are the places of points before which nothing is known of the vehicle for longer than
    telemetry.thinning.GAP_MS; `total` is how many samples there are before any was left out.
    """

    vehicle: Vehicle
    points: Points
    gaps: Integers
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """The trails of [since_ms, until_ms): of all that were asked for, each with at least one point."""

    since_ms: int
    until_ms: int
    trails: Sequence[Trail]


def require_period(since_ms: int, until_ms: int, longest_ms: int = LONGEST_MS) -> None:
    """Raises InvalidChange for a period that ends before it begins, or is longer than `longest_ms`."""
    if until_ms <= since_ms:
        raise InvalidChange("the period ends before it begins", code="period_empty", field="until_ms")
    if until_ms - since_ms > longest_ms:
        hours = longest_ms // 3_600_000
        raise InvalidChange(
            f"a period has at most {hours} hours", code="period_too_long", field="until_ms", hours=hours
        )


def trail(session: Session, vehicle: Vehicle, *, since_ms: int, until_ms: int, most: int = 1_200) -> Section:
    """One vehicle in [since_ms, until_ms), with at most `most` points.

    Raises InvalidChange: see require_period and require_present.

    First and last, both sides of a gap, and samples at which the mode or the verdict changes are kept first.
    """
    require_period(since_ms, until_ms)
    require_present(session, since_ms, until_ms)
    query = points_query().where(
        Sample.vehicle == vehicle.id, Sample.timestamp_ms >= since_ms, Sample.timestamp_ms < until_ms
    )
    points = read_points(session, query.order_by(Sample.timestamp_ms, Sample.seq))
    if not len(points):
        return Section(since_ms, until_ms, ())
    kept = at_most(landmarks(points.vehicle, points.timestamp_ms, points.mode, points.verdict), most)
    return Section(since_ms, until_ms, [_trail(vehicle, points, kept)])


def section(
    session: Session,
    *,
    since_ms: int,
    until_ms: int,
    step_ms: int = 1_000,
    organisation_id: int | None = None,
    most_read: int = MOST_READ,
) -> Section:
    """All vehicles, or those of one operator, in [since_ms, until_ms): at least one sample a vehicle and step.

    Ends earlier where there are more than `most_read` samples: its `until_ms` says where the next one begins.
    Raises InvalidChange: see require_period and require_present.
    """
    require_period(since_ms, until_ms)
    require_present(session, since_ms, until_ms)
    query = points_query().where(Sample.timestamp_ms >= since_ms, Sample.timestamp_ms < until_ms)
    if organisation_id is not None:
        own = select(Vehicle.id).where(Vehicle.organisation_id == organisation_id)
        query = query.where(Sample.vehicle.in_(own))
    ordered = query.order_by(Sample.timestamp_ms, Sample.vehicle, Sample.seq)
    points = read_points(session, ordered.limit(most_read + 1))
    if len(points) > most_read:
        points, until_ms = _cut(points)
    order = np.lexsort((points.seq, points.timestamp_ms, points.vehicle))
    return Section(since_ms, until_ms, _trails(session, points.take(order), step_ms))


def _cut(points: Points) -> tuple[Points, int]:
    """Without the samples of the last instant, of which some may not have been read; where it ends then.

    An instant alone that has more is taken as far as it was read: the next section begins after it.
    """
    last_ms = int(points.timestamp_ms[-1])
    if last_ms == int(points.timestamp_ms[0]):
        return points, last_ms + 1
    return points.take(points.timestamp_ms < last_ms), last_ms


def _trails(session: Session, points: Points, step_ms: int) -> list[Trail]:
    stays = landmarks(points.vehicle, points.timestamp_ms, points.mode, points.verdict)
    stays |= one_each(points.vehicle, points.timestamp_ms, step_ms)
    starts, ends = group_bounds(points.vehicle)
    vehicles = _vehicles(session, points.vehicle[starts].tolist())
    found = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        own = points.take(slice(start, end))
        found.append(_trail(vehicles[int(own.vehicle[0])], own, np.flatnonzero(stays[start:end])))
    return sorted(found, key=lambda each: each.vehicle.vehicle_id)


def _trail(vehicle: Vehicle, points: Points, kept: Integers) -> Trail:
    gaps = np.flatnonzero(after_gap(points.vehicle, points.timestamp_ms)[kept])
    return Trail(vehicle, points.take(kept), gaps, len(points))


def _vehicles(session: Session, keys: Sequence[int]) -> dict[int, Vehicle]:
    return {
        vehicle.id: vehicle
        for some in in_parts(keys)
        for vehicle in session.scalars(select(Vehicle).where(Vehicle.id.in_(some)))
    }
