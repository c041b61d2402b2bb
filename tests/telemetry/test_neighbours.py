"""Vehicles of other workers: near each other, with the same officer, on the road below, whoever judges them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from msgspec import structs

from benchmarks.backlog import publish_backlog
from telemetry.bus import Heartbeat, WorkerState, decode_positions, encode_positions
from telemetry.clock import system_clock
from telemetry.errors import StoreUnavailable
from telemetry.findings import Finding
from telemetry.messages import PARTITIONS
from telemetry.mqtt import BrokerAddress
from telemetry.neighbours import Neighbours, neighbours_listener
from telemetry.pipeline import FlushResult, Pipeline, PipelineSettings
from telemetry.ports import AlertChange
from telemetry.positions import newest_positions, samples_of
from telemetry.samples import Proximity, VehicleKind
from telemetry.separation import FRESH_MS
from telemetry.worker import Worker, WorkerSettings, worker_client
from tests.brokers import mosquitto
from tests.telemetry.cast import (
    CAR,
    EVTOL,
    GROUND_TERMS,
    OTHER_CAR,
    T0,
    ZONES,
    MemoryRegistry,
    World,
    batch_of,
    message,
    payload,
    snapshot,
    vehicle,
    world,
)
from tests.telemetry.test_airspace import PORT, flying, observed, replace_received, replayed

OTHER, THIRD = vehicle(10, VehicleKind.AIR), vehicle(11, VehicleKind.AIR)
OURS = (EVTOL.partition, CAR.partition, THIRD.partition)
THEIRS = tuple(sorted(set(range(PARTITIONS)).difference(OURS)))
KEPT_MS = 40_000


@dataclass
class Half:
    """One of two workers that share the vehicles, over a store of its own so that one sees what it wrote."""

    name: str
    partitions: Sequence[int]
    registry: MemoryRegistry
    clock: Callable[[], int] = lambda: T0
    home: World = field(init=False)

    def __post_init__(self) -> None:
        self.neighbours = Neighbours(self.name, self.partitions, kept_ms=KEPT_MS)
        self.home = World(self.registry)
        self.home.pipeline = Pipeline(
            self.registry, self.home.store, self.clock, PipelineSettings(worker=self.name), neighbours=self.neighbours
        )

    def hear(self, result: FlushResult) -> None:
        """What the other one tells of a flush, by way of the wire."""
        self.neighbours.hear_positions(decode_positions(encode_positions(result.positions)))

    def hear_beat(self, other: Half, at_ms: int = T0, **changes: object) -> None:
        beat = Heartbeat(other.name, at_ms, WorkerState.RUNNING, partitions=tuple(other.partitions))
        self.neighbours.hear_heartbeat(structs.replace(beat, **changes))


def halves(**changes: object) -> tuple[Half, Half]:
    """Ours has the aircraft EVTOL and THIRD and the car CAR, theirs everybody else; both hear each other."""
    values = {"vehicles": (CAR, OTHER_CAR, EVTOL, OTHER, THIRD), "zones": (*ZONES, PORT), **changes}
    registry = world(**values).registry
    ours, theirs = Half("ours", OURS, registry), Half("theirs", THEIRS, registry)
    assert {OTHER.partition, OTHER_CAR.partition} <= set(THEIRS)
    ours.hear_beat(theirs)
    theirs.hear_beat(ours)
    return ours, theirs


def test_two_aircraft_of_two_workers_are_found_by_both_and_by_a_replay_of_each() -> None:
    ours, theirs = halves()
    for second in range(4):
        at_ms, east_m = T0 + second * 1000, second * 20.0
        theirs.hear(ours.home.send(flying(EVTOL, second + 1, at_ms, east_m)))
        ours.hear(theirs.home.send(flying(OTHER, second + 1, at_ms, east_m + 100.0)))
    for half, own, other in ((ours, EVTOL, OTHER), (theirs, OTHER, EVTOL)):
        [alert] = half.home.alerts(Finding.SEPARATION)
        assert alert.vehicle == own.key
        assert {(each.vehicle, each.other, each.began_ms) for each in half.home.store.encounters} == {
            (own.key, other.key, T0 + (1000 if half is ours else 0))
        }
        assert replayed(half.home) == []


def test_one_that_flies_at_ours_is_seen_before_they_meet_with_its_climb() -> None:
    ours, theirs = halves()
    below = {"altitude_m": 30.0, "vertical_speed": 2.4, "location": {"heading": 270.0}}
    ours.hear(theirs.home.send(flying(OTHER, 1, east_m=1000.0, **below)))  # type: ignore[arg-type] # of the test's own
    ours.home.send(flying(EVTOL, 1))
    assert observed(ours.home, EVTOL) == Proximity.CLOSING
    [encounter] = ours.home.store.encounters
    assert encounter.closest_vertical_m == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize(
    ("changes", "age_ms"),
    [
        ({"north_m": -1500.0}, 0),
        ({}, FRESH_MS + 100),
        ({"altitude_m": 2.0, "location": {"speed": 0.0}}, 0),
    ],
)
def test_one_that_is_far_away_or_was_there_long_ago_or_has_landed_is_not_near(
    changes: dict[str, object], age_ms: int
) -> None:
    ours, theirs = halves()
    ours.hear(theirs.home.send(flying(OTHER, 1, T0 - age_ms, **changes)))  # type: ignore[arg-type] # of the test's own
    ours.home.send(flying(EVTOL, 1, altitude_m=20.0))
    assert observed(ours.home, EVTOL) == 0


def test_a_position_that_is_not_believed_moves_nobody() -> None:
    ours, theirs = halves()
    ours.hear(theirs.home.send(flying(OTHER, 1, east_m=-2500.0)))
    ours.hear(theirs.home.send(flying(OTHER, 2, T0 + 500, 0.0)))
    ours.home.send(flying(EVTOL, 1, T0 + 500))
    assert observed(ours.home, EVTOL) == 0


def test_what_was_heard_stays_known_though_the_flush_fails() -> None:
    ours, theirs = halves()
    ours.hear(theirs.home.send(flying(OTHER, 1)))
    ours.home.store.failures = 1
    with pytest.raises(StoreUnavailable):
        ours.home.send(flying(EVTOL, 1))
    ours.home.send(flying(EVTOL, 1))
    assert observed(ours.home, EVTOL) == Proximity.CLOSE


def test_an_approach_over_traffic_of_another_worker_is_found() -> None:
    ours, theirs = halves()
    ours.hear(theirs.home.send(message(payload(1, T0, 2500.0, 500.0), OTHER_CAR)))
    ours.home.send(message(payload(1), CAR))  # a flush without aircraft forgets none of it
    ours.home.send(flying(EVTOL, 1, T0 + 9_000, 1500.0, 500.0, 40.0))
    assert observed(ours.home, EVTOL) == Proximity.VERTIPORT
    assert Finding.VERTIPORT_CONFLICT in ours.home.findings(1, EVTOL)


def test_a_remote_officer_is_with_vehicles_of_both() -> None:
    terms = replace(GROUND_TERMS, vehicles_per_remote_officer=1)
    registry = MemoryRegistry([snapshot(terms, vehicles=(CAR, OTHER_CAR, EVTOL, OTHER))])
    ours, theirs = Half("ours", OURS, registry), Half("theirs", THEIRS, registry)
    watched = {"safety_officer": "remote", "officer_id": "SO-1"}
    ours.home.send(message(payload(1, **watched), CAR))
    ours.hear(theirs.home.send(message(payload(1, **watched), OTHER_CAR)))
    ours.home.send(message(payload(2, T0 + 1000, **watched), CAR))
    assert [ours.home.row(seq, CAR)["officer_load"] for seq in (1, 2)] == [1, 2]
    assert Finding.REMOTE_RATIO_EXCEEDED in ours.home.findings(2, CAR)
    assert replayed(ours.home) == []


# --- nothing fails open -------------------------------------------------------------------------


def test_who_hears_nobody_does_not_say_that_nobody_is_near() -> None:
    ours, _ = halves()
    deaf = Half("deaf", OURS, ours.registry)
    deaf.home.send(flying(EVTOL, 1), message(payload(1), CAR))
    assert observed(deaf.home, EVTOL) == Proximity.UNHEARD
    assert Finding.INDETERMINATE in deaf.home.findings(1, EVTOL)
    assert deaf.home.undecided(1, EVTOL) & Finding.SEPARATION
    assert deaf.home.findings(1, CAR) == Finding(0)
    assert replayed(deaf.home) == []
    assert deaf.neighbours.unheard(T0) == THEIRS


def test_an_aircraft_that_is_known_to_be_near_is_found_all_the_same() -> None:
    ours, theirs = halves()
    deaf = Half("deaf", OURS, ours.registry)
    deaf.hear(theirs.home.send(flying(OTHER, 1)))
    deaf.home.send(flying(EVTOL, 1))
    assert observed(deaf.home, EVTOL) == Proximity.UNHEARD | Proximity.CLOSE
    assert Finding.SEPARATION in deaf.home.findings(1, EVTOL)
    assert not deaf.home.undecided(1, EVTOL) & Finding.SEPARATION


def test_a_remote_officer_may_have_vehicles_that_were_not_heard_of() -> None:
    terms = replace(GROUND_TERMS, vehicles_per_remote_officer=1)
    deaf = Half("deaf", (*OURS, OTHER_CAR.partition), MemoryRegistry([snapshot(terms)]))
    watched = {"safety_officer": "remote", "officer_id": "SO-1"}
    deaf.home.send(message(payload(1, **watched), CAR))
    deaf.home.send(message(payload(1, **watched), OTHER_CAR))
    ratio = Finding.REMOTE_RATIO_EXCEEDED
    assert (deaf.home.findings(1, CAR), deaf.home.undecided(1, CAR)) == (Finding.INDETERMINATE, ratio)
    assert (deaf.home.findings(1, OTHER_CAR), deaf.home.undecided(1, OTHER_CAR)) == (ratio, Finding(0))
    assert replayed(deaf.home) == []


def test_one_on_the_ground_needs_to_hear_nobody() -> None:
    deaf = Half("deaf", OURS, halves()[0].registry)
    deaf.home.send(flying(EVTOL, 1, altitude_m=1.0, location={"speed": 0.0}))
    assert observed(deaf.home, EVTOL) == 0


@pytest.mark.parametrize(
    ("beat", "is_partial"),
    [
        ({"at_ms": T0 - 9_000}, False),
        ({"at_ms": T0 - 11_000}, True),
        ({"at_ms": T0, "lag_ms": 11_000}, True),
        ({"at_ms": T0, "untold_ms": 11_000}, True),
        ({"at_ms": T0, "partitions": THEIRS[:-1]}, True),
        ({"at_ms": T0 + 9_000}, False),
        ({"at_ms": T0 + 11_000}, True),
    ],
)
def test_samples_are_complete_that_arrived_when_the_others_had_told_everything(
    beat: dict[str, int],
    is_partial: bool,  # noqa: FBT001 - a table
) -> None:
    """Who stopped, is behind, or is so far ahead that this worker is behind: each is as good as unheard."""
    ours, theirs = halves()
    alone = Half("alone", OURS, ours.registry)
    alone.hear_beat(theirs, **beat)
    alone.home.send(replace_received(flying(EVTOL, 1), T0))
    assert bool(observed(alone.home, EVTOL) & Proximity.UNHEARD) is is_partial


def test_a_last_will_takes_back_nothing_and_own_words_say_nothing_of_others() -> None:
    ours, theirs = halves()
    ours.hear_beat(theirs, T0 + 1, state=WorkerState.GONE, partitions=())
    ours.hear_beat(ours, T0 + 90_000)
    assert ours.neighbours.unheard(T0 + FRESH_MS) == ()
    assert ours.neighbours.unheard(T0 + FRESH_MS + 1) == THEIRS


def test_whoever_takes_over_partitions_is_heard_for_them() -> None:
    ours, _ = halves()
    ours.hear_beat(Half("third", THEIRS[:3], ours.registry), T0 + 60_000)
    assert ours.neighbours.unheard(T0 + 60_000) == THEIRS[3:]


def test_whoever_has_every_partition_is_alone() -> None:
    alone = Neighbours("alone", range(PARTITIONS), kept_ms=KEPT_MS)
    heard = alone.take()
    assert not alone
    assert alone.unheard(T0) == ()
    assert heard.complete_from_ms < 0 < T0 < heard.complete_until_ms


def test_news_that_nobody_takes_do_not_pile_up() -> None:
    ours, theirs = halves()
    for second in range(100):
        ours.hear(theirs.home.send(flying(OTHER, second + 1, T0 + second * 1000, second * 20.0)))
    assert len(ours.neighbours.take().samples) == KEPT_MS // 1000 + 1
    assert len(ours.neighbours.take().samples) == 0


def test_positions_become_samples_again() -> None:
    home = world()
    home.send(message(payload(1)), flying(EVTOL, 1, location={"vertical_accuracy": None}, officer_id=None))
    stored = batch_of(list(home.store.rows.values()))
    positions = newest_positions(stored, {each.key: each for each in (CAR, EVTOL)})
    again = newest_positions(replace(stored, samples=samples_of(positions)), {each.key: each for each in (CAR, EVTOL)})
    assert again == positions


# --- two workers on a real broker ---------------------------------------------------------------


@contextmanager
def working(broker: BrokerAddress, half: Half) -> Iterator[None]:
    settings = WorkerSettings(half.name, half.partitions, linger_s=0.01, idle_s=0.02, heartbeat_s=0.1)
    worker = Worker(
        worker_client(broker, settings, system_clock),
        half.home.pipeline,
        half.home.store,
        settings,
        system_clock,
        neighbours=half.neighbours,
    )
    listener = neighbours_listener(broker, half.name, half.neighbours)
    listener.start()
    thread = threading.Thread(target=worker.run, name=half.name)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()
        listener.stop()


def test_two_workers_on_a_broker_find_aircraft_closing_in_and_traffic_under_an_approach(tmp_path: Path) -> None:
    registry = halves()[0].registry
    ours, theirs = Half("ours", OURS, registry, system_clock), Half("theirs", THEIRS, registry, system_clock)
    with mosquitto(tmp_path) as broker, ExitStack() as workers:
        for half in (ours, theirs):
            workers.enter_context(working(broker.address(), half))
        eventually(lambda: not ours.neighbours.unheard(system_clock()) + theirs.neighbours.unheard(system_clock()))
        began_ms = system_clock()

        def they_go_on() -> bool:
            at_ms = system_clock()
            seconds = (at_ms - began_ms) / 1000
            sent = (
                flying(EVTOL, at_ms, at_ms, 20.0 * seconds - 100.0, 500.0, 40.0),
                flying(OTHER, at_ms, at_ms, 900.0 - 20.0 * seconds, 500.0, 40.0, location={"heading": 270.0}),
                message(payload(at_ms, at_ms, 2500.0, 500.0), OTHER_CAR),
                flying(THIRD, at_ms, at_ms, 1500.0, 500.0, 150.0, vertical_speed=-1.0),
            )
            publish_backlog(broker.address(), [(each.topic, each.payload) for each in sent])
            time.sleep(0.2)
            return all(alerts_of(half, finding) for half, finding in expected)

        expected = ((ours, Finding.SEPARATION), (theirs, Finding.SEPARATION), (ours, Finding.VERTIPORT_CONFLICT))
        eventually(they_go_on)
    assert {(each.vehicle, each.other) for each in ours.home.store.encounters} == {(EVTOL.key, OTHER.key)}
    assert {(each.vehicle, each.other) for each in theirs.home.store.encounters} == {(OTHER.key, EVTOL.key)}
    assert [alert.vehicle for alert in alerts_of(ours, Finding.VERTIPORT_CONFLICT)] == [THIRD.key]


def alerts_of(half: Half, finding: Finding) -> list[AlertChange]:
    return [alert for alert in list(half.home.store.alerts.values()) if alert.finding is finding]


def eventually(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.02)
