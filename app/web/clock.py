"""The wall clock, read in one place and handed on."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Milliseconds UTC."""
    return time.time_ns() // 1_000_000
