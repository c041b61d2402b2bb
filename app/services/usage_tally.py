"""The chore that tallies stored samples into kilometres and hours by vehicle, place and day.

A day of a vehicle is counted as a whole and replaced as a whole, whenever more of its samples are
stored than were counted: so each sample counts once, also one that arrives days late, whatever fails
in between and however many processes count. Memory is bounded by a portion of samples.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, delete, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.calendar import day_of, start_of_day_ms
from app.database import changing_session, in_parts, reading_session, snapshot_connection
from app.models import Sample, UsageDay, UsagePlace, UsageTally, Zone
from app.registry import DatabaseRegistry
from app.services.driven import Fixes, Odometer, Total, Whereabouts
from geofences.datum import VerticalReference
from geofences.index import ZoneIndex

#: How often the chore runs.
EVERY_S = 600.0
_PORTION = 20_000
#: Vehicles to a transaction.
_REPLACED_AT_ONCE = 100
_FORTNIGHT_DAYS = 14
#: Samples are kept for a year, and some days more.
_KEPT_DAYS = 400
_TABLE = Sample.__table__
_KEY = (_TABLE.c.timestamp_ms, _TABLE.c.vehicle, _TABLE.c.seq)
_READ = [_TABLE.c[name] for name in Fixes.__slots__]
_CODES = {"altitude_datum": np.int8, "mode": np.int8}
_WHOLE = {"vehicle", "timestamp_ms", "seq", "verdict"}


def tally_usage(engine: Engine, now_ms: int, vertical: VerticalReference | None = None) -> None:
    """Tally the days that are due for a look: see `days_due`."""
    for day in days_due(now_ms):
        tally_day(engine, day, now_ms, vertical or VerticalReference())


def days_due(now_ms: int) -> Sequence[date]:
    """Today and yesterday; one in turn of the fortnight before, and one in turn of all days that are kept."""
    today, turn = day_of(now_ms), now_ms // round(EVERY_S * 1000)
    ago = {0, 1, 2 + turn % _FORTNIGHT_DAYS, 2 + turn % _KEPT_DAYS}
    return [today - timedelta(days=days) for days in sorted(ago)]


def tally_day(engine: Engine, day: date, now_ms: int, vertical: VerticalReference) -> None:
    """Count the vehicles of which more samples of this day are stored than were counted."""
    with reading_session(engine) as session:
        changed = _changed(session, day)
    if not changed:
        return
    zones = DatabaseRegistry(engine, vertical).snapshot().zones
    odometer = Odometer(ZoneIndex.build(zones, vertical))
    with snapshot_connection(engine) as connection:
        for vehicles in in_parts(changed):
            for portion in _portions(connection, day, vehicles):
                odometer.add(portion)
    totals = {vehicle: list(group) for vehicle, group in groupby(_rounded(odometer.totals), key=_vehicle)}
    counted = sorted(odometer.stored.items())  # in one order, so that processes do not wait for each other in a circle
    # In portions: on SQLite the worker waits while somebody else writes.
    for first in range(0, len(counted), _REPLACED_AT_ONCE):
        with changing_session(engine) as session:
            _replace(session, day, counted[first : first + _REPLACED_AT_ONCE], totals, now_ms)


def _changed(session: Session, day: date) -> list[int]:
    start_ms, end_ms = start_of_day_ms(day), start_of_day_ms(day + timedelta(days=1))
    stored = (
        select(_TABLE.c.vehicle, func.count())
        .where(_TABLE.c.timestamp_ms >= start_ms, _TABLE.c.timestamp_ms < end_ms)
        .group_by(_TABLE.c.vehicle)
    )
    tallied = select(UsageTally.vehicle_id, UsageTally.samples).where(UsageTally.day == day)
    known = dict(iter(session.execute(tallied)))
    return [vehicle for vehicle, count in session.execute(stored) if count > known.get(vehicle, 0)]


def _portions(connection: Connection, day: date, vehicles: Collection[int]) -> Iterator[Fixes]:
    """The day's samples of these vehicles in the order of time."""
    query = (
        select(*_READ)
        .where(
            _TABLE.c.timestamp_ms >= start_of_day_ms(day),
            _TABLE.c.timestamp_ms < start_of_day_ms(day + timedelta(days=1)),
            _TABLE.c.vehicle.in_(vehicles),
        )
        .order_by(*_KEY)
        .limit(_PORTION)
    )
    page = query
    while rows := connection.execute(page).all():
        yield _fixes(rows)
        last = rows[-1]
        page = query.where(tuple_(*_KEY) > tuple_(last.timestamp_ms, last.vehicle, last.seq))


def _fixes(rows: Sequence[Sequence[object]]) -> Fixes:
    columns = zip(Fixes.__slots__, zip(*rows, strict=True), strict=True)
    arrays: list[Any] = [
        np.array(values, dtype=np.int64 if name in _WHOLE else _CODES.get(name, np.float64)) for name, values in columns
    ]
    return Fixes(*arrays)


def _replace(
    session: Session,
    day: date,
    counted: Sequence[tuple[int, int]],
    totals: Mapping[int, Sequence[tuple[Whereabouts, Total]]],
    now_ms: int,
) -> None:
    """Take over the counts, vehicle by vehicle; where another process has counted more already, its own stay."""
    zones = dict(iter(session.execute(select(Zone.zone_id, Zone.id))))
    mine = [vehicle for vehicle, count in counted if _claim(session, vehicle, day, count, now_ms)]
    session.execute(delete(UsageDay).where(UsageDay.day == day, UsageDay.vehicle_id.in_(mine)))
    places: dict[tuple[str, ...], int] = {}
    for vehicle in mine:
        for (_vehicle_key, zone_ids), total in totals.get(vehicle, ()):
            if zone_ids not in places:
                places[zone_ids] = _place(session, [zones[zone_id] for zone_id in zone_ids])
            session.add(_row(vehicle, day, places[zone_ids], total))


def _claim(session: Session, vehicle: int, day: date, samples: int, now_ms: int) -> bool:
    """Note the count, which locks the vehicle's day until the end of the transaction; False: known already."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    noted = insert(UsageTally).values(vehicle_id=vehicle, day=day, samples=samples, tallied_at_ms=now_ms)
    updated = noted.on_conflict_do_update(
        index_elements=["vehicle_id", "day"],
        set_={"samples": noted.excluded.samples, "tallied_at_ms": noted.excluded.tallied_at_ms},
        where=UsageTally.samples < noted.excluded.samples,
    )
    return session.execute(updated.returning(UsageTally.vehicle_id)).first() is not None


def _place(session: Session, zone_keys: Sequence[int]) -> int:
    """The row of a set of zones, made at its first use."""
    key = ",".join(map(str, sorted(zone_keys)))
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    added = insert(UsagePlace).values(key=key).on_conflict_do_nothing()
    made: int | None = session.scalar(added.returning(UsagePlace.id))
    if made is None:
        return session.scalars(select(UsagePlace.id).where(UsagePlace.key == key)).one()
    session.get_one(UsagePlace, made).zones = list(session.scalars(select(Zone).where(Zone.id.in_(zone_keys))))
    return made


def _rounded(totals: Mapping[Whereabouts, Total]) -> Iterator[tuple[Whereabouts, Total]]:
    """In order, to the millimetre and millisecond: sums in another order of portions come out the same."""
    for whereabouts, total in sorted(totals.items()):
        yield (
            whereabouts,
            Total(
                distance_m=round(total.distance_m, 3),
                duration_s=round(total.duration_s, 3),
                autonomous_distance_m=round(total.autonomous_distance_m, 3),
                autonomous_duration_s=round(total.autonomous_duration_s, 3),
                samples=total.samples,
            ),
        )


def _vehicle(pair: tuple[Whereabouts, Total]) -> int:
    return pair[0][0]


def _row(vehicle: int, day: date, place_id: int, total: Total) -> UsageDay:
    return UsageDay(
        vehicle_id=vehicle,
        day=day,
        place_id=place_id,
        distance_m=total.distance_m,
        duration_s=total.duration_s,
        autonomous_distance_m=total.autonomous_distance_m,
        autonomous_duration_s=total.autonomous_duration_s,
        samples=total.samples,
    )
