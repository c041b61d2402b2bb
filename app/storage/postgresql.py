"""The way of samples and tracks into PostgreSQL: daily partitions, COPY into staging, INSERT ... ON CONFLICT."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import numpy as np
import psycopg
from sqlalchemy import Connection, text

from app.storage.columns import COLUMNS, REALS, TEXTS, EncodedBatch, encode
from telemetry.ports import TrackState
from telemetry.samples import JudgedBatch

DAY_MS = 86_400_000
_STAGED: Final = "pilotage.staging_table"
#: Serialises the creation of partitions among workers; any constant of our own will do.
_PARTITION_LOCK = 0x50494C4F54
_COPY_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # no flags, no header extension
_COPY_END = b"\xff\xff"

_STORED = text(
    """
    SELECT s.vehicle, s.timestamp_ms, s.seq
    FROM unnest(CAST(:vehicles AS bigint[]), CAST(:timestamps AS bigint[]), CAST(:seqs AS bigint[])) AS k (v, t, n)
    JOIN samples AS s ON s.vehicle = k.v AND s.timestamp_ms = k.t AND s.seq = k.n
    """
)

_TRACK_COLUMNS = ("vehicle", "watermark", "last_timestamp_ms", "last_seq", "state")
_TRACKS = text(
    """
    INSERT INTO vehicle_tracks (vehicle, watermark, last_timestamp_ms, last_seq, state)
    SELECT * FROM unnest(CAST(:vehicle AS bigint[]), CAST(:watermark AS bigint[]),
        CAST(:last_timestamp_ms AS bigint[]), CAST(:last_seq AS bigint[]), CAST(:state AS bytea[]))
    ON CONFLICT (vehicle) DO UPDATE SET
        watermark = excluded.watermark, last_timestamp_ms = excluded.last_timestamp_ms,
        last_seq = excluded.last_seq, state = excluded.state
    """
)


class PostgresqlBulk:
    """Writes batches through a temporary table of each connection."""

    def __init__(self) -> None:
        self._days: set[int] = set()

    def stage(self, connection: Connection, batch: JudgedBatch) -> None:
        """Create the days that the batch needs, and the next day ahead, in a transaction of their own.

        Adding a partition keeps others from doing the same: better not for as long as a flush.
        A connection also gets its staging table at its first flush.
        """
        days = {int(day) for day in np.unique(batch.samples.timestamp_ms // DAY_MS)}
        missing = {day + ahead for day in days - self._days for ahead in (0, 1)} - self._days
        if missing:
            with connection.begin():
                add_partitions(connection, missing)
            self._days |= missing
        if _STAGED not in connection.connection.info:
            with connection.begin():
                connection.execute(text(_CREATE_STAGING))
            connection.connection.info[_STAGED] = True

    def insert(self, connection: Connection, batch: JudgedBatch) -> int:
        """COPY the batch and insert it; samples that are stored already stay as they are. How many are new."""
        if not len(batch.samples):
            return 0
        encoded = encode(batch)
        pooled = connection.connection
        raw = cast("psycopg.Connection[object]", pooled.driver_connection)
        with raw.cursor() as cursor:
            with cursor.copy(f"COPY batch ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)") as copy:
                copy.write(_copy_bytes(encoded))
            cursor.execute(_INSERT, {"texts": encoded.texts})
            return cursor.rowcount

    def stored(self, connection: Connection, keys: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """Those of the keys that are stored."""
        vehicles, timestamps, seqs = zip(*keys, strict=True)
        bound = {"vehicles": list(vehicles), "timestamps": list(timestamps), "seqs": list(seqs)}
        return {(vehicle, timestamp_ms, seq) for vehicle, timestamp_ms, seq in connection.execute(_STORED, bound)}

    def write_tracks(self, connection: Connection, tracks: Sequence[TrackState]) -> None:
        """Replace what is remembered of these vehicles, in one statement."""
        if tracks:
            columns = {name: [getattr(track, name) for track in tracks] for name in _TRACK_COLUMNS}
            connection.execute(_TRACKS, columns)

    def lock_generation(self, connection: Connection) -> None:
        """Hold off changes of the registry until this flush is committed.

        A lock of the table and not of its row: these queue fairly, so workers that flush all the time
        cannot keep a regulator's decision waiting for ever.
        """
        connection.execute(text("LOCK TABLE registry_generation IN SHARE MODE"))


def partition_name(day: int) -> str:
    """The partition of a day, counted from 1970-01-01 UTC."""
    return f"samples_p{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y%m%d}"


def add_partitions(connection: Connection, days: Collection[int]) -> None:
    """Make sure that these days have partitions; nobody else makes one until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PARTITION_LOCK})
    for day in sorted(days):
        _add_partition(connection, day)


def _add_partition(connection: Connection, day: int) -> None:
    """Make the day by itself and attach it: unlike CREATE ... PARTITION OF, that waits for no reader of the table."""
    name, first_ms = partition_name(day), day * DAY_MS
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is None:
        connection.execute(text(f"CREATE TABLE {name} (LIKE samples INCLUDING ALL)"))
        bounds = f"FOR VALUES FROM ({first_ms}) TO ({first_ms + DAY_MS})"
        connection.execute(text(f"ALTER TABLE samples ATTACH PARTITION {name} {bounds}"))


def _copy_bytes(batch: EncodedBatch) -> bytes:
    """PostgreSQL's binary COPY format: per row the number of fields, per field its length and value."""
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for name in COLUMNS:
        fields += [(f"{name}_bytes", ">i4"), (name, ">f8" if name in REALS else ">i8")]
    rows = np.empty(len(batch), dtype=fields)
    rows["count"] = len(COLUMNS)
    for name in COLUMNS:
        rows[f"{name}_bytes"] = 8
        rows[name] = batch.arrays[name]
    return _COPY_SIGNATURE + rows.tobytes() + _COPY_END


def _staged(name: str) -> str:
    return f"{name} {'double precision' if name in REALS else 'bigint'}"


def _selected(name: str) -> str:
    if name in TEXTS:
        return f"(%(texts)s::text[])[{name}]"  # counted from 1; 0 is out of bounds and reads as NULL
    return f"nullif({name}, 'NaN')" if name in REALS else name


# Names of our own columns only: nothing from outside is put into these statements.
_CREATE_STAGING = f"CREATE TEMP TABLE batch ({', '.join(map(_staged, COLUMNS))}) ON COMMIT DELETE ROWS"
_INSERT = (
    f"INSERT INTO samples ({', '.join(COLUMNS)}) "  # noqa: S608 -- our own columns, no input
    f"SELECT {', '.join(map(_selected, COLUMNS))} FROM batch ON CONFLICT DO NOTHING"
)
