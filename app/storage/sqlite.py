"""The way of samples and tracks into SQLite and the questions that need its dialect."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Final, cast

import msgspec
from sqlalchemy import Connection, PoolProxiedConnection, text

from app.storage.columns import COLUMNS, REALS, TEXTS, encode
from app.storage.image import PAGE_BYTES, ImageFormat
from telemetry.ports import TrackState
from telemetry.samples import JudgedBatch

_FORMAT: Final = "pilotage.image_format"

_STORED = text(
    """
    SELECT s.vehicle, s.timestamp_ms, s.seq
    FROM json_each(:keys) AS k
    JOIN samples AS s ON s.vehicle = k.value ->> 0 AND s.timestamp_ms = k.value ->> 1 AND s.seq = k.value ->> 2
    """
)

# JSON has no bytes: the states travel as one value, each row names its part.
_TRACKS = """
    INSERT INTO vehicle_tracks (vehicle, watermark, last_timestamp_ms, last_seq, state)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, coalesce(substr(?1, value ->> 4, value ->> 5), x'')
    FROM json_each(?2) WHERE true
    ON CONFLICT (vehicle) DO UPDATE SET
        watermark = excluded.watermark, last_timestamp_ms = excluded.last_timestamp_ms,
        last_seq = excluded.last_seq, state = excluded.state
"""


class SqliteBulk:
    """Writes batches through an attached database in memory, replaced whole for each flush."""

    def stage(self, connection: Connection, batch: JudgedBatch) -> None:
        """Lay the batch out beside the database; before the transaction, which would forbid it."""
        if not len(batch.samples):
            return
        encoded = encode(batch)
        pooled = connection.connection
        raw = cast("sqlite3.Connection", pooled.driver_connection)
        raw.deserialize(_format_of(pooled, raw).image(encoded), name="stage")
        raw.execute("DELETE FROM temp.batch_texts")
        # A list of texts in one statement, not one statement a text: see app.storage.image.
        raw.execute(
            "INSERT INTO temp.batch_texts (number, body) SELECT key + 1, value FROM json_each(?)",
            (_json(encoded.texts),),
        )

    def insert(self, connection: Connection, batch: JudgedBatch) -> int:
        """Copy the staged batch; samples that are stored already stay as they are. How many are new."""
        return connection.exec_driver_sql(_INSERT).rowcount if len(batch.samples) else 0

    def stored(self, connection: Connection, keys: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """Those of the keys that are stored."""
        rows = connection.execute(_STORED, {"keys": _json(list(keys))})
        return {(vehicle, timestamp_ms, seq) for vehicle, timestamp_ms, seq in rows}

    def write_tracks(self, connection: Connection, tracks: Sequence[TrackState]) -> None:
        """Replace what is remembered of these vehicles, in one statement."""
        if not tracks:
            return
        lengths = [len(track.state) for track in tracks]
        starts = accumulate(lengths, initial=1)
        rows = [
            (track.vehicle, track.watermark, track.last_timestamp_ms, track.last_seq, start, length)
            for track, start, length in zip(tracks, starts, lengths, strict=False)
        ]
        states = b"".join(track.state for track in tracks)
        connection.exec_driver_sql(_TRACKS, (states, _json(rows)))

    def lock_generation(self, connection: Connection) -> None:
        """Nothing to do: the transaction began IMMEDIATE and is the only one that writes."""


def _format_of(pooled: PoolProxiedConnection, raw: sqlite3.Connection) -> ImageFormat:
    """The connection's image format; at its first flush the memory database is attached."""
    if _FORMAT not in pooled.info:
        raw.execute("ATTACH DATABASE ':memory:' AS stage")
        raw.execute(f"PRAGMA stage.page_size = {PAGE_BYTES}")
        columns = ", ".join(f"{name} {'REAL' if name in REALS else 'INTEGER'}" for name in COLUMNS)
        raw.execute(f"CREATE TABLE stage.batch ({columns})")
        raw.execute("CREATE TEMP TABLE batch_texts (number INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        pooled.info[_FORMAT] = ImageFormat(raw.serialize(name="stage"), COLUMNS, REALS)
    return cast("ImageFormat", pooled.info[_FORMAT])


def _json(rows: object) -> str:
    return msgspec.json.encode(rows).decode()


def _selected(name: str) -> str:
    if name in TEXTS:
        return f"(SELECT body FROM temp.batch_texts WHERE number = b.{name})"  # noqa: S608 -- our own column's name
    return f"b.{name}"


# Names of our own columns only: nothing from outside is put into this statement.
_INSERT = (
    f"INSERT INTO main.samples ({', '.join(COLUMNS)}) "  # noqa: S608 -- our own columns, no input
    f"SELECT {', '.join(map(_selected, COLUMNS))} FROM stage.batch AS b WHERE true ON CONFLICT DO NOTHING"
)
