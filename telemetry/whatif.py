"""What if: stored samples judged twice, as they were and with something else in force, and where the two differ.

Both times by the very functions of ingest and from the same beginning, so that every difference is the
change's own. Memory is bounded by one batch, two tracks a vehicle, and the alert episodes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from geofences.zones import ZoneRevision
from telemetry.findings import Finding
from telemetry.judging import judge_in_order
from telemetry.ports import AlertChange, PermitTerms, Registry, RegistrySnapshot
from telemetry.replay import EpisodeKey, episode_key, together
from telemetry.rulebook import Rulebook
from telemetry.samples import Flags, JudgedBatch
from telemetry.tracks import Track

#: A registry snapshot with something else in force; good for the samples that are to be judged.
Change = Callable[[RegistrySnapshot], RegistrySnapshot]

#: Instants that are named of each shift, each of another vehicle.
MOST_EXAMPLES = 10


def with_zone(snapshot: RegistrySnapshot, draft: ZoneRevision) -> RegistrySnapshot:
    """The draft in the place of whatever revision of its zone was in force from its start on."""
    others = [zone for zone in snapshot.zones if zone.zone_id != draft.zone_id]
    before = [
        replace(zone, ends_at_ms=min(zone.ends_at_ms, draft.starts_at_ms))
        for zone in snapshot.zones
        if zone.zone_id == draft.zone_id and zone.starts_at_ms < draft.starts_at_ms
    ]
    return replace(snapshot, zones=[*others, *before, draft])


def with_terms(
    snapshot: RegistrySnapshot, permit_id: int, since_ms: int, granted: Iterable[PermitTerms]
) -> RegistrySnapshot:
    """From `since_ms` on these terms in the place of those of the permit, each in force when its revision was."""
    before = [
        replace(terms, ends_at_ms=min(terms.ends_at_ms, since_ms)) if terms.permit_id == permit_id else terms
        for terms in snapshot.permits
        if terms.permit_id != permit_id or terms.starts_at_ms < since_ms
    ]
    after = [
        replace(terms, starts_at_ms=max(terms.starts_at_ms, since_ms))
        for terms in granted
        if terms.ends_at_ms > since_ms
    ]
    return replace(snapshot, permits=[*before, *after])


@dataclass(slots=True)
class Shift:
    """Samples that would newly have (or no longer have) one finding."""

    finding: Finding
    is_new: bool
    samples: int = 0
    first_ms: int = 0
    last_ms: int = 0
    vehicles: set[int] = field(default_factory=set)
    examples: list[tuple[int, int]] = field(default_factory=list)  # (vehicle, timestamp_ms)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What would have been different. `moved` are alerts that would have opened at another time: as it was, instead."""

    samples: int
    vehicles: int
    shifts: Sequence[Shift]
    opened: Sequence[AlertChange]
    spared: Sequence[AlertChange]
    moved: Sequence[tuple[AlertChange, AlertChange]]


def compare(
    batches: Iterable[JudgedBatch], registry: Registry, change: Change, *, since_ms: int, coverage_factor: float = 2.0
) -> Comparison:
    """Judge stored batches (as `telemetry.replay.judge_again` takes them) with and without the change.

    What is before `since_ms` is judged, so that tracks and alerts have settled, and not compared.
    """
    was, would_be = _Run(), _Run()
    shifts: dict[tuple[int, bool], Shift] = {}
    samples, vehicles = 0, set[int]()
    for stored in batches:
        if was.rulebook is None or was.rulebook.generation != stored.generation:
            snapshot = registry.snapshot(stored.generation)
            was.read(snapshot)
            would_be.read(change(snapshot))
        batch = together(stored)
        before, after = (run.judge(batch, coverage_factor) for run in (was, would_be))
        counted = batch.samples.timestamp_ms >= since_ms
        samples += int(counted.sum())
        vehicles.update(np.unique(batch.samples.vehicle[counted]).tolist())
        _note(shifts, before, after, counted)
    opened, spared, moved = _episodes(was.episodes, would_be.episodes, since_ms)
    ordered = sorted(shifts.values(), key=lambda shift: (int(shift.finding), not shift.is_new))
    return Comparison(samples, len(vehicles), ordered, opened, spared, moved)


@dataclass(slots=True)
class _Run:
    """One of the two: its rulebook, and what it remembers."""

    rulebook: Rulebook | None = None
    tracks: dict[int, Track] = field(default_factory=dict)
    episodes: dict[EpisodeKey, AlertChange] = field(default_factory=dict)

    def read(self, snapshot: RegistrySnapshot) -> None:
        self.rulebook = Rulebook.of(snapshot, self.rulebook)

    def judge(self, batch: JudgedBatch, coverage_factor: float) -> JudgedBatch:
        assert self.rulebook is not None
        judged = judge_in_order(self.rulebook, batch.samples, batch.late, self.tracks, coverage_factor)
        self.tracks.update(judged.tracks)
        self.episodes.update((episode_key(change), change) for change in judged.changes)
        return judged.batch


def _note(shifts: dict[tuple[int, bool], Shift], before: JudgedBatch, after: JudgedBatch, counted: Flags) -> None:
    differs = np.where(counted, before.verdict ^ after.verdict, 0)
    changed = int(np.bitwise_or.reduce(differs)) if len(differs) else 0
    for finding in Finding:
        if not changed & finding:
            continue
        for is_new, judged in ((True, after), (False, before)):
            rows = (differs & int(finding) > 0) & (judged.verdict & int(finding) > 0)
            if rows.any():
                _add(shifts.setdefault((int(finding), is_new), Shift(finding, is_new)), judged, rows)


def _add(shift: Shift, judged: JudgedBatch, rows: Flags) -> None:
    timestamp_ms, vehicle = judged.samples.timestamp_ms[rows], judged.samples.vehicle[rows]
    first_ms, last_ms = int(timestamp_ms.min()), int(timestamp_ms.max())
    shift.first_ms = min(shift.first_ms, first_ms) if shift.samples else first_ms
    shift.last_ms = max(shift.last_ms, last_ms)
    shift.samples += len(timestamp_ms)
    keys, places = np.unique(vehicle, return_index=True)
    for key, place in zip(keys.tolist(), places.tolist(), strict=True):
        if key not in shift.vehicles and len(shift.examples) < MOST_EXAMPLES:
            shift.examples.append((key, int(timestamp_ms[place])))
    shift.vehicles.update(keys.tolist())


def _episodes(
    was: dict[EpisodeKey, AlertChange], would_be: dict[EpisodeKey, AlertChange], since_ms: int
) -> tuple[list[AlertChange], list[AlertChange], list[tuple[AlertChange, AlertChange]]]:
    """Alerts only of the change, only without it, and of both with another beginning.

    Two episodes of the same finding of one vehicle are the same alert when they overlap in time.
    """
    partners: defaultdict[tuple[int, int], list[AlertChange]] = defaultdict(list)
    for alert in was.values():
        partners[alert.vehicle, int(alert.finding)].append(alert)
    opened, moved, met = [], [], set[EpisodeKey]()
    for alert in would_be.values():
        same = [other for other in partners[alert.vehicle, int(alert.finding)] if _overlap(other, alert)]
        met.update(map(episode_key, same))
        if not same:
            opened.append(alert)
        elif episode_key(alert) not in map(episode_key, same):
            moved.append((same[0], alert))
    spared = [alert for key, alert in was.items() if key not in met]
    return (
        [alert for alert in opened if alert.opened_at_ms >= since_ms],
        [alert for alert in spared if alert.opened_at_ms >= since_ms],
        [pair for pair in moved if max(each.opened_at_ms for each in pair) >= since_ms],
    )


def _overlap(one: AlertChange, other: AlertChange) -> bool:
    return not (_ends_before(one, other) or _ends_before(other, one))


def _ends_before(one: AlertChange, other: AlertChange) -> bool:
    return one.closed_at_ms is not None and one.closed_at_ms < other.first_seen_ms
