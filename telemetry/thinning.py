"""Fewer samples that still tell what happened: ends, gaps, and wherever mode or verdict change, always stay.

Rows are samples of which each vehicle's are together and in the order of (timestamp, seq).
"""

from __future__ import annotations

import numpy as np

from telemetry.samples import Codes, Flags, Integers

#: Where a vehicle was between two samples further apart than this is not known, and not drawn.
GAP_MS = 10_000


def after_gap(vehicle: Integers, timestamp_ms: Integers) -> Flags:
    """Rows before which nothing is known of the vehicle for longer than GAP_MS, its first one left out; shape (n,)."""
    follows = np.zeros(len(vehicle), dtype=np.bool_)
    follows[1:] = (vehicle[1:] == vehicle[:-1]) & (np.diff(timestamp_ms) > GAP_MS)
    return follows


def landmarks(vehicle: Integers, timestamp_ms: Integers, mode: Codes, verdict: Integers) -> Flags:
    """Rows that must stay: first and last of each vehicle, both sides of a gap, and each new mode or verdict."""
    count = len(vehicle)
    begins = np.ones(count, dtype=np.bool_)
    begins[1:] = vehicle[1:] != vehicle[:-1]
    begins |= after_gap(vehicle, timestamp_ms)
    stays = begins.copy()
    stays[1:] |= (mode[1:] != mode[:-1]) | (verdict[1:] != verdict[:-1])
    stays[:-1] |= begins[1:]
    stays[-1:] = True
    return stays


def at_most(stays: Flags, most: int) -> Integers:
    """Rows of one vehicle, at most `most` (at least 2): those that stay and, evenly, of the others.

    Where more must stay than there is room for, they are evenly chosen too, the first and the last among them.
    """
    if len(stays) <= most:
        return np.arange(len(stays))
    important, others = np.flatnonzero(stays), np.flatnonzero(~stays)
    if len(important) >= most:
        return _evenly(important, most)
    return np.sort(np.concatenate([important, _evenly(others, most - len(important))]))


def _evenly(rows: Integers, count: int) -> Integers:
    chosen: Integers = rows[np.linspace(0, len(rows) - 1, count).round().astype(np.int64)]
    return chosen
