"""From messages to stored facts: exactly once, in order, all or nothing, however messages are cut."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.bus import decode_alert
from telemetry.errors import InvalidTrackState, RegistryUnusable, StaleRegistry, StoreUnavailable
from telemetry.findings import Finding
from telemetry.messages import Message, telemetry_topic
from telemetry.pipeline import MAX_STALE, Watermark
from telemetry.ports import PermitState, RegistrySnapshot, RejectReason
from tests.telemetry.cast import (
    CAR,
    EVTOL,
    GROUND_TERMS,
    OTHER_CAR,
    ROAD,
    T0,
    World,
    drive,
    message,
    payload,
    snapshot,
    world,
)


def everything(home: World) -> Any:
    """All that a run leaves behind, but for whether a change happened to open its episode."""
    alerts = {key: replace(alert, is_new=False) for key, alert in home.store.alerts.items()}
    return home.store.rows, home.store.rejected, alerts, home.store.states


def test_a_flush_tells_the_worker_what_it_needs() -> None:
    home = world()
    result = home.send(message([payload(1, T0), payload(2, T0 + 1000, speed=1)]), message(payload(7), EVTOL))
    assert (result.stored, result.late, result.rejected, result.duplicates, result.generation) == (3, 0, 0, 0, 1)
    assert result.watermarks == [Watermark(CAR.vehicle_id, 2, ()), Watermark(EVTOL.vehicle_id, 0, ((7, 7),))]
    newest = {position.vehicle_id: position for position in result.positions}
    assert (newest[CAR.vehicle_id].seq, newest[CAR.vehicle_id].mode) == (2, "autonomous")
    assert newest[EVTOL.vehicle_id].verdict == home.row(7, EVTOL)["verdict"]


def test_an_empty_flush_is_no_special_case() -> None:
    result = world().send()
    assert (result.stored, result.watermarks, result.positions) == (0, [], [])


# --- exactly once


def test_redelivery_has_no_effect_but_tells_the_watermark() -> None:
    home = world()
    trip = drive([(900 + 30 * i, 200) for i in range(12)], location={"speed": 30.0})
    home.send(*trip)
    before = everything(home)
    assert before[2]
    for again in (trip, trip[3:5], [*trip, *trip]):
        result = home.send(*again)
        assert (result.stored, result.rejected, result.alerts) == (0, 0, [])
        assert result.duplicates == len(again)
        assert result.watermarks == [Watermark(CAR.vehicle_id, 12, ())]
    home.restarted().process(trip)
    assert everything(home) == before


def test_a_number_given_to_another_sample_is_rejected() -> None:
    home = world()
    home.send(message(payload(1, T0)))
    result = home.send(message([payload(1, T0 + 5000), payload(2, T0 + 6000)], received_ms=T0 + 6100))
    assert (result.stored, result.rejected, result.duplicates) == (1, 1, 0)
    [reject] = home.store.rejected.values()
    assert (reject.reason, reject.vehicle, reject.seq) == (RejectReason.SEQ_REUSED, CAR.key, 1)
    assert json.loads(reject.payload)["timestamp"] == T0 + 5000
    home.send(message([payload(1, T0 + 5000), payload(2, T0 + 6000)], received_ms=T0 + 6100))
    assert len(home.store.rejected) == 1


def test_within_one_flush_as_well() -> None:
    home = world()
    result = home.send(message(payload(1, T0)), message(payload(1, T0)), message(payload(1, T0 + 9)))
    assert (result.stored, result.duplicates, result.rejected) == (1, 1, 1)


def test_a_rejected_sample_is_settled() -> None:
    home = world()
    home.send(message([payload(1), payload(2, mode="flying"), payload(3)]))
    assert home.send(message(payload(4))).watermarks == [Watermark(CAR.vehicle_id, 4, ())]
    result = home.send(message(payload(6, mode="flying")))
    assert result.watermarks == [Watermark(CAR.vehicle_id, 4, ((6, 6),))]
    assert home.send(Message(telemetry_topic(CAR.vehicle_id), b"{", T0)).watermarks[0].watermark == 4


def test_gaps_are_filled_by_late_samples() -> None:
    home = world()
    home.send(message([payload(i, T0 + i * 1000) for i in (5, 6, 9)]))
    assert home.store.states[CAR.key].watermark == 0
    result = home.send(message([payload(i, T0 + i * 1000) for i in (1, 2, 3, 4, 7, 8)]))
    assert result.watermarks == [Watermark(CAR.vehicle_id, 9, ())]
    assert result.late == 6


# --- late and skewed samples


def test_late_samples_are_judged_and_change_nothing_else() -> None:
    home = world()
    home.send(*drive([(500, 500)] * 3, first_seq=10, at_ms=T0 + 60_000))
    state = home.store.states[CAR.key]
    result = home.send(*drive([(1200, 200)] * 5, first_seq=1))
    assert (result.stored, result.late, result.positions, result.alerts) == (5, 5, [], [])
    assert home.findings(1) == Finding.OUTSIDE_AREA
    after = home.store.states[CAR.key]
    assert (after.last_timestamp_ms, after.last_seq) == (state.last_timestamp_ms, state.last_seq)


def test_equal_times_are_ordered_by_number() -> None:
    home = world()
    assert home.send(message([payload(2, T0), payload(1, T0), payload(3, T0)])).late == 0
    assert home.send(message(payload(4, T0))).late == 0


def test_a_clock_ahead_is_live_found_and_alerted_like_any_other_breach() -> None:
    home = world()
    results = [
        home.send(message(payload(i, T0 + 6000 + i * 1000, 1200, 200), received_ms=T0 + i * 1000)) for i in range(1, 7)
    ]
    assert home.findings(1) == Finding.CLOCK_SKEW | Finding.OUTSIDE_AREA
    assert all(result.late == 0 and len(result.positions) == 1 for result in results)
    alerted = {change.finding for result in results for change in result.alerts}
    assert alerted == {Finding.CLOCK_SKEW, Finding.OUTSIDE_AREA}


def test_a_clock_more_than_a_minute_ahead_is_not_believed() -> None:
    home = world()
    result = home.send(message(payload(1, T0 + 60_001), received_ms=T0), message(payload(2, T0 + 100)))
    assert (result.rejected, result.stored, result.late) == (1, 1, 0)
    assert [reject.reason for reject in home.store.rejected.values()] == [RejectReason.TIMESTAMP_OUT_OF_RANGE]


# --- all or nothing


def test_after_a_failed_commit_the_same_messages_have_the_same_result() -> None:
    steady, shaken = world(), world()
    trip = drive([(900 + 30 * i, 200) for i in range(12)], location={"speed": 30.0}, safety_officer="remote")
    for start in range(0, 12, 3):
        expected = steady.send(*trip[start : start + 3])
        shaken.store.failures = 2
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                shaken.send(*trip[start : start + 3])
        assert shaken.send(*trip[start : start + 3]) == expected
    assert everything(steady) == everything(shaken)


def test_a_registry_that_cannot_be_compiled_costs_no_message(caplog: pytest.LogCaptureFixture) -> None:
    home = world()
    good = home.registry.snapshot()
    home.registry.change(replace(good, zones=[replace(ROAD, half_width_m=-1.0)]))
    with pytest.raises(RegistryUnusable):
        home.send(message(payload(1, T0)))
    assert "cannot be read or compiled" in caplog.text
    home.registry.change(good)
    assert home.send(message(payload(1, T0))).stored == 1


def test_a_registry_that_cannot_be_read_costs_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    home = world()

    def unreadable(_generation: int | None = None) -> RegistrySnapshot:
        raise KeyError("a term that this version does not know")

    with monkeypatch.context() as patch:
        patch.setattr(home.registry, "snapshot", unreadable)
        with pytest.raises(RegistryUnusable):
            home.send(message(payload(1, T0)))
    assert home.send(message(payload(1, T0))).stored == 1


def test_a_refused_message_is_recorded_and_nothing_else() -> None:
    home = world()
    poison = message(payload(1, T0))
    result = home.pipeline.refuse(poison, "ZeroDivisionError('a bug')")
    assert (result.stored, result.rejected) == (0, 1)
    (reject,) = home.store.rejected.values()
    assert (reject.reason, reject.detail) == (RejectReason.UNPROCESSABLE, "ZeroDivisionError('a bug')")
    assert reject.vehicle == CAR.key, "its operator sees it"


def test_a_commit_whose_answer_was_lost_counts_once() -> None:
    steady, shaken = world(), world()
    trip = drive([(900 + 30 * i, 200) for i in range(12)], location={"speed": 30.0}, safety_officer="remote")
    for start in range(0, 12, 3):
        steady.send(*trip[start : start + 3])
        shaken.store.lost_answers = 1
        with pytest.raises(StoreUnavailable):
            shaken.send(*trip[start : start + 3])
        assert shaken.send(*trip[start : start + 3]).duplicates == 3
    assert everything(steady) == everything(shaken)


def test_a_decision_acts_on_every_sample_committed_after_it() -> None:
    home = world()
    home.send(message(payload(1, T0)))
    suspended = replace(GROUND_TERMS, revision_id=299, state=PermitState.SUSPENDED)
    home.store.before_commit = [snapshot(suspended)]
    result = home.send(message(payload(2, T0 + 1000)))
    assert result.generation == 2
    assert home.findings(2) == Finding.PERMIT_SUSPENDED
    assert home.row(2)["permit_revision"] == 299


def test_a_registry_that_never_rests_is_not_chased_forever() -> None:
    home = world()
    home.store.before_commit = [snapshot()] * (MAX_STALE + 1)
    with pytest.raises(StaleRegistry):
        home.send(message(payload(1)))
    assert home.store.rows == {}
    assert home.send(message(payload(1))).stored == 1


def test_a_vehicle_registered_later_is_heard_at_once() -> None:
    home = World()
    home.registry.change(snapshot(vehicles=(CAR,)))
    assert home.send(message(payload(1), OTHER_CAR)).rejected == 1
    home.registry.change(snapshot())
    assert home.send(message(payload(2), OTHER_CAR)).stored == 1


def test_a_state_from_another_version_stops_instead_of_guessing() -> None:
    home = world()
    home.send(message(payload(1)))
    home.store.states[CAR.key] = msgspec.structs.replace(home.store.states[CAR.key], state=b"?")
    with pytest.raises(InvalidTrackState):
        home.restarted().process([message(payload(2))])
    assert len(home.store.rows) == 1


# --- alerts leave through the outbox


def test_each_alert_change_has_its_message() -> None:
    home = world()
    changes = home.send(*drive([(1200, 200)] * 4)).alerts
    [sent] = home.store.outbox
    assert sent.topic == "v1/service/alerts/w1"
    told = decode_alert(sent.payload)
    assert (told.vehicle_id, told.bit, told.opened_seq) == (CAR.vehicle_id, Finding.OUTSIDE_AREA, 2)
    assert len(changes) == 1


# --- batch equals single


def random_trip(seed: int) -> list[Message]:
    """Three vehicles with breaches, jumps, gaps, late and repeated and bad samples, in arrays and alone."""
    rng = random.Random(seed)
    messages: list[Message] = []
    for who in (CAR, OTHER_CAR, EVTOL):
        east, north, at_ms = rng.uniform(0, 2500), rng.choice([200.0, 500.0, 650.0]), T0
        pending: list[dict[str, Any]] = []
        for seq in range(1, rng.randint(20, 60)):
            at_ms += rng.choice([100, 1000, 1000, 1000, 2000, 70_000])
            east += rng.uniform(-10, 40)
            sample = payload(
                seq,
                at_ms - rng.choice([0] * 9 + [5000]),
                east + rng.choice([0.0] * 12 + [2000.0]),
                north,
                location={
                    "speed": rng.choice([0.0, 20.0, None]),
                    "horizontal_accuracy": rng.choice([0.5, 0.5, 8.0, None]),
                    "altitude": rng.choice([100.0, 200.0, None]),
                },
                mode=rng.choice(["autonomous", "manual"] * 5 + ["flying"]),
                safety_officer=rng.choice(["onboard", "remote", "remote"]),
                officer_id=rng.choice(["SO-1", "SO-LAPSED", None]),
            )
            pending.append(sample)
            if rng.random() < 0.5:
                messages.append(message(pending if len(pending) > 1 else pending[0], who, at_ms + 50))
                pending = []
            if messages and rng.random() < 0.1:
                messages.append(rng.choice(messages[-5:]))
    order = sorted(range(len(messages)), key=lambda i: (messages[i].received_ms // 5000, i))
    return [messages[i] for i in order]


TERMS = replace(GROUND_TERMS, speed_cap_mps=15.0, vehicles_per_remote_officer=1, modes=frozenset({0}))


def stored_by(messages: Sequence[Message], size: int, *, restarting: bool = False) -> Any:
    home = world(TERMS)
    for start in range(0, len(messages), size):
        home.send(*messages[start : start + size])
        if restarting:
            home.restarted()
    return everything(home)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40))
def test_it_makes_no_difference_how_messages_are_cut_into_flushes(seed: int, size: int) -> None:
    messages = random_trip(seed)
    single = stored_by(messages, 1)
    for other in (7, 500, size):
        assert stored_by(messages, other) == single


def test_a_restart_between_flushes_makes_no_difference_either() -> None:
    """But for officer loads, which this worker observes itself: the trip names none at a distance."""
    for seed in range(5):
        messages = [
            Message(known.topic, known.payload.replace(b'"remote"', b'"none"'), known.received_ms)
            for known in random_trip(seed)
        ]
        assert stored_by(messages, 3, restarting=True) == stored_by(messages, 3)


def test_the_random_trips_do_exercise_the_rules() -> None:
    seen, rejected, alerted = Finding(0), set(), set()
    for seed in range(12):
        rows, rejects, alerts, _ = stored_by(random_trip(seed), 50)
        for row in rows.values():
            seen |= Finding(row["verdict"])
        rejected |= {reject.reason for reject in rejects.values()}
        alerted |= {alert.finding for alert in alerts.values()}
    for finding in (Finding.OUTSIDE_AREA, Finding.OVERSPEED, Finding.IMPLAUSIBLE_JUMP, Finding.REMOTE_RATIO_EXCEEDED):
        assert finding in seen
    assert RejectReason.INVALID_FIELD in rejected
    assert {Finding.OUTSIDE_AREA, Finding.OVERSPEED} <= alerted
