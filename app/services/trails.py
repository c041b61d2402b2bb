"""Where a vehicle was in a period: stored samples as a trail, thinned to what a map can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from app.errors import InvalidChange
from app.models import Sample, Vehicle
from app.services.retention import require_present
from app.storage.points import Points, points_query, read_points
from telemetry.samples import Integers
from telemetry.thinning import after_gap, at_most, landmarks

#: How far back a trail reaches unless told otherwise.
DEFAULT_MS = 600_000
#: The longest period of one trail, and of one replay.
LONGEST_MS = 86_400_000


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
    """The trails of [since_ms, until_ms), each with at least one point."""

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


def _trail(vehicle: Vehicle, points: Points, kept: Integers) -> Trail:
    gaps = np.flatnonzero(after_gap(points.vehicle, points.timestamp_ms)[kept])
    return Trail(vehicle, points.take(kept), gaps, len(points))
