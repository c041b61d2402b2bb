"""A registry snapshot compiled once into columns, so that a batch is judged without asking objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain

import numpy as np

from geofences.crossings import Barriers
from geofences.grants import Grants
from geofences.index import ZoneIndex
from geofences.ragged import spread
from geofences.schedule import Schedule
from geofences.zones import ZoneKind
from telemetry.directives import Demand
from telemetry.messages import routes
from telemetry.plausibility import TOP_SPEED_MPS
from telemetry.ports import PermitState, PermitTerms, RegistrySnapshot, VehicleRecord
from telemetry.samples import Codes, Flags, Integers, Mode, Reals, SafetyOfficer, VehicleKind

_BEFORE_ALL_TIME = -(2**62)
_NEVER = 2**62

#: Rows of Officers for somebody who is not registered, and for a sample that names nobody.
UNKNOWN, NOBODY = 0, 1

#: Periods [start_ms, end_ms).
Periods = tuple[tuple[int, int], ...]


class Standing(IntEnum):
    """What a vehicle's permit says at an instant."""

    GOVERNED = 0
    SUSPENDED = 1
    MISSING = 2


@dataclass(frozen=True, slots=True, eq=False)
class Timelines:
    """Which permit revision governs each vehicle when: steps of all vehicles, one after the other.

    Vehicle row v has the steps offset[v] to offset[v + 1]; `permit` is a row of PermitColumns (-1: none).
    """

    offset: Integers
    since_ms: Integers
    permit: Integers
    standing: Codes

    def at(self, vehicle_row: Integers, timestamp_ms: Integers) -> tuple[Integers, Codes]:
        """Permit row and Standing of each pair, by bisection of all pairs at once; shapes (n,)."""
        low = self.offset[vehicle_row]
        high = self.offset[vehicle_row + 1]
        longest = int((high - low).max(initial=1))
        for _ in range(longest.bit_length()):
            middle = (low + high) // 2
            open_ = low < high
            after = open_ & (self.since_ms[np.minimum(middle, len(self.since_ms) - 1)] <= timestamp_ms)
            low = np.where(after, middle + 1, low)
            high = np.where(open_ & ~after, middle, high)
        return self.permit[low - 1], self.standing[low - 1]


@dataclass(frozen=True, slots=True, eq=False)
class PermitColumns:
    """Terms of p permit revisions as columns (p,). No term: inf for limits, -1 for codes.

    `modes` and `safety_officers` are bit masks by number; `hours` a row of `schedules`;
    `grant` a row of the Grants.
    """

    revision: Integers
    grant: Integers
    banded: Flags
    holder: Integers
    names_officers: Flags
    hours: Integers
    speed_cap_mps: Reals
    modes: Integers
    safety_officers: Integers
    vehicles_per_officer: Integers
    passengers_allowed: Flags
    minimum_accuracy_m: Reals


@dataclass(frozen=True, slots=True, eq=False)
class Officers:
    """People who steer, columns (o,). The first two rows are no person: UNKNOWN and NOBODY.

    `named` are the pairs of permit row and officer row in which the permit names the officer, each
    as permit * o + officer, sorted, and one above all of them.
    """

    row: dict[str | None, int]
    organisation: Integers  # -1 where it is no person
    licence_expires_ms: Integers
    named: Integers

    @classmethod
    def of(cls, snapshot: RegistrySnapshot) -> Officers:
        """Compile those of a snapshot; somebody named by a permit who is not registered stays unknown."""
        records = snapshot.officers
        row: dict[str | None, int] = {officer_id: number for number, officer_id in enumerate(records, NOBODY + 1)}
        row[None] = NOBODY
        named = (
            permit_row * (len(records) + NOBODY + 1) + row[officer_id]
            for permit_row, permit in enumerate(snapshot.permits)
            for officer_id in permit.officers & records.keys()
        )
        people = records.values()
        return cls(
            row=row,
            organisation=_integers(chain((-1, -1), (each.organisation for each in people))),
            licence_expires_ms=_integers(chain((_NEVER, _NEVER), (each.licence_expires_ms for each in people))),
            named=_integers(chain(sorted(named), (_NEVER,))),
        )

    def rows_of(self, officer_id: Sequence[str | None]) -> Integers:
        """The row of each person named, shape (n,)."""
        row = self.row
        return np.array([row.get(name, UNKNOWN) for name in officer_id], dtype=np.int64)

    def are_named(self, permit: Integers, officer: Integers) -> Flags:
        """Whether each permit names each officer, by their rows, shape (n,)."""
        pair = permit * len(self.organisation) + officer
        found: Flags = self.named[np.searchsorted(self.named, pair)] == pair
        return found


@dataclass(frozen=True, slots=True, eq=False)
class ZoneRules:
    """What zones of an index mean to every vehicle, permit or not. Columns (z,)."""

    index: ZoneIndex
    barriers: Barriers
    revision: Integers
    restricted: Flags
    speed_limit_mps: Reals  # inf where the zone is no speed_limit zone


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """Everything a batch is judged against, as it was known at `generation`. Immutable.

    `vehicle_keys` is sorted, and row for row with `top_speed_mps`, `flies` (aircraft) and the timelines.
    """

    generation: int
    routes: dict[str, VehicleRecord]
    vehicles: dict[int, VehicleRecord]
    vehicle_keys: Integers
    top_speed_mps: Reals
    flies: Flags
    timelines: Timelines
    permits: PermitColumns
    schedules: tuple[Schedule, ...]
    grants: Grants
    zones: ZoneRules
    officers: Officers
    demands: dict[int, tuple[Demand, ...]]
    answer_routes: dict[str, VehicleRecord]
    source: RegistrySnapshot

    @classmethod
    def of(cls, snapshot: RegistrySnapshot, previous: Rulebook | None = None) -> Rulebook:
        """Compile the snapshot. What `previous` knows of zones that have not changed is used again."""
        vehicles = sorted(snapshot.vehicles, key=lambda vehicle: vehicle.key)
        zones = (
            previous.zones if previous and _same_zones(previous.source, snapshot) else _zone_rules(snapshot, previous)
        )
        sets = list(dict.fromkeys(permit.zone_ids for permit in snapshot.permits))
        schedules = tuple(dict.fromkeys(permit.hours for permit in snapshot.permits if permit.hours))
        return cls(
            generation=snapshot.generation,
            routes=routes(vehicles),
            vehicles={vehicle.key: vehicle for vehicle in vehicles},
            vehicle_keys=np.array([vehicle.key for vehicle in vehicles], dtype=np.int64),
            top_speed_mps=np.array([TOP_SPEED_MPS[vehicle.kind] for vehicle in vehicles], dtype=np.float64),
            flies=np.array([vehicle.kind is VehicleKind.AIR for vehicle in vehicles], dtype=np.bool_),
            timelines=_timelines(vehicles, snapshot.permits),
            permits=_permit_columns(snapshot, sets, schedules),
            schedules=schedules,
            grants=Grants.of(zones.index, sets, previous.grants if previous else None),
            zones=zones,
            officers=Officers.of(snapshot),
            demands=_by_vehicle(snapshot.demands),
            answer_routes=routes(vehicles, "directive/ack"),
            source=snapshot,
        )

    def rows_of(self, vehicle: Integers) -> Integers:
        """Rows of registered vehicles' keys, shape (n,)."""
        rows: Integers = np.searchsorted(self.vehicle_keys, vehicle)
        return rows


def _by_vehicle(demands: Iterable[Demand]) -> dict[int, tuple[Demand, ...]]:
    found: defaultdict[int, list[Demand]] = defaultdict(list)
    for demand in demands:
        found[demand.vehicle].append(demand)
    return {vehicle: tuple(waiting) for vehicle, waiting in found.items()}


def _same_zones(one: RegistrySnapshot, other: RegistrySnapshot) -> bool:
    if one.vertical != other.vertical:
        return False
    return one.zones is other.zones or _identities(one) == _identities(other)


def _identities(snapshot: RegistrySnapshot) -> list[tuple[int, int, int]]:
    """A revision is immutable but for its end, which a later one sets."""
    return [(zone.revision_id, zone.starts_at_ms, zone.ends_at_ms) for zone in snapshot.zones]


def _zone_rules(snapshot: RegistrySnapshot, previous: Rulebook | None) -> ZoneRules:
    if previous is not None and _same_zones(previous.source, snapshot):
        return previous.zones
    index = ZoneIndex.build(snapshot.zones, snapshot.vertical, previous=previous.zones.index if previous else None)
    limits = [
        zone.speed_limit_mps if zone.kind is ZoneKind.SPEED_LIMIT and zone.speed_limit_mps is not None else np.inf
        for zone in index.revisions
    ]
    return ZoneRules(
        index=index,
        barriers=Barriers.of(index),
        revision=np.array([zone.revision_id for zone in index.revisions], dtype=np.int64),
        restricted=index.of_kind((ZoneKind.RESTRICTED,)),
        speed_limit_mps=np.array(limits, dtype=np.float64),
    )


def _permit_columns(
    snapshot: RegistrySnapshot, sets: Sequence[frozenset[str]], schedules: Sequence[Schedule]
) -> PermitColumns:
    permits = snapshot.permits
    grant_of = {zone_ids: row for row, zone_ids in enumerate(sets)}
    banded = {zone.zone_id for zone in snapshot.zones if zone.band is not None}
    return PermitColumns(
        revision=_integers(permit.revision_id for permit in permits),
        grant=_integers(grant_of[permit.zone_ids] for permit in permits),
        holder=_integers(permit.holder for permit in permits),
        names_officers=np.array([bool(permit.officers) for permit in permits], dtype=np.bool_),
        banded=np.array([not banded.isdisjoint(permit.zone_ids) for permit in permits], dtype=np.bool_),
        hours=_integers(schedules.index(permit.hours) if permit.hours else -1 for permit in permits),
        speed_cap_mps=_limits(permit.speed_cap_mps for permit in permits),
        modes=_integers(sum(1 << mode for mode in permit.modes) for permit in permits),
        safety_officers=_integers(sum(1 << officer for officer in permit.safety_officers) for permit in permits),
        vehicles_per_officer=_integers(
            -1 if permit.vehicles_per_remote_officer is None else permit.vehicles_per_remote_officer
            for permit in permits
        ),
        passengers_allowed=np.array([permit.passengers_allowed for permit in permits], dtype=np.bool_),
        minimum_accuracy_m=_limits(permit.minimum_accuracy_m for permit in permits),
    )


#: Masks of a permit that leaves the choice open: then a missing field is not needed.
ALL_MODES = sum(1 << mode for mode in Mode)
ALL_OFFICERS = sum(1 << officer for officer in SafetyOfficer)


def _integers(values: Iterable[int]) -> Integers:
    return np.fromiter(values, dtype=np.int64)


def _limits(values: Iterable[float | None]) -> Reals:
    return np.fromiter((np.inf if value is None else value for value in values), dtype=np.float64)


def _timelines(vehicles: Sequence[VehicleRecord], permits: Sequence[PermitTerms]) -> Timelines:
    naming: defaultdict[int, list[int]] = defaultdict(list)
    for row, permit in enumerate(permits):
        for vehicle in permit.vehicles:
            naming[vehicle].append(row)
    # A fleet shares its permits and the times at which it is in service, and so its steps.
    fleets: dict[tuple[tuple[int, ...], Periods], int] = {}
    fleet = _integers(
        fleets.setdefault((tuple(naming.get(vehicle.key, ())), vehicle.out_of_service), len(fleets))
        for vehicle in vehicles
    )
    steps = [_steps([(row, permits[row]) for row in rows], out_of_service) for rows, out_of_service in fleets]
    counts = _integers(map(len, steps))
    _, item = spread((np.cumsum(counts) - counts)[fleet], counts[fleet])
    table = np.array([step for steps_of_one in steps for step in steps_of_one], dtype=np.int64).reshape(-1, 3)
    return Timelines(
        offset=np.concatenate([[0], np.cumsum(counts[fleet])]),
        since_ms=table[item, 0],
        permit=table[item, 1],
        standing=table[item, 2].astype(np.int8),
    )


def _steps(permits: Sequence[tuple[int, PermitTerms]], out_of_service: Periods) -> list[tuple[int, int, Standing]]:
    """(since_ms, permit row, standing) of a vehicle that these permits name, beginning before all time.

    While it is out of service no permit covers it.
    """
    instants = {_BEFORE_ALL_TIME, *chain.from_iterable(out_of_service)}
    for _, permit in permits:
        instants |= {permit.starts_at_ms, permit.ends_at_ms, permit.valid_from_ms, permit.valid_until_ms}
    decided_ms = _decided_ms(permits)
    steps: list[tuple[int, int, Standing]] = []
    for instant in sorted(instants):
        if any(start_ms <= instant < end_ms for start_ms, end_ms in out_of_service):
            row, standing = -1, Standing.MISSING
        else:
            row, standing = _governing(permits, decided_ms, instant)
        if not steps or steps[-1][1:] != (row, standing):
            steps.append((instant, row, standing))
    return steps


def _decided_ms(permits: Sequence[tuple[int, PermitTerms]]) -> dict[int, int]:
    """When each revision began: one may stand here in several periods, with other zones in each."""
    decided_ms: dict[int, int] = {}
    for _, permit in permits:
        earlier_ms = decided_ms.get(permit.revision_id, permit.starts_at_ms)
        decided_ms[permit.revision_id] = min(earlier_ms, permit.starts_at_ms)
    return decided_ms


def _governing(
    permits: Sequence[tuple[int, PermitTerms]], decided_ms: Mapping[int, int], instant_ms: int
) -> tuple[int, Standing]:
    """The newest issued permit within its period, else the newest suspended one, else none that allows driving.

    A permit that is over or revoked is still named as what was judged against.
    """
    best = (Standing.MISSING, _BEFORE_ALL_TIME, -1, -1)
    for row, permit in permits:
        if not permit.starts_at_ms <= instant_ms < permit.ends_at_ms:
            continue
        standing = Standing.MISSING
        if permit.state is PermitState.SUSPENDED:
            standing = Standing.SUSPENDED
        elif permit.state is PermitState.ISSUED and permit.valid_from_ms <= instant_ms < permit.valid_until_ms:
            standing = Standing.GOVERNED
        newest = -decided_ms[permit.revision_id]
        best = min(best, (standing, newest, -permit.revision_id, row), key=_rank)
    return best[3], best[0]


def _rank(choice: tuple[Standing, int, int, int]) -> tuple[int, bool, int, int]:
    standing, newest, revision, row = choice
    return standing, row < 0, newest, revision
