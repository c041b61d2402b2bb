"""Each finding against the term that it reads: what shows it, what does not, what leaves it undecided."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from geofences.datum import VerticalReference
from geofences.schedule import Schedule
from geofences.zones import FOREVER_MS, ZoneRevision
from telemetry import compliance
from telemetry.findings import OF_SAMPLES, Finding
from telemetry.ports import PermitState, PermitTerms
from telemetry.samples import Mode, SafetyOfficer
from tests.telemetry.cast import (
    AIR_TERMS,
    AREA,
    CAR,
    EVTOL,
    FENCE,
    GROUND_TERMS,
    OTHER_CAR,
    SCHOOL,
    STRAY_CAR,
    T0,
    YARD,
    ZONES,
    drive,
    message,
    payload,
    vehicle,
    world,
)

NOTHING = Finding(0)
UNSURE = Finding.INDETERMINATE
Outcome = tuple[Finding, Finding]


def judged(*permits: PermitTerms, who: Any = CAR, at: tuple[float, float] = (500, 500), **changes: Any) -> Outcome:
    """Verdict and undecided bits of one sample under these permits."""
    home = world(*permits)
    home.send(message(payload(1, T0, *at, **changes), who))
    return home.findings(1, who), home.undecided(1, who)


def ground(**terms: Any) -> PermitTerms:
    return replace(GROUND_TERMS, **terms)


def test_a_well_behaved_car_shows_nothing() -> None:
    assert judged() == (NOTHING, NOTHING)


# --- the permit itself


def test_no_permit_names_the_vehicle() -> None:
    assert judged(who=STRAY_CAR, at=(5000, 5000)) == (Finding.PERMIT_MISSING, NOTHING)


@pytest.mark.parametrize("state", [state for state in PermitState if state is not PermitState.ISSUED])
def test_only_an_issued_permit_allows_driving(state: PermitState) -> None:
    expected = Finding.PERMIT_SUSPENDED if state is PermitState.SUSPENDED else Finding.PERMIT_MISSING
    assert judged(ground(state=state), at=(5000, 5000)) == (expected, NOTHING)


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "expected"),
    [
        (T0, T0 + 1, NOTHING),
        (T0 + 1, FOREVER_MS, Finding.PERMIT_MISSING),
        (0, T0, Finding.PERMIT_MISSING),
    ],
)
def test_a_period_holds_its_start_and_not_its_end(from_ms: int, until_ms: int, expected: Finding) -> None:
    assert judged(ground(valid_from_ms=from_ms, valid_until_ms=until_ms)) == (expected, NOTHING)


def test_revisions_take_over_at_their_start() -> None:
    before = ground(ends_at_ms=T0 + 2000)
    after = ground(revision_id=203, state=PermitState.SUSPENDED, starts_at_ms=T0 + 2000)
    home = world(before, after)
    home.send(*drive([(500, 500)] * 4))
    assert [home.findings(seq) for seq in (1, 2, 3, 4)] == [NOTHING, NOTHING, *[Finding.PERMIT_SUSPENDED] * 2]
    assert [home.row(seq)["permit_revision"] for seq in (2, 3)] == [201, 203]


def test_of_two_permits_the_one_that_allows_driving_governs() -> None:
    suspended = ground(revision_id=210, state=PermitState.SUSPENDED, starts_at_ms=5)
    assert judged(suspended, GROUND_TERMS) == (NOTHING, NOTHING)
    newer = ground(revision_id=211, starts_at_ms=5, zone_ids=frozenset({"road"}))
    assert judged(GROUND_TERMS, newer) == (Finding.OUTSIDE_AREA, NOTHING)


# --- place


@pytest.mark.parametrize(
    ("at", "accuracy_m", "expected"),
    [
        ((999.9, 200), 0.0, (NOTHING, NOTHING)),
        ((1000.1, 200), 0.0, (Finding.OUTSIDE_AREA, NOTHING)),
        ((998.0, 200), 1.5, (NOTHING, Finding.OUTSIDE_AREA)),
        ((1002.0, 200), 1.5, (NOTHING, Finding.OUTSIDE_AREA)),
        ((1004.0, 200), 1.5, (Finding.OUTSIDE_AREA, NOTHING)),
        ((1000.0, 500), 1.5, (NOTHING, NOTHING)),  # on the seam of area and road
    ],
)
def test_area_by_accuracy_circle(at: tuple[float, float], accuracy_m: float, expected: Outcome) -> None:
    assert judged(at=at, location={"horizontal_accuracy": accuracy_m}) == expected


def test_without_a_stated_accuracy_the_place_is_undecided() -> None:
    found, undecided = judged(at=(5000, 5000), location={"horizontal_accuracy": None})
    assert found == UNSURE
    assert undecided == Finding.OUTSIDE_AREA | Finding.RESTRICTED_AREA


def test_without_accuracy_and_speed_a_zone_limit_is_undecided_too() -> None:
    _, undecided = judged(location={"horizontal_accuracy": None, "speed": None})
    assert Finding.OVERSPEED in undecided


def test_restricted_zones_bind_every_vehicle() -> None:
    assert judged(at=(650, 650)) == (Finding.RESTRICTED_AREA, NOTHING)
    assert judged(at=(650, 650), who=STRAY_CAR)[0] == Finding.RESTRICTED_AREA | Finding.PERMIT_MISSING
    assert judged(at=(600.5, 650)) == (NOTHING, Finding.RESTRICTED_AREA)


def test_the_verdict_names_the_zone_revision() -> None:
    home = world()
    home.send(message(payload(1, at_ms=T0, east_m=650, north_m=650)), message(payload(1, T0), OTHER_CAR))
    assert home.row(1)["zone_revision"] == 104
    assert home.row(1, OTHER_CAR)["zone_revision"] == AREA.revision_id


def test_a_fast_car_cannot_jump_over_a_thin_fence() -> None:
    home = world()
    changes = home.send(*drive([(1950 + 30 * i, 500) for i in range(5)], location={"speed": 30.0})).alerts
    assert [home.findings(seq) for seq in (1, 2, 3, 4)] == [NOTHING, NOTHING, Finding.RESTRICTED_AREA, NOTHING]
    assert home.row(3)["zone_revision"] == 103
    assert [(change.finding, change.zone_revision) for change in changes] == [(Finding.RESTRICTED_AREA, 103)]


def test_a_long_silence_proves_no_crossing() -> None:
    for silence_ms, expected in ((20_000, Finding.RESTRICTED_AREA), (61_000, NOTHING)):
        home = world()
        home.send(message(payload(1, T0, 1950, 500)), message(payload(2, T0 + silence_ms, 2050, 500)))
        assert (home.findings(2), home.undecided(2)) == (NOTHING, expected)


def test_zones_count_by_the_time_of_the_sample() -> None:
    closing = replace(AREA, ends_at_ms=T0 + 2000)
    home = world(zones=(closing, *ZONES[1:]))
    home.send(*drive([(500, 200)] * 3))
    assert [home.findings(seq) for seq in (1, 2, 3)] == [NOTHING, NOTHING, Finding.OUTSIDE_AREA]


def test_the_other_side_of_the_world_is_outside() -> None:
    assert judged(location={"lat": -22.5, "lng": -66.0}) == (Finding.OUTSIDE_AREA, NOTHING)


def test_a_city_without_zones_and_permits_still_judges() -> None:
    home = world(ground(vehicles=frozenset()), zones=())
    home.send(message(payload(1)))
    assert home.findings(1) == Finding.PERMIT_MISSING


# --- height: the corridor is 60 to 120 m above ground, the ground 10 m above sea


@pytest.mark.parametrize(
    ("altitude_m", "datum", "expected"),
    [
        (100.0, "AMSL", (NOTHING, NOTHING)),
        (100.0, "AGL", (NOTHING, NOTHING)),
        (140.0, "AMSL", (Finding.ABOVE_CEILING, NOTHING)),
        (125.0, "AMSL", (NOTHING, NOTHING)),
        (125.0, "AGL", (Finding.ABOVE_CEILING, NOTHING)),
        (40.0, "AGL", (Finding.BELOW_FLOOR, NOTHING)),
    ],
)
def test_bands(altitude_m: float, datum: str, expected: Outcome) -> None:
    location = {"altitude": altitude_m}
    assert judged(who=EVTOL, at=(0, -2000), location=location, altitude_datum=datum) == expected


UNSURE_HEIGHT = Finding.OUTSIDE_AREA | Finding.ABOVE_CEILING | Finding.BELOW_FLOOR


@pytest.mark.parametrize(
    ("location", "datum", "verdict"),
    [
        ({"altitude": 121.0}, "AGL", NOTHING),
        ({"altitude": None}, "AGL", UNSURE),
        ({"altitude": 100.0}, None, UNSURE),
        ({"altitude": 100.0}, "WGS84", UNSURE),
        ({"altitude": 100.0, "vertical_accuracy": None}, "AGL", UNSURE),
    ],
)
def test_a_height_that_cannot_be_told_is_never_inside(location: Any, datum: str | None, verdict: Finding) -> None:
    outcome = judged(who=EVTOL, at=(0, -2000), location=location, altitude_datum=datum)
    assert outcome == (verdict, UNSURE_HEIGHT)


def test_ground_vehicles_need_no_altitude() -> None:
    assert judged(location={"altitude": None}, altitude_datum=None) == (NOTHING, NOTHING)


def test_altitudes_convert_where_the_city_knows_how() -> None:
    home = world(vertical=VerticalReference(ground_elevation_m=10.0, geoid_undulation_m=-3.0))
    home.send(message(payload(1, T0, 0, -2000, location={"altitude": 97.0}, altitude_datum="WGS84"), EVTOL))
    assert (home.findings(1, EVTOL), home.undecided(1, EVTOL)) == (NOTHING, NOTHING)


# --- speed


@pytest.mark.parametrize(
    ("at", "speed_mps", "expected"),
    [
        ((500, 500), 15.4, (NOTHING, NOTHING)),
        ((500, 500), 15.6, (Finding.OVERSPEED, NOTHING)),
        ((200, 200), 8.4, (NOTHING, NOTHING)),
        ((200, 200), 8.6, (Finding.OVERSPEED, NOTHING)),
        ((300.5, 200), 8.6, (NOTHING, Finding.OVERSPEED)),
        ((300.5, 200), 8.4, (NOTHING, NOTHING)),
        ((300.5, 200), 20.0, (Finding.OVERSPEED, NOTHING)),
        ((500, 500), None, (UNSURE, Finding.OVERSPEED)),
    ],
)
def test_speed(at: tuple[float, float], speed_mps: float | None, expected: Outcome) -> None:
    assert judged(ground(speed_cap_mps=15.0), at=at, location={"speed": speed_mps}) == expected


def test_a_zone_limit_binds_without_a_cap_and_without_a_permit() -> None:
    assert judged(at=(200, 200), location={"speed": 9.0}) == (Finding.OVERSPEED, NOTHING)
    assert Finding.OVERSPEED in judged(who=STRAY_CAR, at=(200, 200), location={"speed": 9.0})[0]
    assert judged(location={"speed": None}) == (NOTHING, NOTHING)
    assert judged(at=(200, 200), location={"speed": None}) == (UNSURE, Finding.OVERSPEED)


# --- hours, modes, people


def test_hours() -> None:
    monday_only = Schedule.from_dict(
        {"time_zone": "Asia/Shanghai", "windows": [{"days": ["MON"], "start": "00:00", "end": "24:00"}]}
    )
    assert judged(ground(hours=monday_only)) == (Finding.OUTSIDE_HOURS, NOTHING)
    thursday = Schedule.from_dict(
        {"time_zone": "Asia/Shanghai", "windows": [{"days": ["THU"], "start": "07:00", "end": "20:00"}]}
    )
    assert judged(ground(hours=thursday)) == (NOTHING, NOTHING)


@pytest.mark.parametrize(
    ("terms", "changes", "expected"),
    [
        ({"modes": frozenset({Mode.MANUAL})}, {}, (Finding.MODE_NOT_PERMITTED, NOTHING)),
        ({"modes": frozenset({Mode.MANUAL})}, {"mode": "manual"}, (NOTHING, NOTHING)),
        ({"modes": frozenset({Mode.MANUAL})}, {"mode": None}, (UNSURE, Finding.MODE_NOT_PERMITTED)),
        ({}, {"mode": None}, (NOTHING, NOTHING)),
        ({"safety_officers": frozenset({SafetyOfficer.ONBOARD})}, {}, (NOTHING, NOTHING)),
        (
            {"safety_officers": frozenset({SafetyOfficer.ONBOARD})},
            {"safety_officer": "none"},
            (Finding.SAFETY_OFFICER_MISSING, NOTHING),
        ),
        (
            {"safety_officers": frozenset({SafetyOfficer.ONBOARD})},
            {"safety_officer": None},
            (UNSURE, Finding.SAFETY_OFFICER_MISSING),
        ),
        ({"passengers_allowed": False}, {"passengers": 1}, (Finding.PASSENGERS_NOT_PERMITTED, NOTHING)),
        ({"passengers_allowed": False}, {"passengers": 0}, (NOTHING, NOTHING)),
        ({"passengers_allowed": False}, {"passengers": None}, (UNSURE, Finding.PASSENGERS_NOT_PERMITTED)),
        ({"minimum_accuracy_m": 0.4}, {}, (Finding.LOW_ACCURACY, NOTHING)),
        ({"minimum_accuracy_m": 0.5}, {}, (NOTHING, NOTHING)),
        ({}, {"officer_id": "SO-LAPSED"}, (Finding.LICENCE_EXPIRED, NOTHING)),
        ({}, {"officer_id": "SO-NOBODY"}, (UNSURE, Finding.LICENCE_EXPIRED | Finding.OFFICER_NOT_PERMITTED)),
        ({}, {"officer_id": None}, (NOTHING, NOTHING)),
        (
            {"vehicles_per_remote_officer": 1},
            {"safety_officer": "remote", "officer_id": None},
            (UNSURE, Finding.REMOTE_RATIO_EXCEEDED),
        ),
        ({"vehicles_per_remote_officer": 1}, {"safety_officer": "remote"}, (NOTHING, NOTHING)),
        ({"vehicles_per_remote_officer": 1}, {"safety_officer": None}, (UNSURE, Finding.REMOTE_RATIO_EXCEEDED)),
    ],
)
def test_conditions(terms: Any, changes: Any, expected: Outcome) -> None:
    assert judged(ground(**terms), **changes) == expected


@pytest.mark.parametrize(
    ("names", "changes", "expected"),
    [
        ((), {"officer_id": "SO-2"}, (NOTHING, NOTHING)),
        ((), {"officer_id": "SO-OTHERS"}, (Finding.OFFICER_NOT_PERMITTED, NOTHING)),
        (("SO-1",), {}, (NOTHING, NOTHING)),
        (("SO-1", "SO-2"), {"officer_id": "SO-2"}, (NOTHING, NOTHING)),
        (("SO-1",), {"officer_id": "SO-2"}, (Finding.OFFICER_NOT_PERMITTED, NOTHING)),
        (("SO-1",), {"officer_id": "SO-OTHERS"}, (Finding.OFFICER_NOT_PERMITTED, NOTHING)),
        (
            ("SO-1",),
            {"officer_id": "SO-NOBODY"},
            (Finding.OFFICER_NOT_PERMITTED | UNSURE, Finding.LICENCE_EXPIRED),
        ),
        (("SO-UNHEARD-OF",), {}, (Finding.OFFICER_NOT_PERMITTED, NOTHING)),
        (("SO-1",), {"officer_id": None}, (UNSURE, Finding.OFFICER_NOT_PERMITTED)),
        (("SO-1",), {"officer_id": None, "safety_officer": None}, (UNSURE, Finding.OFFICER_NOT_PERMITTED)),
        (("SO-1",), {"officer_id": None, "safety_officer": "none"}, (NOTHING, NOTHING)),
        (("SO-1",), {"officer_id": "SO-2", "safety_officer": "none"}, (Finding.OFFICER_NOT_PERMITTED, NOTHING)),
    ],
)
def test_who_may_steer(names: tuple[str, ...], changes: Any, expected: Outcome) -> None:
    assert judged(ground(officers=frozenset(names)), **changes) == expected


def test_pilots_are_judged_like_officers() -> None:
    air = replace(AIR_TERMS, officers=frozenset({"SO-2"}))
    in_corridor: dict[str, Any] = {"who": EVTOL, "at": (0, -2000), "location": {"altitude": 100.0}}
    assert judged(air, officer_id="SO-2", **in_corridor) == (NOTHING, NOTHING)
    assert judged(air, officer_id="SO-1", **in_corridor) == (Finding.OFFICER_NOT_PERMITTED, NOTHING)


def test_who_may_steer_is_asked_of_the_governing_permit_only() -> None:
    named = ground(officers=frozenset({"SO-2"}))
    stopped = replace(named, state=PermitState.SUSPENDED)
    assert judged(stopped, at=(5000, 5000)) == (Finding.PERMIT_SUSPENDED, NOTHING)
    assert judged(GROUND_TERMS, who=STRAY_CAR, at=(5000, 5000), officer_id="SO-OTHERS")[0] == Finding.PERMIT_MISSING
    other = replace(named, revision_id=204, vehicles=frozenset({OTHER_CAR.key}))
    assert judged(replace(GROUND_TERMS, vehicles=frozenset({CAR.key})), other) == (NOTHING, NOTHING)


def test_one_remote_officer_for_too_many() -> None:
    cars = [vehicle(key) for key in range(1, 6)]
    terms = ground(vehicles_per_remote_officer=3, vehicles=frozenset(car.key for car in cars))
    home = world(terms, vehicles=cars)
    for car in cars[:4]:
        home.send(message(payload(1, T0, safety_officer="remote"), car))
    assert [home.row(1, car)["officer_load"] for car in cars[:4]] == [1, 2, 3, 4]
    assert [home.findings(1, car) for car in cars[2:4]] == [NOTHING, Finding.REMOTE_RATIO_EXCEEDED]
    home.send(message(payload(1, T0 + 10_001, safety_officer="remote"), cars[4]))
    assert home.row(1, cars[4])["officer_load"] == 1


# --- nothing fails open


def test_what_cannot_be_judged_is_stored_as_indeterminate(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = compliance.judge_place

    def breaks_for_the_other_car(case: Any, into: Any) -> None:
        if OTHER_CAR.key in case.batch.vehicle:
            raise ZeroDivisionError
        place(case, into)

    monkeypatch.setattr(compliance, "judge_place", breaks_for_the_other_car)
    home = world()
    with caplog.at_level(logging.ERROR):
        home.send(message(payload(1, T0, 650, 650)), message(payload(1), OTHER_CAR))
    assert home.findings(1) == Finding.RESTRICTED_AREA
    assert home.findings(1, OTHER_CAR) == UNSURE
    everything = OF_SAMPLES & ~int(UNSURE)
    assert int(home.undecided(1, OTHER_CAR)) == everything
    assert "ZeroDivisionError" in caplog.text


#: Open while the sun is up, far in the north, where it is not in November.
POLAR_NIGHT = Schedule.from_dict(
    {
        "time_zone": "Europe/Oslo",
        "position": {"lon": 18.9, "lat": 75.0},
        "windows": [{"days": ["ANY"], "start": {"event": "SR"}, "end": {"event": "SS"}}],
    }
)


@pytest.mark.parametrize(
    ("touched", "at", "speed", "doubt"),
    [
        (AREA, (500, 500), 5.0, Finding.OUTSIDE_AREA),
        (YARD, (650, 650), 5.0, Finding.RESTRICTED_AREA),
        (SCHOOL, (200, 200), 9.0, Finding.OVERSPEED),
    ],
)
def test_a_zone_whose_hours_nobody_can_tell_leaves_doubt_only_where_it_matters(
    touched: ZoneRevision, at: tuple[float, float], speed: float, doubt: Finding, caplog: pytest.LogCaptureFixture
) -> None:
    zones = [replace(zone, schedule=POLAR_NIGHT) if zone is touched else zone for zone in ZONES]
    home = world(zones=zones)
    home.send(
        message(payload(1, T0, *at, location={"speed": speed})),
        message(payload(1, T0, 1500, 500), OTHER_CAR),
        message(payload(1, T0, *at), STRAY_CAR),
    )
    assert (home.findings(1), home.undecided(1)) == (UNSURE, doubt)
    assert (home.findings(1, OTHER_CAR), home.undecided(1, OTHER_CAR)) == (NOTHING, NOTHING)
    if touched is not YARD:
        assert (home.findings(1, STRAY_CAR), home.undecided(1, STRAY_CAR)) == (Finding.PERMIT_MISSING, NOTHING)
    assert not caplog.records  # the batch was judged at once


def test_a_way_across_a_zone_whose_hours_nobody_can_tell_is_in_doubt() -> None:
    home = world(zones=[replace(zone, schedule=POLAR_NIGHT) if zone is FENCE else zone for zone in ZONES])
    home.send(*drive([(1990, 500), (2010, 500)], location={"speed": 15.0}))
    assert (home.findings(2), home.undecided(2)) == (UNSURE, Finding.RESTRICTED_AREA)


def test_permit_hours_that_nobody_can_tell_leave_doubt(caplog: pytest.LogCaptureFixture) -> None:
    assert judged(ground(hours=POLAR_NIGHT)) == (UNSURE, Finding.OUTSIDE_HOURS)
    assert not caplog.records


def test_a_permit_of_unknown_zones_grants_nothing() -> None:
    assert judged(ground(zone_ids=frozenset({"unheard of"})))[0] == Finding.OUTSIDE_AREA
