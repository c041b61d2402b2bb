"""The wall clock, read in this one place and handed on as a telemetry.ports.Clock."""

from __future__ import annotations

import time


def system_clock() -> int:
    """Milliseconds UTC, now."""
    return time.time_ns() // 1_000_000
