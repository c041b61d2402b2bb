"""What a permit grants: the union of its zones of one band, tested horizontally and vertically together.

For each band among the zones granted, a point is first placed against the union of the zones of
that band, and only then against the band: a point that is inside one volume horizontally and
inside another one vertically is inside neither. The best answer of all bands wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from operator import is_

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geofences.exact import containment_in
from geofences.index import ZoneIndex
from geofences.placement import Codes, Flags, Integers, Placement, Points
from geofences.zones import Containment, VerticalRelation

#: Gaps up to twice this between two granted zones are closed: neighbours digitised to 1e-7 degrees
#: (11 mm), or split at different vertices, are neighbours still.
SEAM_M = 0.02

#: Unions kept; each covers the few zones that meet at one place.
_UNIONS_KEPT = 4_096


class GrantStatus(IntEnum):
    """Where a point lies against all it is granted. Ordered: of several bands the largest wins.

    BELOW and ABOVE are certain, and only of points horizontally INSIDE the union of a band.
    """

    OUTSIDE = 0
    BELOW = 1
    ABOVE = 2
    UNCERTAIN = 3
    INSIDE = 4


@dataclass(frozen=True, slots=True, eq=False)
class GrantVerdict:
    """Columns of shape (n,): `status` a GrantStatus, `revision` the row of the zone revision that decided.

    Where several zones decide, the first is named; -1 where the point is OUTSIDE or has no grant.
    `unscheduled` flags UNCERTAIN points that touch a granted zone which may not be in force, see Placement.
    """

    status: Codes
    revision: Integers
    unscheduled: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Grants:
    """Sets of zones, each by its row, over one index.

    `members` holds one bit a set and zone revision, packed little end first, shape (sets, bytes).
    Unions are kept for later Grants as well, by the slots of their zones and together with the
    areas that they were made of: a slot may come to mean another zone.
    """

    index: ZoneIndex
    members: np.ndarray[tuple[int, int], np.dtype[np.uint8]]
    unions: dict[tuple[int, ...], _Union] = field(default_factory=dict)

    @classmethod
    def of(cls, index: ZoneIndex, zone_id_sets: Sequence[frozenset[str]], previous: Grants | None = None) -> Grants:
        """Grants of the zones with these ids, in whatever revision is in force. Unknown ids grant nothing.

        Unions that `previous` has made of areas that have not changed are used again.
        """
        rows: dict[str, list[int]] = {}
        for row, revision in enumerate(index.revisions):
            rows.setdefault(revision.zone_id, []).append(row)
        flags = np.zeros((len(zone_id_sets), len(index.revisions)), dtype=np.bool_)
        packed = np.zeros((len(zone_id_sets), -(-len(index.revisions) // 8)), dtype=np.uint8)
        for grant, zone_ids in enumerate(zone_id_sets):
            flags[grant, [row for zone_id in zone_ids for row in rows.get(zone_id, ())]] = True
        packed[:] = np.packbits(flags, axis=1, bitorder="little")
        packed.flags.writeable = False
        return cls(index, packed, {} if previous is None else previous.unions)

    def judge(self, points: Points, placement: Placement, grant: Integers) -> GrantVerdict:
        """Judge placed points against one grant each: `grant` of shape (n,), -1 for none.

        `placement` must be `index.locate(points)`.
        """
        n = len(points)
        verdict = GrantVerdict(np.zeros(n, dtype=np.int8), np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.bool_))
        pairs = self._granted(placement, grant)
        volumes = self._volumes(placement, pairs)
        if len(volumes.point) == 0:
            return verdict
        status = _STATUS[volumes.horizontal, volumes.vertical]
        for row in volumes.worth_uniting(status):
            if self._inside_union(points, placement, volumes.pairs_of(row)):
                status[row] = _STATUS[Containment.INSIDE, volumes.vertical[row]]
        starts = _starts(volumes.point)
        best = np.maximum.reduceat(status, starts)
        verdict.status[volumes.point[starts]] = best
        # Of several volumes with the best status the first one is named: written last, it stays.
        deciding = np.flatnonzero(status == np.repeat(best, np.diff(starts, append=len(status))))[::-1]
        verdict.revision[volumes.point[deciding]] = volumes.zone[deciding]
        verdict.unscheduled[placement.point[pairs[placement.unscheduled[pairs]]]] = True
        np.logical_and(verdict.unscheduled, verdict.status == GrantStatus.UNCERTAIN, out=verdict.unscheduled)
        return verdict

    def _granted(self, placement: Placement, grant: Integers) -> Integers:
        """Rows of the pairs whose zone is in the point's grant."""
        of_pair = grant[placement.point]
        granted = of_pair >= 0
        if granted.any():
            bits = self.members[of_pair[granted], placement.zone[granted] >> 3]
            granted[granted] = (bits >> (placement.zone[granted] & 7)) & 1
        return np.flatnonzero(granted)

    def _volumes(self, placement: Placement, pairs: Integers) -> _Volumes:
        """Granted pairs gathered by point and band: the zones of one volume."""
        columns = self.index.columns
        key = placement.point[pairs] * (columns.bands) + columns.band[placement.zone[pairs]]
        order = np.argsort(key, kind="stable")
        pairs = pairs[order]
        starts = _starts(key[order])
        if len(pairs) == 0:
            return _Volumes(pairs, starts, pairs, pairs, np.zeros(0, dtype=np.int8), np.zeros(0, dtype=np.int8))
        best = np.maximum.reduceat(placement.horizontal[pairs], starts)
        # The first zone with the best horizontal answer speaks for the volume.
        is_best = placement.horizontal[pairs] == np.repeat(best, np.diff(starts, append=len(pairs)))
        first = np.minimum.reduceat(np.where(is_best, np.arange(len(pairs)), len(pairs)), starts)
        speaking = pairs[first]
        return _Volumes(
            pairs, starts, placement.point[speaking], placement.zone[speaking], best, placement.vertical[speaking]
        )

    def _inside_union(self, points: Points, placement: Placement, pairs: Integers) -> bool:
        """Does the union of the pairs' zones, as far as they are surely in force, hold the circle of their point?"""
        pairs = pairs[~placement.unscheduled[pairs]]
        if len(pairs) < 2:  # noqa: PLR2004 -- a union; one zone alone does not hold it, or would have been asked
            return False
        union = self._union(placement.zone[pairs])
        at = placement.point[pairs[0]]
        circle = placement.x_m[at], placement.y_m[at], points.radius_m[at]
        return containment_in(union, *circle) is Containment.INSIDE

    def _union(self, zones: Integers) -> BaseGeometry:
        slots = tuple(self.index.slot[zones].tolist())
        areas = self.index.shapes[zones].tolist()
        known = self.unions.get(slots)
        if known is not None and all(map(is_, known.areas, areas)):
            return known.whole
        if len(self.unions) >= _UNIONS_KEPT:
            self.unions.pop(next(iter(self.unions)))
        self.unions[slots] = _Union(areas, whole := _joined(areas))
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class _Union:
    areas: Sequence[BaseGeometry]
    whole: BaseGeometry


@dataclass(frozen=True, slots=True, eq=False)
class _Volumes:
    """Granted volumes, sorted by point: columns (v,), and the placement's pairs that each is made of."""

    pairs: Integers
    starts: Integers
    point: Integers
    zone: Integers
    horizontal: Codes
    vertical: Codes

    def pairs_of(self, row: int) -> Integers:
        end = self.starts[row + 1] if row + 1 < len(self.starts) else len(self.pairs)
        return self.pairs[self.starts[row] : end]

    def worth_uniting(self, status: Codes) -> Integers:
        """Rows where two or more zones touch the circle and being inside their union would matter."""
        several = np.diff(self.starts, append=len(self.pairs)) > 1
        rows = np.flatnonzero(
            several & (self.horizontal == Containment.UNCERTAIN) & (self.vertical != VerticalRelation.UNCERTAIN)
        )
        settled = self.point[status == GrantStatus.INSIDE]
        return rows[~np.isin(self.point[rows], settled)] if len(rows) else rows


def _starts(sorted_keys: Integers) -> Integers:
    """Where each run of equal keys begins; keys are not negative."""
    return np.flatnonzero(np.diff(sorted_keys, prepend=-1))


def _joined(areas: Sequence[BaseGeometry]) -> BaseGeometry:
    """The union of some areas, with gaps up to twice SEAM_M closed."""
    wider = shapely.buffer(areas, SEAM_M, join_style="mitre")
    union = shapely.buffer(shapely.union_all(wider), -SEAM_M, join_style="mitre")
    shapely.prepare(union)
    return union


def _status_table() -> Codes:
    """GrantStatus by [Containment, VerticalRelation] of one volume."""
    table = np.full((len(Containment), len(VerticalRelation)), GrantStatus.UNCERTAIN, dtype=np.int8)
    table[Containment.OUTSIDE, :] = GrantStatus.OUTSIDE
    table[Containment.INSIDE, VerticalRelation.BELOW] = GrantStatus.BELOW
    table[Containment.INSIDE, VerticalRelation.ABOVE] = GrantStatus.ABOVE
    table[Containment.INSIDE, VerticalRelation.INSIDE] = GrantStatus.INSIDE
    return table


_STATUS = _status_table()
