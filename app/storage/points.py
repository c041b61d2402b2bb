"""Stored samples as points for drawing: the columns that a map and a plot need, of one vehicle or of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.models import Sample
from telemetry.samples import Codes, Flags, Integers, Reals

_TABLE = Sample.__table__


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """n samples; columns of shape (n,), named and meant as in telemetry.samples (EPSG:4326; absent: NaN, -1)."""

    vehicle: Integers
    timestamp_ms: Integers
    seq: Integers
    lon: Reals
    lat: Reals
    altitude_m: Reals
    altitude_datum: Codes
    heading_deg: Reals
    speed_mps: Reals
    mode: Codes
    safety_officer: Codes
    battery_percent: Reals
    verdict: Integers
    undecided: Integers
    late: Flags

    def __len__(self) -> int:
        return len(self.vehicle)

    def take(self, rows: Integers | Flags | slice) -> Points:
        """The points at `rows`."""
        return Points(**{column.name: getattr(self, column.name)[rows] for column in fields(Points)})


_TYPES = {"Integers": np.int64, "Reals": np.float64, "Codes": np.int8, "Flags": np.bool_}
#: The columns of a point, in the order of `points_query`.
POINT_NAMES = tuple(column.name for column in fields(Points))
_KINDS = tuple(_TYPES[str(column.type)] for column in fields(Points))


def points_query() -> Select[*tuple[Any, ...]]:
    """All points there are; to be narrowed and read by `read_points`."""
    return select(*(_TABLE.c[name] for name in POINT_NAMES))


def read_points(session: Session, query: Select[*tuple[Any, ...]]) -> Points:
    """The points of a query that was made from `points_query`."""
    rows = session.execute(query).all()
    return points_of([*zip(*rows, strict=True)] if rows else [()] * len(POINT_NAMES))


def points_of(columns: Sequence[Sequence[Any]]) -> Points:
    """Values of the database as points: a sequence for each of POINT_NAMES."""
    arrays: dict[str, Any] = {
        name: np.array(column, dtype=kind) for name, kind, column in zip(POINT_NAMES, _KINDS, columns, strict=True)
    }
    return Points(**arrays)
