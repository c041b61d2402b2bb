"""A rulebook compiled with the one before it says the same as one compiled afresh."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from geofences.zones import FOREVER_MS, ZoneKind, ZoneRevision
from telemetry.ports import PermitState, PermitTerms, RegistrySnapshot
from telemetry.rulebook import NOBODY, UNKNOWN, Rulebook, Standing
from tests.telemetry.cast import (
    AIR_TERMS,
    CAR,
    GROUND_TERMS,
    OTHER_CAR,
    STRAY_CAR,
    T0,
    ZONES,
    snapshot,
    square,
    vehicle,
)


def columns_of(part: Any) -> dict[str, str]:
    """The arrays of a part as text, in which NaN equals itself."""
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    return {name: str(value.tolist()) for name, value in values.items() if isinstance(value, np.ndarray)}


def assert_like_fresh(rulebook: Rulebook) -> None:
    fresh = Rulebook.of(rulebook.source)
    parts = ("timelines", "permits", "zones", "grants", "officers")
    for name in parts:
        assert columns_of(getattr(rulebook, name)) == columns_of(getattr(fresh, name)), name
    assert columns_of(rulebook.zones.index.columns) == columns_of(fresh.zones.index.columns)
    assert rulebook.zones.barriers.zone.tolist() == fresh.zones.barriers.zone.tolist()
    assert (rulebook.routes, rulebook.vehicles) == (fresh.routes, fresh.vehicles)
    assert rulebook.officers.row == fresh.officers.row
    assert rulebook.vehicle_keys.tolist() == fresh.vehicle_keys.tolist()


def changed(rng: np.random.Generator, before: RegistrySnapshot, number: int) -> RegistrySnapshot:
    """A zone, a zone's successor, a permit, a permit's successor or a vehicle more, or a vehicle out of service."""
    zones, permits, vehicles = list(before.zones), list(before.permits), list(before.vehicles)
    west, south = rng.uniform(-2000, 2000, 2).tolist()
    at_ms = T0 + number
    kind = ZoneKind.RESTRICTED if number % 2 else ZoneKind.TEST_AREA
    zone = ZoneRevision(1000 + number, f"zone-{number}", kind, square(west, south, west + 200, south + 300), at_ms)
    match int(rng.integers(6)):
        case 0:
            zones.append(zone)
        case 1:
            row = int(rng.integers(len(zones)))
            zones.append(replace(zone, zone_id=zones[row].zone_id, ends_at_ms=zones[row].ends_at_ms))
            zones[row] = replace(zones[row], ends_at_ms=at_ms)
        case 2:
            named = frozenset(rng.choice([one.key for one in vehicles], 2).tolist())
            permits.append(replace(GROUND_TERMS, revision_id=1000 + number, vehicles=named, starts_at_ms=at_ms))
        case 3:
            row = int(rng.integers(len(permits)))
            permits.append(replace(permits[row], revision_id=1000 + number, starts_at_ms=at_ms))
            permits[row] = replace(permits[row], ends_at_ms=at_ms)
        case 4:
            row = int(rng.integers(len(vehicles)))
            vehicles[row] = replace(vehicles[row], out_of_service=((at_ms, FOREVER_MS),))
        case _:
            vehicles.insert(0, vehicle(100 + number))
    return replace(before, generation=number, zones=zones, permits=permits, vehicles=vehicles)


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_changes_compiles_to_what_a_fresh_start_would(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rulebook = Rulebook.of(snapshot())
    for number in range(2, 25):
        rulebook = Rulebook.of(changed(rng, rulebook.source, number), rulebook)
        assert_like_fresh(rulebook)


def test_a_change_elsewhere_keeps_the_zones_as_they_are() -> None:
    before = Rulebook.of(snapshot())
    after = Rulebook.of(replace(before.source, generation=2, permits=[GROUND_TERMS]), before)
    assert after.zones is before.zones


def test_a_new_zone_keeps_the_areas_of_the_others() -> None:
    before = Rulebook.of(snapshot())
    new = ZoneRevision(500, "new", ZoneKind.RESTRICTED, square(-500, -500, -400, -400), 0)
    after = Rulebook.of(snapshot(zones=[*ZONES, new], generation=2), before)
    assert all(one is other for one, other in zip(after.zones.index.shapes, before.zones.index.shapes, strict=False))


def test_vehicles_that_share_their_permits_and_one_without() -> None:
    suspended = replace(
        GROUND_TERMS, revision_id=300, state=PermitState.SUSPENDED, starts_at_ms=T0, vehicles=frozenset({CAR.key, 9})
    )
    first = replace(GROUND_TERMS, ends_at_ms=T0)
    rulebook = Rulebook.of(snapshot(first, suspended))
    asked = np.array([CAR.key, CAR.key, OTHER_CAR.key, STRAY_CAR.key])
    at_ms = np.array([T0 - 1, T0, T0, T0])
    permit, standing = rulebook.timelines.at(rulebook.rows_of(asked), at_ms)
    assert permit.tolist() == [0, 1, -1, -1]
    assert standing.tolist() == [Standing.GOVERNED, Standing.SUSPENDED, Standing.MISSING, Standing.MISSING]


def standings(rulebook: Rulebook, key: int, *at_ms: int) -> list[tuple[int, int]]:
    """(permit revision, standing) of a vehicle at instants."""
    rows = rulebook.rows_of(np.full(len(at_ms), key))
    permit, standing = rulebook.timelines.at(rows, np.array(at_ms))
    revision = np.append(rulebook.permits.revision, -1)[permit]
    return list(zip(revision.tolist(), standing.tolist(), strict=True))


def test_no_permit_covers_a_vehicle_while_it_is_out_of_service() -> None:
    away = replace(CAR, out_of_service=((T0, T0 + 10), (T0 + 20, FOREVER_MS)))
    rulebook = Rulebook.of(snapshot(vehicles=(away, OTHER_CAR)))
    governed, missing = (GROUND_TERMS.revision_id, Standing.GOVERNED), (-1, Standing.MISSING)
    asked = (T0 - 1, T0, T0 + 9, T0 + 10, T0 + 19, T0 + 20, T0 + 10**9)
    assert standings(rulebook, CAR.key, *asked) == [governed, missing, missing, governed, governed, missing, missing]
    assert standings(rulebook, OTHER_CAR.key, T0) == [governed]


def test_a_revision_in_several_periods_ranks_by_its_first() -> None:
    """The zones of a permit may change with mutual recognition; that makes it no newer than another permit."""
    home, both = frozenset({"area"}), frozenset({"area", "road"})
    early = replace(GROUND_TERMS, revision_id=300, starts_at_ms=T0, ends_at_ms=T0 + 50, zone_ids=home)
    late = replace(early, starts_at_ms=T0 + 50, ends_at_ms=FOREVER_MS, zone_ids=both)
    newer = replace(GROUND_TERMS, revision_id=301, starts_at_ms=T0 + 10, valid_until_ms=T0 + 100)
    rulebook = Rulebook.of(snapshot(early, late, newer))
    assert [revision for revision, _ in standings(rulebook, CAR.key, T0, T0 + 10, T0 + 60, T0 + 100)] == [
        300,
        301,
        301,
        300,
    ]
    rows = rulebook.rows_of(np.array([CAR.key] * 2))
    permit, _ = rulebook.timelines.at(rows, np.array([T0, T0 + 100]))
    assert rulebook.permits.grant[permit].tolist() == [0, 1]


def test_without_vehicles_and_without_permits() -> None:
    empty = replace(snapshot(), vehicles=[], permits=[])
    assert Rulebook.of(empty).timelines.offset.tolist() == [0]
    nobody = Rulebook.of(replace(snapshot(), permits=[]))
    assert nobody.timelines.at(np.array([0, 1]), np.array([T0, FOREVER_MS - 1]))[1].tolist() == [Standing.MISSING] * 2
    terms: list[PermitTerms] = [AIR_TERMS]
    assert len(Rulebook.of(replace(empty, permits=terms)).permits.revision) == 1


def test_who_is_named_is_known_of_every_permit_and_person() -> None:
    nobody, both = GROUND_TERMS, replace(GROUND_TERMS, officers=frozenset({"SO-1", "SO-2"}))
    one = replace(GROUND_TERMS, officers=frozenset({"SO-2", "SO-UNHEARD-OF"}))
    rulebook = Rulebook.of(snapshot(nobody, both, one, nobody))
    officers = rulebook.officers
    rows = officers.rows_of(["SO-1", "SO-2", "SO-OTHERS", "SO-UNHEARD-OF", None])
    assert rows.tolist()[3:] == [UNKNOWN, NOBODY]
    named = [officers.are_named(np.full(len(rows), permit), rows).tolist() for permit in range(4)]
    no, yes = False, True
    assert named == [[no] * 5, [yes, yes, no, no, no], [no, yes, no, no, no], [no] * 5]
    assert rulebook.permits.names_officers.tolist() == [no, yes, yes, no]
