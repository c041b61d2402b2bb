"""Everything that was ever decided, as known at a generation, and what is in force of it when.

A History never changes. The next one shares all that did not change with it: the sequences of a
snapshot are the very same objects, so that a rulebook need not compare them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from app.models import ServiceStatus
from app.registry.recognition import Borders
from app.registry.rows import Changes, Dated, Decision
from app.services.revisions import in_force
from geofences.datum import VerticalReference
from geofences.zones import ZoneRevision
from telemetry.directives import Demand
from telemetry.ports import OfficerRecord, PermitTerms, RegistrySnapshot, VehicleRecord

_Subject = TypeVar("_Subject")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Revisions by subject, and what is made of them by subject and as the sequences of a snapshot."""

    generation: int
    statuses: Mapping[int, tuple[Dated[int, ServiceStatus], ...]]
    zones: Mapping[str, tuple[Dated[str, ZoneRevision], ...]]
    permits: Mapping[int, tuple[Dated[int, Decision], ...]]
    borders: Borders
    records: Mapping[int, VehicleRecord]
    drawn: Mapping[str, Sequence[ZoneRevision]]
    granted: Mapping[int, Sequence[PermitTerms]]
    vehicle_sequence: Sequence[VehicleRecord]
    zone_sequence: Sequence[ZoneRevision]
    permit_sequence: Sequence[PermitTerms]
    officers: Mapping[str, OfficerRecord]

    def snapshot(self, vertical: VerticalReference, demands: Sequence[Demand], findings: int) -> RegistrySnapshot:
        """What judgement reads; `findings` is the mask of those that were judged at this generation."""
        return RegistrySnapshot(
            generation=self.generation,
            vehicles=self.vehicle_sequence,
            zones=self.zone_sequence,
            permits=self.permit_sequence,
            officers=self.officers,
            vertical=vertical,
            demands=demands,
            findings=findings,
        )

    def granted_if(self, permit: int, alter: Callable[[Decision], Decision]) -> Sequence[PermitTerms]:
        """What a permit would grant if each of its decisions were another one, with the zones in which it is valid."""
        decisions = [replace(dated, value=alter(dated.value)) for dated in self.permits.get(permit, ())]
        return _granted_when(self.borders, decisions)

    def advanced(self, changes: Changes) -> History:
        """What is known after these changes, which follow right after this generation."""
        later = replace(self, generation=changes.generation)
        if changes.vehicles or changes.statuses:
            later = _with_vehicles(later, changes)
        if changes.zones:
            later = _with_zones(later, changes)
        if changes.recognitions:
            recognitions = _extended(later.borders.recognitions, changes.recognitions)
            later = replace(later, borders=replace(later.borders, recognitions=recognitions))
        if changes.permits or later.borders is not self.borders:
            later = _with_permits(later, changes, every=later.borders is not self.borders)
        if changes.officers:
            later = replace(later, officers={**later.officers, **dict(changes.officers)})
        return later


def _with_vehicles(history: History, changes: Changes) -> History:
    statuses = _extended(history.statuses, changes.statuses)
    records = {**history.records, **{vehicle.key: vehicle for vehicle in changes.vehicles}}
    for key in {vehicle.key for vehicle in changes.vehicles} | {status.subject for status in changes.statuses}:
        records[key] = replace(records[key], out_of_service=_out_of_service(statuses.get(key, ())))
    ordered = [records[key] for key in sorted(records)]
    return replace(history, statuses=statuses, records=records, vehicle_sequence=ordered)


def _with_zones(history: History, changes: Changes) -> History:
    zones = _extended(history.zones, changes.zones)
    changed = {zone.subject for zone in changes.zones}
    drawn = {**history.drawn, **{zone_id: _in_force_when(zones[zone_id]) for zone_id in changed}}
    ordered = sorted(chain.from_iterable(drawn.values()), key=lambda zone: zone.revision_id)
    known = history.borders.jurisdictions
    # A zone's jurisdiction is that of its first revision: a later one moves no border.
    new = {zone.subject: zone.value.jurisdiction for zone in reversed(changes.zones) if zone.subject not in known}
    borders = replace(history.borders, jurisdictions={**known, **new}) if new else history.borders
    return replace(history, zones=zones, drawn=drawn, zone_sequence=ordered, borders=borders)


def _with_permits(history: History, changes: Changes, *, every: bool) -> History:
    permits = _extended(history.permits, changes.permits)
    changed = set(permits) if every else {permit.subject for permit in changes.permits}
    granted = {**history.granted, **{permit: _granted_when(history.borders, permits[permit]) for permit in changed}}
    ordered = sorted(chain.from_iterable(granted.values()), key=lambda terms: (terms.revision_id, terms.starts_at_ms))
    return replace(history, permits=permits, granted=granted, permit_sequence=ordered)


def _granted_when(borders: Borders, decisions: Sequence[Dated[int, Decision]]) -> list[PermitTerms]:
    return [
        terms
        for decision, start_ms, end_ms in in_force(decisions, lambda row: row.subject)
        for terms in borders.granted(decision.value, start_ms, end_ms)
    ]


def _in_force_when(revisions: Sequence[Dated[str, ZoneRevision]]) -> list[ZoneRevision]:
    return [
        replace(revision.value, starts_at_ms=start_ms, ends_at_ms=end_ms)
        for revision, start_ms, end_ms in in_force(revisions, lambda row: row.subject)
    ]


def _out_of_service(statuses: Sequence[Dated[int, ServiceStatus]]) -> tuple[tuple[int, int], ...]:
    return tuple(
        sorted(
            (start_ms, end_ms)
            for status, start_ms, end_ms in in_force(statuses, lambda row: row.subject)
            if status.value is not ServiceStatus.IN_SERVICE
        )
    )


def _extended(
    known: Mapping[_Subject, Sequence[Dated[_Subject, _Value]]], new: Iterable[Dated[_Subject, _Value]]
) -> dict[_Subject, tuple[Dated[_Subject, _Value], ...]]:
    """The same with these revisions behind those of their subjects."""
    extended = {subject: tuple(revisions) for subject, revisions in known.items()}
    for revision in new:
        extended[revision.subject] = (*extended.get(revision.subject, ()), revision)
    return extended


#: Before the first generation.
NOTHING = History(
    generation=-1,
    statuses={},
    zones={},
    permits={},
    borders=Borders({}, {}),
    records={},
    drawn={},
    granted={},
    vehicle_sequence=(),
    zone_sequence=(),
    permit_sequence=(),
    officers={},
)
