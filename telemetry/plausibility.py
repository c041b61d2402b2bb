"""Can this sample be true? Clock, jumps and accuracy, as functions of columns."""

from __future__ import annotations

from typing import Final

import numpy as np

from telemetry.samples import Flags, Integers, Reals, VehicleKind

#: Clocks agree within 5 s (ASTM F3548-21). Only the future is skewed: the past may be back-filled. Such a
#: sample is live and judged by its own time like any other; telemetry.decoding refuses what is far ahead.
CLOCK_TOLERANCE_MS = 5_000

#: No vehicle of the kind is faster, whatever it reports.
TOP_SPEED_MPS: Final = {VehicleKind.ROAD: 70.0, VehicleKind.AIR: 150.0}

#: Harder than any test vehicle brakes or accelerates: bounds what happens between two reports.
ACCELERATION_MPS2 = 10.0

#: A reported speed may be this much too low.
SPEED_MARGIN = 1.5

#: Antenna offsets, rounding, and the tail of honest noise beyond the accuracy circles.
SLACK_M = 15.0

#: Taken as the circle of a fix without a stated accuracy: wide enough never to accuse it.
UNSTATED_RADIUS_M = 100.0

_EARTH_RADIUS_M = 6_371_008.8


def clock_skewed(timestamp_ms: Integers, received_ms: Integers) -> Flags:
    """Samples from the future: observed more than CLOCK_TOLERANCE_MS after they arrived. Shape (n,)."""
    return timestamp_ms - received_ms > CLOCK_TOLERANCE_MS


def low_accuracy(accuracy_m: Reals, minimum_accuracy_m: Reals) -> Flags:
    """Reported accuracy worse than the permit allows; NaN on either side is no finding. Shape (n,)."""
    return accuracy_m > minimum_accuracy_m


def distance_m(lon: Reals, lat: Reals, other_lon: Reals, other_lat: Reals) -> Reals:
    """Great-circle distance of WGS-84 positions in degrees, good to 0.5 %: enough to tell a jump."""
    phi, other_phi = np.radians(lat), np.radians(other_lat)
    half_chord = (
        np.sin((other_phi - phi) / 2) ** 2
        + np.cos(phi) * np.cos(other_phi) * np.sin(np.radians(other_lon - lon) / 2) ** 2
    )
    metres: Reals = 2 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(half_chord, 1.0)))
    return metres


def reach_m(elapsed_s: Reals, speed_mps: Reals, top_speed_mps: Reals) -> Reals:
    """How far a vehicle can have come, given the larger speed reported at both ends (NaN: none)."""
    bound = top_speed_mps * elapsed_s
    reported = SPEED_MARGIN * speed_mps * elapsed_s + 0.5 * ACCELERATION_MPS2 * elapsed_s**2
    return np.fmin(bound, reported)
