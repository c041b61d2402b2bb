"""Archive files: one day of samples and their seals as a GeoPackage, which is a SQLite database.

The tables are named and filled as in the database, so what checks the one checks the other, and any
program for maps opens the samples as points (EPSG:4326).
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Double, Integer, LargeBinary, NullPool, Text, create_engine, select

from app.models import Sample, SampleSeal
from app.storage.columns import COLUMNS

DAY_MS = 86_400_000
_FETCHED_AT_ONCE = 2_000
_HASHED_AT_ONCE = 1 << 20
_SAMPLES, _SEALS = Sample.__table__, SampleSeal.__table__
_SEAL_COLUMNS = tuple(column.name for column in _SEALS.columns)
_LON, _LAT = COLUMNS.index("lon"), COLUMNS.index("lat")
#: GeoPackage 1.3, binary geometry: header without envelope, then WKB of a point; all little-endian.
_POINT = struct.Struct("<2sBBiBI2d")
_WGS84 = 4326
_GEOPACKAGE_ID, _GEOPACKAGE_VERSION = 0x47504B47, 10_300
_WGS84_TEXT = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]'
)


def _declared(table: Any, columns: Sequence[str]) -> str:
    """Columns with the types that a GeoPackage has for them."""
    kinds = ((Integer, "INTEGER"), (Double, "DOUBLE"), (Text, "TEXT"), (LargeBinary, "BLOB"))
    types = (next(name for kind, name in kinds if isinstance(table.c[column].type, kind)) for column in columns)
    return ", ".join(f"{column} {name}" for column, name in zip(columns, types, strict=True))


_TABLES = f"""
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
    description TEXT, last_change TEXT NOT NULL, min_x REAL, min_y REAL, max_x REAL, max_y REAL, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY, column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z INTEGER NOT NULL, m INTEGER NOT NULL);
INSERT INTO gpkg_spatial_ref_sys VALUES ('Undefined Cartesian', -1, 'NONE', -1, 'undefined', NULL),
    ('Undefined geographic', 0, 'NONE', 0, 'undefined', NULL),
    ('WGS 84', {_WGS84}, 'EPSG', {_WGS84}, '{_WGS84_TEXT}', NULL);
INSERT INTO gpkg_geometry_columns VALUES ('samples', 'geometry', 'POINT', {_WGS84}, 0, 0);
CREATE TABLE samples (fid INTEGER PRIMARY KEY, geometry BLOB, {_declared(_SAMPLES, COLUMNS)});
CREATE TABLE sample_seals ({_declared(_SEALS, _SEAL_COLUMNS)});
PRAGMA application_id = {_GEOPACKAGE_ID};
PRAGMA user_version = {_GEOPACKAGE_VERSION};
"""  # noqa: S608 -- names of our own columns only
#: The time of the last change would make files differ that hold the same.
_INSERT_CONTENTS = f"""
INSERT INTO gpkg_contents SELECT 'samples', 'features', 'samples', '', '1970-01-01T00:00:00.000Z',
    min(lon), min(lat), max(lon), max(lat), {_WGS84} FROM samples
    UNION ALL SELECT 'sample_seals', 'attributes', 'sample_seals', '', '1970-01-01T00:00:00.000Z',
    NULL, NULL, NULL, NULL, NULL
"""  # noqa: S608 -- a number of our own
_AFTERWARDS = """
CREATE UNIQUE INDEX samples_in_time ON samples (timestamp_ms, vehicle, seq);
CREATE INDEX seals_in_time ON sample_seals (first_ms);
"""
_INSERT_SAMPLE = f"INSERT INTO samples (geometry, {', '.join(COLUMNS)}) VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"  # noqa: S608
_INSERT_SEAL = f"INSERT INTO sample_seals VALUES ({', '.join('?' * len(_SEAL_COLUMNS))})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Written:
    """How much a file holds."""

    samples: int
    blocks: int


def write_archive(connection: Connection, day: int, path: Path) -> Written:
    """Write everything of a day into a new file, safely on disk when this returns; memory is bounded.

    `connection` must see one state of the database.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode=OFF")
        file.execute("PRAGMA synchronous=OFF")  # one fsync at the end: a file that was cut off is thrown away
        file.executescript(_TABLES)
        file.execute("BEGIN")
        samples = blocks = 0
        for rows in _portions(connection, _of_day(_SAMPLES, _SAMPLES.c.timestamp_ms, COLUMNS, day)):
            file.executemany(_INSERT_SAMPLE, [(_point(row), *row) for row in rows])
            samples += len(rows)
        for rows in _portions(connection, _of_day(_SEALS, _SEALS.c.first_ms, _SEAL_COLUMNS, day)):
            file.executemany(_INSERT_SEAL, rows)
            blocks += len(rows)
        file.execute(_INSERT_CONTENTS)
        file.execute("COMMIT")
        file.executescript(_AFTERWARDS)
    _sync(path)
    return Written(samples, blocks)


@contextmanager
def opened_archive(path: Path) -> Iterator[Connection]:
    """A file of the archive for reading; nothing is written, not even beside it."""
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def sha256_of(path: Path) -> bytes:
    """The file's SHA-256. Raises OSError when it cannot be read."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_HASHED_AT_ONCE):
            found.update(part)
    return found.digest()


def move_into_place(path: Path, place: Path) -> None:
    """Give a file its name, safely on disk when this returns."""
    path.replace(place)
    _sync(place.parent)


def _of_day(table: Any, time: Any, columns: Sequence[str], day: int) -> Any:
    """In the order of the table's key: the samples' is their time."""
    wanted = select(*(table.c[name] for name in columns)).where(time >= day * DAY_MS, time < (day + 1) * DAY_MS)
    return wanted.order_by(*table.primary_key.columns).execution_options(yield_per=_FETCHED_AT_ONCE)


def _portions(connection: Connection, wanted: Any) -> Iterator[list[tuple[Any, ...]]]:
    for rows in connection.execute(wanted).partitions():
        yield [tuple(row) for row in rows]


def _point(row: Sequence[Any]) -> bytes:
    return _POINT.pack(b"GP", 0, 1, _WGS84, 1, 1, row[_LON], row[_LAT])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
