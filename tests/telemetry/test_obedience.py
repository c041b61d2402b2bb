"""When live samples show that a vehicle complies. The rest is in tests/app/test_directives.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telemetry.directives import Demand, DirectiveKind
from telemetry.ports import VehicleRecord
from tests.telemetry.cast import CAR, EVTOL, T0, World, message, payload, snapshot, world


def demanding(kind: DirectiveKind, who: VehicleRecord, *, since_ms: int = T0) -> World:
    found = world()
    found.registry.snapshots = [replace(snapshot(), demands=[Demand(1, who.key, kind, since_ms)])]
    return found


def obeyed_at(found: World) -> list[int]:
    return [obeyed.seq for obeyed in found.store.obeyed]


@pytest.mark.parametrize(
    ("altitude_m", "datum", "speed_mps", "is_down"),
    [
        (12.0, "AMSL", 0.1, True),  # the ground is at 10 m
        (60.0, "AMSL", 0.1, False),  # it hovers
        (2.0, "AGL", 0.1, True),
        (2.0, "AGL", 3.0, False),
        (None, None, 0.1, False),  # nobody knows
        (2.0, "WGS84", 0.1, False),  # the geoid is not known here
    ],
)
def test_an_aircraft_halts_on_the_ground(
    altitude_m: float | None,
    datum: str | None,
    speed_mps: float,
    is_down: bool,  # noqa: FBT001 -- a table
) -> None:
    found = demanding(DirectiveKind.HALT, EVTOL)
    location = {"altitude": altitude_m, "speed": speed_mps}
    for second in range(8):
        found.send(message(payload(second + 1, T0 + 1000 * second, location=location, altitude_datum=datum), EVTOL))
    assert bool(obeyed_at(found)) is is_down


def test_it_makes_no_difference_how_messages_are_cut_into_flushes() -> None:
    stands = [message(payload(seq, T0 + 1000 * seq, location={"speed": 0.0})) for seq in range(1, 9)]
    one_by_one, at_once = (demanding(DirectiveKind.HALT, CAR) for _ in range(2))
    for each in stands:
        one_by_one.send(each)
    at_once.send(*stands)
    assert obeyed_at(one_by_one)[0] == obeyed_at(at_once)[0] == 4


def test_a_flush_that_failed_has_shown_nothing() -> None:
    found = demanding(DirectiveKind.HALT, CAR)
    found.store.failures = 5
    stands = [message(payload(seq, T0 + 1000 * seq, location={"speed": 0.0})) for seq in range(1, 4)]
    for _ in range(5):
        with pytest.raises(Exception, match="disk is full"):
            found.send(*stands)
    found.send(*stands)
    assert obeyed_at(found) == []
    found.send(message(payload(4, T0 + 4000, location={"speed": 0.0})))
    assert obeyed_at(found) == [4]


def test_late_samples_show_nothing() -> None:
    found = demanding(DirectiveKind.HALT, CAR)
    found.send(message(payload(20, T0 + 60_000, location={"speed": 8.0})))
    found.send(*[message(payload(seq, T0 + 1000 * seq, location={"speed": 0.0})) for seq in range(1, 9)])
    assert obeyed_at(found) == []
