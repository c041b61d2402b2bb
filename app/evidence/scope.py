"""What a bundle is about: one vehicle, a moment, and how long before and after."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import InvalidChange

#: The national rules keep 90 s before an accident; the draft guide asks for 30 s after (docs/evidence.md).
BEFORE_S, AFTER_S = 90, 30
LONGEST_S = 3_600
NEIGHBOUR_M = 200.0
#: More would not be opened by anybody: a bundle is about a moment, not about a day of a fleet.
MOST_SAMPLES = 100_000
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scope:
    """The window [since_ms, until_ms) around `moment_ms` of the vehicle with this integer key.

    A bundle for the city names everybody; one for an operator shows other operators' vehicles without
    identity, and no entries of the audit log, which names people of the city.
    """

    vehicle: int
    moment_ms: int
    since_ms: int
    until_ms: int
    is_for_city: bool


def scope_of(vehicle: int, moment_ms: int, *, before_s: int, after_s: int, is_for_city: bool, now_ms: int) -> Scope:
    """Raises InvalidChange for a moment to come and for a window that is too long."""
    if moment_ms > now_ms:
        raise InvalidChange("it has not happened yet", code="moment_in_future", field="moment_ms")
    if not 0 < before_s + after_s <= LONGEST_S:
        raise InvalidChange(
            f"a window has 1 to {LONGEST_S} seconds", code="window_too_long", field="before_s", limit=LONGEST_S // 60
        )
    return Scope(
        vehicle=vehicle,
        moment_ms=moment_ms,
        since_ms=moment_ms - before_s * 1000,
        until_ms=moment_ms + after_s * 1000 + 1,  # the last instant belongs to it
        is_for_city=is_for_city,
    )
