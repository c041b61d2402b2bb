"""What would have been different under another zone or other terms: exactly that, and nothing without a change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from geofences.zones import FOREVER_MS
from telemetry.findings import Finding
from telemetry.ports import PermitTerms, RegistrySnapshot
from telemetry.whatif import Comparison, compare, with_terms, with_zone
from tests.telemetry.cast import AREA, CAR, FENCE, GROUND_TERMS, T0, YARD, World, drive, square, world
from tests.telemetry.test_pipeline import random_trip
from tests.telemetry.test_replay import stored_batches

_DRAFT = 2**62


def _compared(home: World, change: object, since_ms: int = T0) -> Comparison:
    return compare(stored_batches(home), home.registry, change, since_ms=since_ms)  # type: ignore[arg-type]  # a Change


def _granted(snapshot: RegistrySnapshot) -> list[PermitTerms]:
    return [terms for terms in snapshot.permits if terms.permit_id == GROUND_TERMS.permit_id]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("zone", [AREA, FENCE, YARD], ids=lambda zone: zone.zone_id)
def test_what_was_in_force_makes_no_difference(seed: int, zone: object) -> None:
    home = world()
    messages = random_trip(seed)
    for start in range(0, len(messages), 9):
        home.send(*messages[start : start + 9])
    draft = replace(zone, revision_id=_DRAFT, starts_at_ms=T0)  # type: ignore[type-var]  # a ZoneRevision
    for change in (
        lambda snapshot: with_zone(snapshot, draft),
        lambda snapshot: with_terms(snapshot, GROUND_TERMS.permit_id, T0, _granted(snapshot)),
    ):
        found = _compared(home, change)
        assert (found.shifts, found.opened, found.spared, found.moved) == ([], [], [], [])
        assert found.samples > 0


@settings(max_examples=25, deadline=None)
@given(limit_m=st.floats(330, 670), steps_m=st.lists(st.floats(2, 12), min_size=20, max_size=40))
def test_a_narrowed_area_loses_the_samples_beyond_it(limit_m: float, steps_m: list[float]) -> None:
    easts_m, east_m = [], 300.0
    for step_m in steps_m:
        east_m += step_m
        easts_m.append(east_m)
    # The accuracy circle has a radius of 1 m; a centimetre is what the two planes may differ by.
    assume(all(abs(east_m - limit_m) > 1.01 for east_m in easts_m))
    home = world()
    home.send(*drive([(east_m, 200) for east_m in easts_m], location={"speed": 7.0}))
    draft = replace(AREA, revision_id=_DRAFT, geometry=square(0, 0, limit_m, 1000), starts_at_ms=T0)
    found = _compared(home, lambda snapshot: with_zone(snapshot, draft))
    beyond = [T0 + place * 1000 for place, east_m in enumerate(easts_m) if east_m > limit_m]
    if not beyond:
        assert found.shifts == []
        return
    [shift] = found.shifts
    assert (shift.finding, shift.is_new) == (Finding.OUTSIDE_AREA, True)
    assert (shift.samples, shift.first_ms, shift.last_ms) == (len(beyond), beyond[0], beyond[-1])
    assert shift.vehicles == {CAR.key}
    assert shift.examples == [(CAR.key, beyond[0])]
    assert len(found.opened) == (1 if len(beyond) > 1 else 0)


def test_terms_count_from_the_beginning_of_the_period_only() -> None:
    home = world()
    home.send(*drive([(500 + 5 * i, 200) for i in range(20)]))

    def change(snapshot: RegistrySnapshot) -> RegistrySnapshot:
        slower = [replace(terms, speed_cap_mps=4.0) for terms in _granted(snapshot)]
        return with_terms(snapshot, GROUND_TERMS.permit_id, T0 + 10_000, slower)

    [shift] = _compared(home, change, since_ms=T0 + 10_000).shifts
    assert (shift.finding, shift.samples, shift.first_ms) == (Finding.OVERSPEED, 10, T0 + 10_000)


def test_a_wider_zone_spares_an_alert_and_an_earlier_one_is_told_as_moved() -> None:
    home = world()
    home.send(*drive([(950 + 10 * i, 200) for i in range(20)], location={"speed": 10.0}))
    wider = replace(AREA, revision_id=_DRAFT, geometry=square(0, 0, 2000, 1000), starts_at_ms=T0, ends_at_ms=FOREVER_MS)
    found = _compared(home, lambda snapshot: with_zone(snapshot, wider))
    assert [alert.finding for alert in found.spared] == [Finding.OUTSIDE_AREA]
    assert (found.opened, found.moved) == ([], [])
    narrower = replace(wider, geometry=square(0, 0, 970, 1000))
    found = _compared(home, lambda snapshot: with_zone(snapshot, narrower))
    [(was, instead)] = found.moved
    assert instead.opened_at_ms < was.opened_at_ms
    assert (found.opened, found.spared) == ([], [])
