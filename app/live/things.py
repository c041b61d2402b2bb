"""What the live picture is made of besides positions: vehicles, alerts, names of places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from app.services.alert_ids import alert_public_id
from telemetry.findings import RULES, Finding, Severity
from telemetry.ports import Encounter
from telemetry.samples import VehicleKind


@dataclass(frozen=True, slots=True)
class Names:
    """What a place or an organisation is called in both languages."""

    zh: str
    en: str

    def fields(self) -> dict[str, str]:
        """As JSON shows it."""
        return {"zh": self.zh, "en": self.en}


@dataclass(frozen=True, slots=True)
class Place:
    """A zone that people name a place by."""

    zone_id: str
    names: Names

    def fields(self) -> dict[str, str]:
        """As JSON shows it."""
        return self.names.fields() | {"zone_id": self.zone_id}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is charged with an alert."""

    id: int
    name: str

    def fields(self) -> dict[str, int | str]:
        """As JSON shows it."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A registered vehicle as staff see it; `code` is its operator's.

    `officer_limit`: how many vehicles one remote officer may have by the permits that name it (None: any).
    """

    key: int
    vehicle_id: str
    kind: VehicleKind
    organisation: int
    operator: Names
    code: str = ""
    officer_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert episode. (vehicle, finding, opened_at_ms, opened_seq) is its natural key.

    `encounter` is with the aircraft that is too close. From `acknowledged_at_ms` to `version` it is what people
    did, as of `version` (0: told by the judge, who does not know).
    """

    vehicle: int
    finding: Finding
    severity: Severity
    opened_at_ms: int
    opened_seq: int
    last_seen_ms: int
    lon: float
    lat: float
    zone_revision: int = -1
    closed_at_ms: int | None = None
    acknowledged_at_ms: int | None = None
    escalated_at_ms: int | None = None
    resolved_at_ms: int | None = None
    assignee: Person | None = None
    comments: int = 0
    version: int = 0
    encounter: Encounter | None = None

    @property
    def alert_id(self) -> str:
        """The public form of the natural key, the same in every process and after every restart."""
        return alert_public_id(self.vehicle, self.finding, self.opened_at_ms, self.opened_seq)

    @property
    def is_over(self) -> bool:
        """Whether the judge has ended it."""
        return self.closed_at_ms is not None

    @property
    def stands(self) -> bool:
        """Whether it belongs on the board: it goes on, or nobody had seen it when it ended."""
        return not self.is_over or (self.acknowledged_at_ms is None and self.resolved_at_ms is None)


_URGENCY = {severity: rank for rank, severity in enumerate((Severity.NOTICE, Severity.WARNING, Severity.CRITICAL))}


def most_severe(alerts: list[Alert]) -> Severity | None:
    """The severity that a vehicle is painted with."""
    return max((alert.severity for alert in alerts), key=_URGENCY.__getitem__, default=None)


@lru_cache(maxsize=4_096)
def finding_codes(mask: int) -> tuple[str, ...]:
    """The stable names of the bits in a verdict, in the order of the bits."""
    return tuple(finding.code for finding in RULES if mask & finding)
