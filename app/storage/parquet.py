"""Rows of a table as a Parquet file and back: every column in its own type, one row group in memory at a time.

A table with `lon` and `lat` becomes GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0/): a further column
`geometry` has each row as a point in WKB, longitude first, in OGC:CRS84, the standard's default.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from sqlalchemy import BigInteger, Connection, Double, Integer, LargeBinary, Select, SmallInteger, String, Table

from app.errors import DayDamaged

Row = tuple[Any, ...]

_GEOMETRY = "geometry"
#: The first that fits counts: the narrow whole numbers are kinds of the wide one.
_TYPES: tuple[tuple[type, Any], ...] = (
    (SmallInteger, pa.int16()),
    (BigInteger, pa.int64()),
    (Integer, pa.int32()),
    (Double, pa.float64()),
    (LargeBinary, pa.binary()),
    (String, pa.string()),
)
_DAMAGED = (pa.ArrowException, OSError)


def write_rows(connection: Connection, table: Table, wanted: Select[*Row], path: Path, rows_at_once: int) -> int:
    """Write what `wanted` finds (all columns of the table, in their order) to a new file; how many rows it has.

    Raises DayDamaged for a value that is not of its column's type.
    """
    schema, count = schema_of(table), 0
    names = table.columns.keys()
    found = connection.execute(wanted.execution_options(yield_per=rows_at_once))
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as file:
        for rows in found.partitions():
            columns = dict(zip(names, zip(*rows, strict=True), strict=True))
            try:
                file.write_batch(_batch(columns, schema))
            except (pa.ArrowException, TypeError, OverflowError) as error:
                raise DayDamaged(f"{table.name} cannot be written: {error}") from error
            count += len(rows)
    return count


def read_rows(path: Path, table: Table, unread: Callable[[str], object]) -> Iterator[Row]:
    """Every row of a file, its columns in the order of the table; `unread` is told of each part that cannot be read.

    Raises DayDamaged for what is no such file.
    """
    names = table.columns.keys()
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except _DAMAGED as error:
        raise DayDamaged("it is damaged: it cannot be opened") from error
    with file:
        if not file.schema_arrow.equals(schema_of(table)):
            raise DayDamaged(f"its columns are not those of {table.name}")
        for part in range(file.num_row_groups):
            try:
                found = file.read_row_group(part, columns=names)
            except _DAMAGED:
                unread(f"part {part + 1} of {file.num_row_groups} is damaged")
                continue
            yield from zip(*(found.column(name).to_pylist() for name in names), strict=True)


def schema_of(table: Table) -> Any:
    """The columns of its file."""
    fields = [
        pa.field(column.name, next(arrow for kind, arrow in _TYPES if isinstance(column.type, kind)))
        for column in table.columns
    ]
    if not {"lon", "lat"} <= set(table.columns.keys()):
        return pa.schema(fields)
    place = {"encoding": "WKB", "geometry_types": ["Point"]}
    geo = {"version": "1.1.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: place}}
    return pa.schema([*fields, pa.field(_GEOMETRY, pa.binary())], metadata={"geo": json.dumps(geo)})


def _batch(columns: Mapping[str, Sequence[Any]], schema: Any) -> Any:
    if _GEOMETRY in schema.names:
        points = shapely.points(columns["lon"], columns["lat"])
        columns = {**columns, _GEOMETRY: shapely.to_wkb(points, byte_order=1).tolist()}
    return pa.record_batch([pa.array(columns[field.name], type=field.type) for field in schema], schema=schema)
