"""What a zone is: kinds, vertical bands, and immutable revisions. No behaviour lives here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from geofences.schedule import Schedule

#: "Until further notice", in milliseconds UTC: larger than any instant a sample may carry.
FOREVER_MS = 2**62


class ZoneKind(StrEnum):
    """The six kinds of place. The first four can be granted by a permit."""

    TEST_ROAD = "test_road"
    TEST_AREA = "test_area"
    AIR_CORRIDOR = "air_corridor"
    VERTIPORT = "vertiport"
    RESTRICTED = "restricted"
    SPEED_LIMIT = "speed_limit"


class Datum(StrEnum):
    """Vertical reference of an altitude (ED-269 `AGL`/`AMSL`, ED-318 adds `WGS84`)."""

    AGL = "AGL"
    AMSL = "AMSL"
    WGS84 = "WGS84"


class Unit(StrEnum):
    """Unit of a vertical limit (ED-318 `uom`)."""

    METRE = "m"
    FOOT = "ft"


class Containment(IntEnum):
    """The three answers. Ordered: the smaller one wins when two conditions must both hold."""

    OUTSIDE = 0
    UNCERTAIN = 1
    INSIDE = 2


class VerticalRelation(IntEnum):
    """Where an altitude lies against a band; UNCERTAIN when unknown, unconvertible or straddling."""

    BELOW = 0
    UNCERTAIN = 1
    INSIDE = 2
    ABOVE = 3


@dataclass(frozen=True, slots=True)
class VerticalBand:
    """Closed vertical interval; `None` means unbounded on that side. Limits are in `unit`."""

    lower: float | None
    upper: float | None
    datum: Datum
    unit: Unit = Unit.METRE


@dataclass(frozen=True, slots=True)
class ZoneRevision:
    """One immutable revision of a zone, in force during [starts_at_ms, ends_at_ms).

    `geometry` is in EPSG:4326, lon then lat. A LineString or MultiLineString becomes an area by
    `half_width_m`, measured in metres in a local projection. The boundary counts as inside.
    `speed_limit_mps` is read of speed_limit zones only. `ends_at_ms` is the start of the next
    revision, the end of the zone, or FOREVER_MS.
    """

    revision_id: int
    zone_id: str
    kind: ZoneKind
    geometry: BaseGeometry
    starts_at_ms: int
    ends_at_ms: int = FOREVER_MS
    half_width_m: float | None = None
    band: VerticalBand | None = None
    schedule: Schedule | None = None
    speed_limit_mps: float | None = None
    authority: str = ""
    jurisdiction: str = ""
