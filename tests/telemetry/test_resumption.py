"""A replay behind samples that are gone: whatever can be judged again is, exactly; the rest is counted."""

from __future__ import annotations

import pytest

from telemetry.findings import Finding
from telemetry.replay import Difference, judge_again
from telemetry.resumption import Resumption
from tests.telemetry.cast import World, batch_of, world
from tests.telemetry.test_pipeline import random_trip
from tests.telemetry.test_replay import stored_batches


def travelled(seed: int) -> World:
    home = world()
    messages = random_trip(seed)
    for start in range(0, len(messages), 9):
        home.send(*messages[start : start + 9])
    return home


def without(home: World, since_ms: int, until_ms: int, resumption: Resumption | None) -> list[Difference]:
    """What a replay finds when the samples of [since_ms, until_ms) are gone."""
    gone = [key for key, row in home.store.rows.items() if since_ms <= row["timestamp_ms"] < until_ms]
    kept = {key: home.store.rows.pop(key) for key in gone}
    try:
        alerts = list(home.store.alerts.values())
        return list(judge_again(stored_batches(home), home.registry, alerts, resumption=resumption))
    finally:
        home.store.rows.update(kept)


def times(home: World) -> list[int]:
    return sorted({row["timestamp_ms"] for row in home.store.rows.values()})


@pytest.mark.parametrize("seed", range(6))
def test_nothing_differs_wherever_the_beginning_is_cut_off(seed: int) -> None:
    home = travelled(seed)
    for until_ms in times(home)[1::7]:
        resumption = Resumption([until_ms])
        assert without(home, 0, until_ms, resumption) == [], until_ms


@pytest.mark.parametrize("seed", range(6))
def test_nothing_differs_wherever_a_piece_is_missing(seed: int) -> None:
    home = travelled(seed)
    found = times(home)
    for place in range(3, len(found) - 4, 9):
        resumption = Resumption([found[place + 4]])
        assert without(home, found[place], found[place + 4], resumption) == [], place


def test_without_it_some_do() -> None:
    """What the tests above would find: the memory before the cut matters."""
    homes = [travelled(seed) for seed in range(6)]
    assert any(without(home, 0, until_ms, None) for home in homes for until_ms in times(home)[1::7])


def test_it_counts_what_could_not_be_judged_again_and_finds_what_was_altered_behind() -> None:
    home = travelled(1)
    until_ms = times(home)[10]
    resumption = Resumption([until_ms])
    last = max(home.store.rows.values(), key=lambda row: (not row["late"], row["timestamp_ms"], row["seq"]))
    last["verdict"] ^= int(Finding.PERMIT_MISSING)
    [difference, *_] = without(home, 0, until_ms, resumption)
    assert (difference.timestamp_ms, difference.column) == (last["timestamp_ms"], "verdict")
    assert resumption.samples >= len(resumption.vehicles) > 0


def test_a_vehicle_that_is_never_believed_again_is_skipped_as_a_whole() -> None:
    home = travelled(2)
    rows = [row for row in home.store.rows.values() if not row["late"]]
    for row in rows:
        row["verdict"] |= int(Finding.IMPLAUSIBLE_JUMP)
    rows.sort(key=lambda row: (row["timestamp_ms"], row["seq"]))
    resumption = Resumption([1])
    assert list(judge_again([batch_of(rows)], home.registry, [], resumption=resumption)) == []
    assert resumption.samples == len(rows)
