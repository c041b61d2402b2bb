"""Where all vehicles were in a period: stored samples thinned by the database to what a player can show.

Nothing is judged from thinned samples: verdicts are those that were stored, and alerts are read by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from app.database import in_parts
from app.models import Sample, Vehicle
from app.services.retention import require_present
from app.services.trails import require_period
from app.storage.points import POINT_NAMES, Points, points_of, points_query
from telemetry.samples import Integers, Mode, VehicleKind, group_bounds
from telemetry.thinning import GAP_MS

#: The longest section: it ends there, or earlier where it holds many points.
LONGEST_SECTION_MS = 300_000
#: A section ends after the part in which it has got so many points.
MANY_POINTS = 60_000
#: Gaps are found between steps only, so a step is no longer than what counts as one.
LONGEST_STEP_MS = GAP_MS
#: Thinned by one statement: short enough to be sorted in memory.
_PART_MS = 1_000


class Seen(NamedTuple):
    """A vehicle of a section."""

    key: int
    vehicle_id: str
    kind: VehicleKind


@dataclass(frozen=True, slots=True, eq=False)
class FleetSection:
    """Points of [since_ms, until_ms) by vehicle, each vehicle's in the order of (timestamp, seq).

    `vehicles[i]` has the points of [bounds[i], bounds[i + 1]). `gaps` are the places of points before which nothing
    is known of the vehicle for longer than telemetry.thinning.GAP_MS, by all samples that are stored.
    """

    since_ms: int
    until_ms: int
    vehicles: Sequence[Seen]
    bounds: Integers
    points: Points
    gaps: Integers


def fleet_section(
    session: Session,
    *,
    since_ms: int,
    until_ms: int,
    step_ms: int,
    organisation_id: int | None = None,
    many_points: int = MANY_POINTS,
) -> FleetSection:
    """All vehicles, or those of one operator, thinned.

    Of each vehicle the first and the last sample of the section stay, and of each step [k * step_ms, (k + 1) * step_ms)
    the last one of every mode and verdict that it had there; where that is a finding, or not driving by itself, the
    first one too.

    Ends earlier than `until_ms` after LONGEST_SECTION_MS or `many_points`: its own says where the next one begins.
    Raises InvalidChange: see require_period and require_present.
    """
    require_period(since_ms, until_ms)
    require_present(session, since_ms, until_ms)
    until_ms = min(until_ms, since_ms + LONGEST_SECTION_MS)
    rows: list[Row[*tuple[Any, ...]]] = []
    for begins_ms, ends_ms in _parts(since_ms, until_ms, step_ms):
        query = _thinned(begins_ms, ends_ms, step_ms, organisation_id, with_first=begins_ms == since_ms)
        rows += session.execute(query).all()
        if len(rows) >= many_points:
            until_ms = ends_ms
            break
    return _section(session, since_ms, until_ms, rows)


def _parts(since_ms: int, until_ms: int, step_ms: int) -> Iterator[tuple[int, int]]:
    """The period in parts of whole steps."""
    part_ms = step_ms * -(-_PART_MS // step_ms)
    begins_ms = since_ms
    while begins_ms < until_ms:
        ends_ms = min((begins_ms // part_ms + 1) * part_ms, until_ms)
        yield begins_ms, ends_ms
        begins_ms = ends_ms


def _thinned(
    begins_ms: int, ends_ms: int, step_ms: int, organisation_id: int | None, *, with_first: bool
) -> Select[*tuple[Any, ...]]:
    """Points, and with each when the vehicle was first seen with this mode and verdict in the step."""
    alike = (Sample.vehicle, Sample.mode, Sample.verdict)
    # Said of both readings: neither may look through other times, and PostgreSQL leaves out other days.
    part = and_(Sample.timestamp_ms >= begins_ms, Sample.timestamp_ms < ends_ms)
    found = select(
        *alike,
        func.min(Sample.timestamp_ms).label("first_ms"),
        func.max(Sample.timestamp_ms).label("last_ms"),
    ).where(part)
    if organisation_id is not None:
        own = select(Vehicle.id).where(Vehicle.organisation_id == organisation_id)
        found = found.where(Sample.vehicle.in_(own))
    steps = found.group_by(*alike, Sample.timestamp_ms // step_ms).subquery()
    first, last = Sample.timestamp_ms == steps.c.first_ms, Sample.timestamp_ms == steps.c.last_ms
    is_remarkable = or_(steps.c.verdict != 0, steps.c.mode != Mode.AUTONOMOUS)
    instant = or_(last, first if with_first else and_(first, is_remarkable))
    same = and_(*(column == steps.c[column.key] for column in alike))
    return points_query().add_columns(steps.c.first_ms).join(steps, and_(instant, same)).where(part)


def _section(session: Session, since_ms: int, until_ms: int, rows: Sequence[Row[*tuple[Any, ...]]]) -> FleetSection:
    *columns, first = zip(*rows, strict=True) if rows else [()] * (len(POINT_NAMES) + 1)
    points, first_ms = points_of(columns), np.array(first, dtype=np.int64)
    vehicles = _vehicles(session, np.unique(points.vehicle).tolist())
    # In the order of their public ids: what is drawn above what does not depend on who reads.
    rank = {vehicle.key: place for place, vehicle in enumerate(vehicles)}
    ranks = np.array([*map(rank.__getitem__, points.vehicle.tolist())], dtype=np.int64)
    order = np.lexsort((points.seq, points.timestamp_ms, ranks))
    points, first_ms = points.take(order), first_ms[order]
    starts, _ends = group_bounds(points.vehicle)
    bounds = np.append(starts, len(points)).astype(np.int64)
    return FleetSection(since_ms, until_ms, vehicles, bounds, points, _gaps(ranks[order], points, first_ms))


def _gaps(ranks: Integers, points: Points, first_ms: Integers) -> Integers:
    """Where none of the samples that the later points stand for is within GAP_MS of the point before."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    # Times that differ by vehicle so far that the minimum over what follows never crosses from one to the next.
    apart = ranks * (int(points.timestamp_ms.max()) - int(first_ms.min()) + GAP_MS + 1)
    seen_again_ms = np.minimum.accumulate((first_ms + apart)[::-1])[::-1]
    silent = seen_again_ms[1:] - (points.timestamp_ms + apart)[:-1] > GAP_MS
    return 1 + np.flatnonzero(silent & (ranks[1:] == ranks[:-1]))


def _vehicles(session: Session, keys: Sequence[int]) -> list[Seen]:
    query = select(Vehicle.id, Vehicle.vehicle_id, Vehicle.kind)
    found = [Seen(*row) for some in in_parts(keys) for row in session.execute(query.where(Vehicle.id.in_(some)))]
    return sorted(found, key=lambda vehicle: vehicle.vehicle_id)
