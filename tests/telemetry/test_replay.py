"""Stored samples judged again give the stored findings, and a changed one is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import pytest

from telemetry.findings import Finding
from telemetry.ports import PermitState
from telemetry.replay import Difference, judge_again
from telemetry.samples import JudgedBatch
from tests.telemetry.cast import (
    CAR,
    GROUND_TERMS,
    OTHER_CAR,
    T0,
    World,
    batch_of,
    drive,
    message,
    payload,
    snapshot,
    world,
)
from tests.telemetry.test_pipeline import random_trip


def stored_batches(home: World, size: int = 11) -> Iterator[JudgedBatch]:
    """As a store reads them: by natural key of time, cut at each change of generation."""
    rows = sorted(home.store.rows.values(), key=lambda row: (row["timestamp_ms"], row["seq"], row["vehicle"]))
    for _, of_generation in groupby(rows, key=lambda row: row["generation"]):
        listed = list(of_generation)
        for start in range(0, len(listed), size):
            yield batch_of(listed[start : start + size])


def differences(home: World) -> list[Difference]:
    return list(judge_again(stored_batches(home), home.registry, list(home.store.alerts.values())))


@pytest.fixture
def eventful() -> World:
    """Breaches, a jump, late samples, and a suspension in the middle."""
    home = world()
    for who in (CAR, OTHER_CAR):
        home.send(*drive([(900 + 30 * i, 200) for i in range(10)], location={"speed": 30.0}, who=who))
    home.send(message(payload(11, T0 + 11_000, 5000, 5000)))
    home.registry.change(snapshot(replace(GROUND_TERMS, revision_id=299, state=PermitState.SUSPENDED)))
    home.send(*drive([(600 + i, 650) for i in range(12)], first_seq=31, at_ms=T0 + 80_000))
    home.send(*drive([(1300, 200)] * 3, first_seq=12, at_ms=T0 + 30_000))
    home.send(message(payload(99, T0 + 200_000), received_ms=T0 + 90_000))
    return home


def test_nothing_differs(eventful: World) -> None:
    assert len({alert.finding for alert in eventful.store.alerts.values()}) >= 3
    assert differences(eventful) == []


@pytest.mark.parametrize("seed", range(6))
def test_nothing_differs_of_random_trips(seed: int) -> None:
    home = world()
    messages = random_trip(seed)
    for start in range(0, len(messages), 9):
        home.send(*messages[start : start + 9])
    assert differences(home) == []


def test_a_changed_verdict_is_found(eventful: World) -> None:
    row = eventful.row(5)
    row["verdict"] ^= int(Finding.OUTSIDE_AREA)
    [difference] = differences(eventful)
    assert (difference.vehicle, difference.seq, difference.column) == (CAR.key, 5, "verdict")


def test_a_changed_position_is_found(eventful: World) -> None:
    eventful.row(2)["lon"] += 0.01
    assert {difference.column for difference in differences(eventful)} >= {"verdict"}


def test_changed_missing_and_invented_alerts_are_found(eventful: World) -> None:
    alerts = eventful.store.alerts
    (first, alert), (second, other) = list(alerts.items())[:2]
    alerts[first] = replace(alert, zone_revision=7)
    assert [difference.column for difference in differences(eventful)] == ["alert.zone_revision"]
    alerts[first] = alert
    del alerts[second]
    [missing] = differences(eventful)
    assert (missing.column, missing.stored, missing.again) == (
        "alert",
        None,
        replace(other, is_new=missing.again.is_new),
    )
    alerts[second] = other
    alerts[9, 9, 9, 9] = replace(other, opened_seq=999)
    [invented] = differences(eventful)
    assert (invented.column, invented.seq, invented.again) == ("alert", 999, None)
