"""Speeds as people say them."""

from __future__ import annotations

_KMH_PER_MPS = 3.6


def kmh_of(speed_mps: float) -> float:
    """Kilometres an hour of metres a second."""
    return speed_mps * _KMH_PER_MPS


def mps_of(speed_kmh: float) -> float:
    """Metres a second of kilometres an hour."""
    return speed_kmh / _KMH_PER_MPS
