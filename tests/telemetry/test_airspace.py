"""What is near aircraft, through the pipeline: observed, stored, found, alerted, and the same in a replay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from geofences.zones import ZoneKind, ZoneRevision
from telemetry import airspace
from telemetry.errors import StoreUnavailable
from telemetry.findings import Finding
from telemetry.messages import Message
from telemetry.ports import VehicleRecord
from telemetry.replay import Difference, judge_again
from telemetry.samples import NOT_OBSERVED, Proximity, VehicleKind
from tests.telemetry.cast import (
    CAR,
    EVTOL,
    OTHER_CAR,
    T0,
    ZONES,
    World,
    batch_of,
    message,
    payload,
    square,
    vehicle,
    world,
)

OTHER = vehicle(10, VehicleKind.AIR)
THIRD = vehicle(11, VehicleKind.AIR)
NOTHING = Finding(0)
# Beside the road, which leads east from the area at 500 m north.
PORT = ZoneRevision(107, "port", ZoneKind.VERTIPORT, square(1500, 520, 1560, 580), 0)


def sky(*zones: ZoneRevision) -> World:
    return world(vehicles=(CAR, OTHER_CAR, EVTOL, OTHER, THIRD), zones=(*ZONES, *zones))


def flying(  # noqa: PLR0917 -- where, when and how
    who: VehicleRecord,
    seq: int,
    at_ms: int = T0,
    east_m: float = 0.0,
    north_m: float = -2000.0,
    altitude_m: float = 90.0,
    **changes: object,
) -> Message:
    location = {"altitude": altitude_m, "heading": 90.0, "speed": 20.0, **changes.pop("location", {})}  # type: ignore[dict-item] # of the test's own
    said = {"altitude_datum": "AGL", "vertical_speed": 0.0, **changes}
    return message(payload(seq, at_ms, east_m, north_m, location=location, **said), who)


def observed(home: World, who: VehicleRecord, seq: int = 1) -> int:
    return int(home.row(seq, who)["proximity"])


def replayed(home: World) -> list[Difference]:
    rows = sorted(home.store.rows.values(), key=lambda row: (row["timestamp_ms"], row["vehicle"], row["seq"]))
    return list(judge_again([batch_of(rows)], home.registry, list(home.store.alerts.values())))


def together(home: World, seconds: int, apart_m: float) -> None:
    """Both fly east, side by side, a sample a second."""
    for second in range(seconds):
        at_ms = T0 + second * 1000
        home.send(
            flying(EVTOL, second + 1, at_ms, second * 20.0),
            flying(OTHER, second + 1, at_ms, second * 20.0, -2000.0 + apart_m),
        )


def test_two_that_fly_together_are_alerted_both_and_a_replay_finds_the_same() -> None:
    home = sky()
    together(home, 6, 100.0)
    assert [observed(home, who, 3) for who in (EVTOL, OTHER)] == [Proximity.CLOSE, Proximity.CLOSE]
    assert Finding.SEPARATION in home.findings(3, EVTOL)
    assert sorted(alert.vehicle for alert in home.alerts(Finding.SEPARATION)) == [EVTOL.key, OTHER.key]
    assert replayed(home) == []


def test_two_that_keep_apart_are_not() -> None:
    home = sky()
    together(home, 6, 160.0)
    assert {observed(home, who, seq) for who in (EVTOL, OTHER) for seq in range(1, 7)} == {0}
    assert home.alerts(Finding.SEPARATION) == []


def test_two_that_fly_at_each_other_are_told_before_they_meet() -> None:
    home = sky()
    home.send(flying(EVTOL, 1, east_m=0.0), flying(OTHER, 1, east_m=1000.0, location={"heading": 270.0}))
    assert observed(home, EVTOL) == Proximity.CLOSING
    (encounter,) = [each for each in home.store.encounters if each.vehicle == EVTOL.key]
    assert encounter.other == OTHER.key
    assert encounter.horizontal_m == pytest.approx(1000.0, rel=1e-3)
    assert encounter.closest_at_ms == pytest.approx(T0 + 25_000, abs=20)
    assert encounter.closest_horizontal_m == pytest.approx(0.0, abs=1.0)


def test_the_other_one_is_remembered_from_an_earlier_flush_while_it_is_fresh() -> None:
    home = sky()
    home.send(flying(OTHER, 1))
    home.send(flying(EVTOL, 1, T0 + 1000, 60.0))
    assert observed(home, EVTOL) == Proximity.CLOSE
    home.send(flying(EVTOL, 2, T0 + 11_000, 60.0))
    assert observed(home, EVTOL, 2) == 0


def test_what_was_not_stored_is_not_remembered() -> None:
    home = sky()
    home.store.failures = 1
    with pytest.raises(StoreUnavailable):
        home.send(flying(OTHER, 1))
    home.send(flying(EVTOL, 1, T0 + 1000))
    assert observed(home, EVTOL) == 0


def test_cars_and_late_samples_are_not_observed() -> None:
    home = sky()
    home.send(flying(OTHER, 1), message(payload(1)))
    home.send(flying(OTHER, 2, T0 + 1000), flying(EVTOL, 5, T0 + 1000))
    home.send(flying(EVTOL, 4, T0 + 500))
    assert observed(home, CAR) == NOT_OBSERVED
    assert observed(home, EVTOL, 4) == NOT_OBSERVED
    assert home.undecided(4, EVTOL) & Finding.SEPARATION == NOTHING


@pytest.mark.parametrize("received_ms", [T0 + 10_100, T0 - 5_100])
def test_a_sample_that_is_not_of_now_is_undecided_and_moves_nobody(received_ms: int) -> None:
    home = sky()
    home.send(replace_received(flying(OTHER, 1), received_ms))
    home.send(flying(EVTOL, 1, T0 + 500))
    assert observed(home, OTHER) == Proximity.UNDECIDED
    assert Finding.SEPARATION in home.undecided(1, OTHER)
    assert Finding.SEPARATION not in home.findings(1, OTHER)
    assert observed(home, EVTOL) == 0


def replace_received(sent: Message, received_ms: int) -> Message:
    return Message(sent.topic, sent.payload, received_ms)


def test_a_position_that_is_not_believed_is_undecided_and_moves_nobody() -> None:
    home = sky()
    home.send(flying(OTHER, 1, east_m=-2500.0), flying(EVTOL, 1))
    home.send(flying(OTHER, 2, T0 + 500, 0.0), flying(EVTOL, 2, T0 + 500, 10.0))
    assert Finding.IMPLAUSIBLE_JUMP in home.findings(2, OTHER)
    assert observed(home, OTHER, 2) == Proximity.UNDECIDED
    assert observed(home, EVTOL, 2) == 0
    assert replayed(home) == []


def test_a_coarse_position_shrinks_the_distance_by_a_hundred_metres_and_else_is_undecided() -> None:
    home = sky()
    coarse = {"horizontal_accuracy": 400.0}
    home.send(flying(EVTOL, 1), flying(OTHER, 1, east_m=240.0, location=coarse))
    home.send(flying(THIRD, 1, east_m=-2000.0, location=coarse))
    assert [observed(home, who) for who in (EVTOL, OTHER, THIRD)] == [1, 1, Proximity.UNDECIDED]


def test_one_that_has_landed_is_near_nobody() -> None:
    home = sky()
    still = {"speed": 0.1}
    home.send(flying(EVTOL, 1, altitude_m=4.5, location=still), flying(OTHER, 1, east_m=40.0, altitude_m=8.0))
    assert [observed(home, who) for who in (EVTOL, OTHER)] == [0, 0]
    home.send(
        flying(EVTOL, 2, T0 + 500, altitude_m=6.0, location=still), flying(OTHER, 2, T0 + 500, 40.0, altitude_m=8.0)
    )
    assert [observed(home, who, 2) for who in (EVTOL, OTHER)] == [1, 1]


@pytest.mark.parametrize(("east_m", "expected"), [(1530.0, 0), (1700.0, Proximity.CLOSE)])
def test_one_that_stands_still_at_a_vertiport_has_landed_where_its_height_above_ground_is_unknown(
    east_m: float, expected: int
) -> None:
    home = sky(PORT)
    place = {"north_m": 550.0, "altitude_datum": "WGS84"}
    still = flying(EVTOL, 1, T0, east_m, altitude_m=4.0, location={"speed": 0.1}, **place)
    home.send(still, flying(OTHER, 1, T0, east_m + 20.0, altitude_m=5.0, **place))
    assert [observed(home, who) for who in (EVTOL, OTHER)] == [expected, expected]


def test_samples_of_an_array_are_each_compared_with_their_own_time() -> None:
    """They passed each other eight seconds ago; both tell it now."""
    home = sky()
    seconds = range(9)
    one = [payload(s + 1, T0 + s * 1000, s * 40.0 - 40.0, -2000.0, **air(90.0)) for s in seconds]
    other = [payload(s + 1, T0 + s * 1000, 40.0 - s * 40.0, -2000.0, **air(270.0)) for s in seconds]
    home.send(message(one, EVTOL), message(other, OTHER))
    assert [observed(home, EVTOL, seq) & Proximity.CLOSE for seq in (1, 2, 8, 9)] == [1, 1, 0, 0]


def air(heading: float) -> dict[str, object]:
    return {
        "location": {"altitude": 90.0, "heading": heading, "speed": 40.0},
        "altitude_datum": "AGL",
        "vertical_speed": 0.0,
    }


def test_an_encounter_goes_on_while_they_are_close_and_begins_anew_after_a_gap() -> None:
    home = sky()
    together(home, 3, 100.0)
    home.send(flying(EVTOL, 9, T0 + 14_000, 300.0), flying(OTHER, 9, T0 + 14_000, 300.0))
    began = {each.began_ms for each in home.store.encounters if each.vehicle == EVTOL.key}
    assert began == {T0, T0 + 14_000}


def test_of_a_swarm_only_the_nearest_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airspace, "MOST_NAMED", 1)
    home = sky()
    home.send(flying(EVTOL, 1), flying(OTHER, 1, east_m=50.0), flying(THIRD, 1, east_m=20.0))
    assert [each.other for each in home.store.encounters if each.vehicle == EVTOL.key] == [THIRD.key]


def test_when_it_cannot_be_told_that_is_visible_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("the plane is bent")

    monkeypatch.setattr(airspace, "find_encounters", fail)
    home = sky()
    home.send(flying(EVTOL, 1), message(payload(1)))
    assert observed(home, EVTOL) == Proximity.FAILED
    assert Finding.INDETERMINATE in home.findings(1, EVTOL)
    assert Finding.SEPARATION in home.undecided(1, EVTOL)
    assert home.findings(1, CAR) == NOTHING
    assert "the plane is bent" in caplog.text
    assert replayed(home) == []


def test_samples_from_before_it_was_looked_at_are_judged_as_they_were() -> None:
    home = sky()
    home.send(flying(EVTOL, 1), message(payload(1)))
    for row in home.store.rows.values():
        row["proximity"] = NOT_OBSERVED
    assert replayed(home) == []


# --- approaches over traffic --------------------------------------------------------------------


def on_the_road(seq: int, at_ms: int = T0, east_m: float = 2500.0) -> Message:
    return message(payload(seq, at_ms, east_m, 500.0))


def approaching(seq: int, at_ms: int = T0, **changes: object) -> Message:
    place = {"east_m": 1500.0, "north_m": 500.0, "altitude_m": 40.0} | changes
    return flying(EVTOL, seq, at_ms, **place)  # type: ignore[arg-type] # of the test's own


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Proximity.VERTIPORT),
        ({"altitude_m": 60.0}, 0),
        ({"altitude_m": 60.0, "vertical_speed": -1.0}, Proximity.VERTIPORT),
        ({"altitude_m": None}, Proximity.VERTIPORT),
        ({"east_m": 1880.0}, 0),
        ({"north_m": 530.0}, 0),
        ({"altitude_m": 2.0, "location": {"speed": 0.0}}, 0),
    ],
)
def test_an_approach_over_a_road_with_traffic_is_found(changes: dict[str, object], expected: int) -> None:
    home = sky(PORT)
    home.send(on_the_road(1))
    home.send(approaching(1, T0 + 20_000, **changes))
    assert observed(home, EVTOL) == expected
    assert (Finding.VERTIPORT_CONFLICT in home.findings(1, EVTOL)) is bool(expected)
    assert replayed(home) == []


def test_a_road_without_traffic_endangers_nobody() -> None:
    home = sky(PORT)
    home.send(on_the_road(1), message(payload(1, east_m=1500.0, north_m=540.0), OTHER_CAR))
    home.send(approaching(1, T0 + 31_000))
    assert observed(home, EVTOL) == 0


def test_a_road_that_is_not_in_force_endangers_nobody() -> None:
    closed = [replace(zone, ends_at_ms=T0 + 10_000) if zone.zone_id == "road" else zone for zone in ZONES]
    home = world(vehicles=(CAR, EVTOL), zones=(*closed, PORT))
    home.send(on_the_road(1), approaching(1))
    home.send(approaching(2, T0 + 11_000))
    assert [observed(home, EVTOL, seq) for seq in (1, 2)] == [Proximity.VERTIPORT, 0]
