"""Runs of different lengths as flat arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geofences.placement import Integers


def spread(starts: NDArray[np.integer], counts: NDArray[np.integer]) -> tuple[Integers, Integers]:
    """Owner and item of each element of n runs: run i is starts[i], starts[i] + 1, ... counts[i] of them.

    >>> spread(np.array([10, 0, 20]), np.array([2, 0, 1]))
    (array([0, 0, 2]), array([10, 11, 20]))
    """
    owner = np.arange(len(counts)).repeat(counts)
    item = np.arange(len(owner))
    item += (starts - counts.cumsum() + counts).repeat(counts)
    return owner, item
