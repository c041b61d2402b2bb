"""The conditions of a permit and their JSON form in `permit_revisions.terms`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from geofences.schedule import Schedule
from telemetry.samples import Mode, SafetyOfficer


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a permit demands, named and meant as in telemetry.ports.PermitTerms."""

    hours: Schedule | None = None
    speed_cap_mps: float | None = None
    modes: frozenset[Mode] = frozenset(Mode)
    safety_officers: frozenset[SafetyOfficer] = frozenset(SafetyOfficer)
    vehicles_per_remote_officer: int | None = None
    passengers_allowed: bool = True
    minimum_accuracy_m: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON form; modes and officers by lower-case name, as in the payload."""
        return {
            "hours": self.hours.to_dict() if self.hours else None,
            "speed_cap_mps": self.speed_cap_mps,
            "modes": [mode.name.lower() for mode in sorted(self.modes)],
            "safety_officers": [officer.name.lower() for officer in sorted(self.safety_officers)],
            "vehicles_per_remote_officer": self.vehicles_per_remote_officer,
            "passengers_allowed": self.passengers_allowed,
            "minimum_accuracy_m": self.minimum_accuracy_m,
        }

    @classmethod
    def from_dict(cls, terms: dict[str, Any]) -> Self:
        """Read the JSON form; every term must be there: a missing one is never guessed (KeyError)."""
        return cls(
            hours=Schedule.from_dict(terms["hours"]) if terms["hours"] else None,
            speed_cap_mps=terms["speed_cap_mps"],
            modes=frozenset(Mode[name.upper()] for name in terms["modes"]),
            safety_officers=frozenset(SafetyOfficer[name.upper()] for name in terms["safety_officers"]),
            vehicles_per_remote_officer=terms["vehicles_per_remote_officer"],
            passengers_allowed=terms["passengers_allowed"],
            minimum_accuracy_m=terms["minimum_accuracy_m"],
        )
