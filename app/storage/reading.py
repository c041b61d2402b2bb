"""Reading what the worker stored: for replay, and for the picture at the web's start."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, select, tuple_
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models import Alert, Sample, TrackRow, Vehicle
from app.storage.columns import COLUMNS, decode
from app.storage.failures import failures_mapped
from telemetry.findings import Finding
from telemetry.ports import AlertChange
from telemetry.samples import JudgedBatch

_TABLE = Sample.__table__
_KEY = (_TABLE.c.timestamp_ms, _TABLE.c.vehicle, _TABLE.c.seq)
_GENERATION = COLUMNS.index("generation")


def stored_batches(
    source: Engine | Connection,
    *,
    vehicles: Collection[int] = (),
    since_ms: int | None = None,
    until_ms: int | None = None,
    size: int = 5_000,
) -> Iterator[JudgedBatch]:
    """All stored samples of [since_ms, until_ms) as batches of at most `size`, one generation each.

    The live samples of each vehicle come in the order of (timestamp, seq), vehicles interleaved: a
    vehicle's live samples never go back in generation. Late ones may come between; they are judged by
    themselves. `vehicles` limits them to some (none named: all). Every batch is a query of its own: on
    an engine, a long replay holds no transaction open; on a connection, it sees one state of everything
    (app.database.snapshot_connection).
    """
    query = select(*(_TABLE.c[name] for name in COLUMNS)).order_by(*_KEY).limit(size)
    if vehicles:
        query = query.where(_TABLE.c.vehicle.in_(vehicles))
    if since_ms is not None:
        query = query.where(_TABLE.c.timestamp_ms >= since_ms)
    if until_ms is not None:
        query = query.where(_TABLE.c.timestamp_ms < until_ms)
    page = query
    while rows := _rows(source, page):
        yield from _by_generation(rows)
        page = query.where(*_after(rows[-1]))


def latest_positions(session: Session, *, since_ms: int) -> Sequence[tuple[Vehicle, Sample]]:
    """The newest live sample of each vehicle that was seen since then."""
    query = (
        select(Vehicle, Sample)
        .join(TrackRow, TrackRow.vehicle == Vehicle.id)
        .join(
            Sample,
            and_(
                Sample.timestamp_ms == TrackRow.last_timestamp_ms,
                Sample.vehicle == TrackRow.vehicle,
                Sample.seq == TrackRow.last_seq,
            ),
        )
        .where(TrackRow.last_timestamp_ms >= since_ms)
    )
    return [(vehicle, sample) for vehicle, sample in session.execute(query)]


def stored_alerts(
    source: Engine | Connection, *, vehicles: Collection[int] = (), size: int = 5_000
) -> Iterator[AlertChange]:
    """Every alert episode as it stands, in the order in which they were recorded; see stored_batches."""
    query = select(Alert.__table__).order_by(Alert.id).limit(size)
    if vehicles:
        query = query.where(Alert.vehicle_key.in_(vehicles))
    page = query
    while rows := _rows(source, page):
        yield from map(_alert_change, rows)
        page = query.where(Alert.id > rows[-1].id)


def vehicle_key(connection: Connection, vehicle_id: str) -> int:
    """The integer key of a vehicle. Raises NotFound."""
    key = connection.scalar(select(Vehicle.id).where(Vehicle.vehicle_id == vehicle_id))
    if key is None:
        raise NotFound(f"no vehicle {vehicle_id}")
    return key


def _rows(source: Engine | Connection, query: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
    with failures_mapped():
        if isinstance(source, Connection):
            return source.execute(query).all()
        with source.connect() as connection:
            return connection.execute(query).all()


def _after(row: Row[*tuple[Any, ...]]) -> tuple[ColumnElement[bool], ...]:
    # The first condition says nothing new, but lets PostgreSQL leave out the days before.
    last = (row.timestamp_ms, row.vehicle, row.seq)
    return _TABLE.c.timestamp_ms >= last[0], tuple_(*_KEY) > tuple_(*last)


def _by_generation(rows: Sequence[Row[*tuple[Any, ...]]]) -> Iterator[JudgedBatch]:
    ordered = sorted(rows, key=lambda row: row[_GENERATION])  # stable: keeps each vehicle's order
    for generation, group in groupby(ordered, key=lambda row: row[_GENERATION]):
        yield decode([tuple(row) for row in group], generation)


def _alert_change(row: Row[*tuple[Any, ...]]) -> AlertChange:
    return AlertChange(
        vehicle=row.vehicle_key,
        finding=Finding(row.finding),
        severity=row.severity,
        opened_at_ms=row.opened_at_ms,
        opened_seq=row.opened_seq,
        first_seen_ms=row.first_seen_ms,
        last_seen_ms=row.last_seen_ms,
        closed_at_ms=row.closed_at_ms,
        zone_revision=-1 if row.zone_revision_id is None else row.zone_revision_id,
        permit_revision=-1 if row.permit_revision_id is None else row.permit_revision_id,
        lon=row.lon,
        lat=row.lat,
        is_new=False,
    )
