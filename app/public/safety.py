"""Safety statistics: by complete month and kind, of groups of at least ten.

Only complete months: numbers that grow while one looks at them would give away, by the difference
between two looks, what one vehicle has just done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.calendar import day_of, start_of_day_ms
from app.models import Alert, UsageDay, Vehicle
from app.public.suppression import SMALLEST_GROUP, Protected, group_count, protected, share_percent
from app.schemas.public import FindingCount, SafetyMonth
from telemetry.findings import RULES, Finding, Nature
from telemetry.samples import VehicleKind

MONTHS = 12
#: What merely happens to vehicles is no sign of rules that were broken, and is not counted.
_COUNTED = tuple(finding for finding, rule in RULES.items() if rule.nature is not Nature.OCCURRENCE)
#: With more than this of a group's kilometres, one vehicle would be recognised in the sum.
_LARGEST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class _Driven:
    vehicles: int = 0
    distance_m: float = 0.0
    duration_s: float = 0.0
    longest_m: float = 0.0

    @property
    def may_be_shown(self) -> bool:
        return self.vehicles >= SMALLEST_GROUP and self.longest_m <= _LARGEST_SHARE * self.distance_m

    def with_vehicle(self, distance_m: float, duration_s: float) -> _Driven:
        return _Driven(
            self.vehicles + 1,
            self.distance_m + distance_m,
            self.duration_s + duration_s,
            max(self.longest_m, distance_m),
        )


@dataclass(frozen=True, slots=True)
class _Raised:
    by_finding: Mapping[Finding, int]
    closed: int = 0
    acknowledged: int = 0


def safety(session: Session, now_ms: int) -> list[SafetyMonth]:
    """The last complete months with each kind of vehicle, the newest first."""
    return [month for first, end in _months(now_ms) for month in _both_kinds(session, first, end)]


def _both_kinds(session: Session, first: date, end: date) -> list[SafetyMonth]:
    driven, raised = _driven(session, first, end), _raised(session, first, end)
    return [
        _month(first, kind, driven.get(kind, _Driven()), raised.get(kind, _Raised({})))
        for kind in VehicleKind
        if kind in driven or kind in raised
    ]


def _month(first: date, kind: VehicleKind, driven: _Driven, raised: _Raised) -> SafetyMonth:
    if driven.vehicles < SMALLEST_GROUP:
        raised = _Raised({})  # many alerts of few vehicles are a small group all the same
    counts: Protected[Finding] = protected(dict.fromkeys(_COUNTED, 0) | dict(raised.by_finding))
    total = sum(raised.by_finding.values())
    rate = partial(_per_1000_km, distance_m=driven.distance_m if driven.may_be_shown else 0.0)
    return SafetyMonth(
        month=first.strftime("%Y-%m"),
        kind=kind,
        vehicles=group_count(driven.vehicles),
        distance_km=round(driven.distance_m / 1_000) if driven.may_be_shown else None,
        hours=round(driven.duration_s / 3_600) if driven.may_be_shown else None,
        alerts=counts.total,
        per_1000_km=rate(counts.total),
        closed_percent=share_percent(raised.closed, total) if counts.total is not None else None,
        acknowledged_percent=share_percent(raised.acknowledged, total) if counts.total is not None else None,
        findings=[
            FindingCount(finding=finding.code, alerts=count, per_1000_km=rate(count))
            for finding, count in counts.parts.items()
            if count is not None
        ],
    )


def _per_1000_km(count: int | None, *, distance_m: float) -> float | None:
    return round(count / distance_m * 1_000_000, 2) if count is not None and distance_m else None


def _driven(session: Session, first: date, end: date) -> dict[VehicleKind, _Driven]:
    rows = session.execute(
        select(Vehicle.kind, func.sum(UsageDay.distance_m), func.sum(UsageDay.duration_s))
        .join_from(UsageDay, Vehicle)
        .where(UsageDay.day >= first, UsageDay.day < end)
        .group_by(Vehicle.id, Vehicle.kind)
    )
    found: dict[VehicleKind, _Driven] = {}
    for kind, distance_m, duration_s in rows:
        found[kind] = found.get(kind, _Driven()).with_vehicle(distance_m, duration_s)
    return found


def _raised(session: Session, first: date, end: date) -> dict[VehicleKind, _Raised]:
    rows = session.execute(
        select(
            Vehicle.kind,
            Alert.finding,
            func.count(),
            func.count(Alert.closed_at_ms),
            func.count(Alert.acknowledged_at_ms),
        )
        .join_from(Alert, Vehicle)
        .where(Alert.opened_at_ms >= start_of_day_ms(first), Alert.opened_at_ms < start_of_day_ms(end))
        .where(Alert.finding.in_([int(finding) for finding in _COUNTED]))
        .group_by(Vehicle.kind, Alert.finding)
    )
    found: dict[VehicleKind, _Raised] = {}
    for kind, bit, count, closed, acknowledged in rows:
        before = found.get(kind, _Raised({}))
        by_finding = {**before.by_finding, Finding(bit): count}
        found[kind] = _Raised(by_finding, before.closed + closed, before.acknowledged + acknowledged)
    return found


def _months(now_ms: int) -> Iterator[tuple[date, date]]:
    """First day and end of each complete month in the city, the newest first."""
    end = day_of(now_ms).replace(day=1)
    for _ in range(MONTHS):
        first = (end - timedelta(days=1)).replace(day=1)
        yield first, end
        end = first
