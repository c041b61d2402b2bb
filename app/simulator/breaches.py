"""The script of the showcase: which vehicle commits which breach, at which second of every minute.

Every finding is either in SCRIPTS or, with a reason, in UNSCRIPTED; a test compares what the real
pipeline makes of the simulated stream with this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from telemetry.findings import Finding

CYCLE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Misreport:
    """Reports other values; None leaves the field out. `location.` fields are named with their prefix."""

    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Wander:
    """Halts on its course (unless it flies on), moves off it to the right or upwards, and comes back."""

    right_m: float = 0.0
    up_m: float = 0.0
    ramp_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Hurry:
    """Drives at this speed, whatever lies ahead."""

    speed_mps: float


@dataclass(frozen=True, slots=True)
class WrongClock:
    """Halts; its clock is ahead by so much, and is right again before the breach ends.

    What it sends with the right clock is late until time has caught up with what it sent before. It
    stands until then: else the first sample that counts again would show a leap.
    """

    ahead_ms: int

    def is_wrong(self, elapsed_s: float, lasts_s: float) -> bool:
        """Whether the clock is ahead now."""
        return elapsed_s < lasts_s - self.ahead_ms / 1000 - 1


@dataclass(frozen=True, slots=True)
class Scatter:
    """Its fixes fall far away, each time in another direction."""

    distance_m: float


@dataclass(frozen=True, slots=True)
class Appear:
    """Switched off (still and silent) except now, and except in the hours of its permit, if it has any."""


Act = Misreport | Wander | Hurry | WrongClock | Scatter | Appear


class Opens(StrEnum):
    """How often the breach opens an alert."""

    EACH_MINUTE = "each_minute"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Script:
    """One breach of every minute: `starts_s` is the second of the minute (UTC), `lasts_s` its length.

    `alerted` are the vehicles that get an alert, where it is not the one that acts.
    """

    finding: Finding
    vehicle_id: str
    starts_s: int
    lasts_s: int
    act: Act
    opens: Opens = Opens.EACH_MINUTE
    alerted: tuple[str, ...] = field(default=())

    def elapsed_s(self, at_ms: int) -> float | None:
        """Seconds since the breach began, None when it is not going on."""
        elapsed_s = (at_ms - self.starts_s * 1000) % CYCLE_MS / 1000
        return elapsed_s if elapsed_s < self.lasts_s else None


SCRIPTS = (
    Script(Finding.OVERSPEED, "YL-001", 0, 12, Hurry(18.5)),  # its permit allows 50 km/h
    Script(Finding.OUTSIDE_AREA, "YL-011", 4, 20, Wander(right_m=40.0, ramp_s=8.0)),
    # Down to where the other one of its formation flies.
    Script(Finding.SEPARATION, "FL-110", 5, 16, Wander(up_m=-18.0), alerted=("FL-109", "FL-110")),
    # A colleague whom its permit does not name.
    Script(Finding.OFFICER_NOT_PERMITTED, "YL-012", 6, 9, Misreport({"officer_id": "SO-YL-14"})),
    Script(Finding.MODE_NOT_PERMITTED, "HJ-012", 9, 9, Misreport({"mode": "manual"})),
    Script(Finding.ABOVE_CEILING, "FL-101", 12, 25, Wander(up_m=8.0, ramp_s=12.0)),
    Script(Finding.SAFETY_OFFICER_MISSING, "HJ-013", 16, 9, Misreport({"safety_officer": "none", "officer_id": None})),
    Script(Finding.PASSENGERS_NOT_PERMITTED, "HJ-010", 20, 9, Misreport({"passengers": 2})),
    Script(Finding.PERMIT_MISSING, "HJ-019", 23, 12, Appear(), opens=Opens.ONCE),
    Script(Finding.LOW_ACCURACY, "HJ-011", 26, 11, Misreport({"location.horizontal_accuracy": 18.0})),
    Script(Finding.BELOW_FLOOR, "FL-102", 28, 25, Wander(up_m=-8.0, ramp_s=12.0)),
    Script(
        Finding.REMOTE_RATIO_EXCEEDED,  # a fourth vehicle for an officer who may watch over three
        "HJ-004",
        29,
        10,
        Misreport({"officer_id": "RO-HJ-01"}),
        alerted=("HJ-001", "HJ-002", "HJ-003", "HJ-004"),
    ),
    Script(Finding.LICENCE_EXPIRED, "HJ-014", 36, 9, Misreport({"officer_id": "SO-HJ-90"})),
    Script(Finding.RESTRICTED_AREA, "YL-014", 39, 23, Wander(right_m=60.0, ramp_s=10.0)),
    Script(Finding.CLOCK_SKEW, "HJ-015", 42, 22, WrongClock(10_000)),
    Script(Finding.PERMIT_SUSPENDED, "HJ-020", 45, 12, Appear(), opens=Opens.ONCE),
    # So far that no fix is in reach of another, nor of the last good one, until it is over.
    Script(Finding.IMPLAUSIBLE_JUMP, "HJ-016", 47, 12, Scatter(2_200.0)),
    Script(
        Finding.INDETERMINATE,  # an aircraft that does not say how well it knows where it is
        "FL-106",
        50,
        10,
        Misreport({"location.horizontal_accuracy": None}),
    ),
    Script(Finding.OUTSIDE_HOURS, "YL-017", 53, 12, Appear(), opens=Opens.ONCE),  # at night
    Script(Finding.OUTSIDE_HOURS, "YL-018", 53, 12, Appear(), opens=Opens.ONCE),  # by day
    Script(Finding.OVERSPEED, "YL-019", 56, 10, Hurry(11.0)),  # at the school, in its hours
)

_PROPOSED = "no breach: it would become the proposal of an incident again and again"
#: Findings that no vehicle of the showcase provokes, each with the reason.
UNSCRIPTED: Mapping[Finding, str] = {
    Finding.LOW_BATTERY: "the fleet is charged in time",
    Finding.LINK_LOST: "shown by no sample; whoever is switched off is parked before",
    Finding.TAKEOVER: _PROPOSED,
    Finding.MINIMAL_RISK: _PROPOSED,
    Finding.HARD_BRAKING: _PROPOSED,
    Finding.VERTIPORT_CONFLICT: "no aircraft of the showcase comes down to its vertiport across a test road",
}
