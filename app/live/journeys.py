"""How far each vehicle has come since public names changed.

Counted in strides, each from one fixed point to the next: a parked vehicle whose fixes wander never
makes one, however long it stands.
"""

from __future__ import annotations

import math
from collections import Counter

STRIDE_M = 200.0
#: Five kilometres, at the end of which a vehicle may have come from any part of the city zone.
STRIDES = 25
#: Slower than this, a vehicle stands.
_DRIVES_MPS = 1.0

_METRES_PER_DEGREE = 111_320.0


class Journeys:
    """Begins when the old names go; thrown away when the next ones go.

    `is_first_day`: of a process that started in the middle of a day. It does not know how far anybody
    has come: who drives when it is first seen counts as far, who stands may have stood since yesterday.
    """

    def __init__(self, *, is_first_day: bool = False) -> None:
        self.is_first_day = is_first_day
        self._strides: Counter[int] = Counter()
        self._stride_from: dict[int, tuple[float, float]] = {}

    def come_to(self, vehicle: int, *, lon: float, lat: float, speed_mps: float | None) -> None:
        """The vehicle is here now."""
        if vehicle not in self._stride_from and self.is_first_day and (speed_mps or 0.0) >= _DRIVES_MPS:
            self._strides[vehicle] = STRIDES
        before = self._stride_from.setdefault(vehicle, (lon, lat))
        if self._strides[vehicle] < STRIDES and _distance_m(before, (lon, lat)) >= STRIDE_M:
            self._strides[vehicle] += 1
            self._stride_from[vehicle] = (lon, lat)

    def is_known(self, vehicle: int) -> bool:
        """Whether it was seen at all."""
        return vehicle in self._stride_from

    def is_far(self, vehicle: int) -> bool:
        """Whether it has come so far that where it was before tells nothing."""
        return self._strides[vehicle] >= STRIDES


def _distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Good to a per cent over a stride; nothing is judged by it."""
    east = (other[0] - one[0]) * math.cos(math.radians(one[1]))
    return math.hypot(east, other[1] - one[1]) * _METRES_PER_DEGREE
