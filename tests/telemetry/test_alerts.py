"""Episodes: confirmed by time and count, extended, closed with hysteresis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from telemetry.alerts import EXTEND_MS, Evidence, follow
from telemetry.findings import RULES, Finding
from telemetry.ports import AlertChange
from telemetry.tracks import Run

OUT, SPEED, FENCE = Finding.OUTSIDE_AREA, Finding.OVERSPEED, Finding.RESTRICTED_AREA


def sample(at_s: float, verdict: int = 0, undecided: int = 0, **changes: Any) -> Evidence:
    values = {
        "zone_revision": 101,
        "permit_revision": 201,
        "lon": 113.9,
        "lat": 22.5,
        "speed_mps": 5.0,
        "accuracy_m": 1.0,
        "crossed_since_ms": -1,
        "after_jump": False,
    }
    return Evidence(int(at_s * 1000), int(at_s * 10) + 1, verdict, undecided, **{**values, **changes})


def episode(samples: Iterable[Evidence], runs: Sequence[Run] = ()) -> tuple[tuple[Run, ...], list[AlertChange]]:
    return follow(1, runs, samples)


def pattern(marks: str, finding: Finding = OUT, start_s: int = 0) -> list[Evidence]:
    """One sample a second: x shows the finding, ? cannot tell, . does not."""
    return [
        sample(start_s + i, finding if mark == "x" else 0, finding if mark == "?" else 0)
        for i, mark in enumerate(marks)
    ]


def test_one_wild_fix_opens_nothing() -> None:
    runs, changes = episode(pattern("..x..x...x."))
    assert (runs, changes) == ((), [])


def test_two_in_a_row_a_second_apart_open_one_alert() -> None:
    runs, [opened] = episode(pattern(".xx"))
    assert (opened.opened_at_ms, opened.first_seen_ms, opened.opened_seq) == (2000, 1000, 21)
    assert (opened.is_new, opened.closed_at_ms, opened.severity) == (True, None, RULES[OUT].severity)
    assert (opened.zone_revision, opened.permit_revision) == (101, 201)
    assert len(runs) == 1


def test_two_in_a_row_too_soon_wait_for_time() -> None:
    assert episode([sample(0.0, OUT), sample(0.1, OUT), sample(0.9, OUT)])[1] == []
    assert len(episode([sample(0.0, OUT), sample(0.1, OUT), sample(1.0, OUT)])[1]) == 1


def test_undecided_samples_neither_count_nor_interrupt() -> None:
    assert episode(pattern("x???????????"))[1] == []
    assert len(episode(pattern("x???x"))[1]) == 1
    runs, _ = episode(pattern("xx"))
    assert episode(pattern("????????????", start_s=2), runs) == (runs, [])


def test_a_gap_restarts_confirmation() -> None:
    assert episode([sample(0, OUT), sample(61, OUT)])[1] == []
    assert len(episode([sample(0, OUT), sample(60, OUT)])[1]) == 1


def test_an_alert_closes_after_count_and_time_without_the_finding() -> None:
    runs, changes = episode(pattern("xx....x....."))
    assert len(runs) == 0
    [closed] = changes
    assert (closed.is_new, closed.closed_at_ms, closed.last_seen_ms) == (True, 11_000, 6000)
    assert episode(pattern("xx....x...."))[1][0].closed_at_ms is None


def test_a_gap_restarts_clearing() -> None:
    runs, _ = episode(pattern("xx..."))
    _, changes = episode([sample(100), sample(101), sample(102)], runs)
    assert changes == []


def test_extension_is_written_every_few_seconds_of_event_time() -> None:
    runs, _ = episode(pattern("xx"))
    written = []
    for moment in pattern("x" * 20, start_s=2):
        runs, changes = episode([moment], runs)
        written += [change.last_seen_ms for change in changes]
    assert written == [1000 + EXTEND_MS * i for i in (1, 2, 3, 4)]


def test_findings_have_episodes_of_their_own() -> None:
    both = [sample(i, OUT | SPEED) for i in range(2)]
    _, changes = episode(both)
    assert {change.finding for change in changes} == {OUT, SPEED}


def test_a_reopened_finding_is_a_new_episode() -> None:
    _, changes = episode(pattern("xx.....xx"))
    assert [change.closed_at_ms for change in changes] == [6000, None]
    assert all(change.is_new for change in changes)


def test_a_crossing_is_confirmed_by_staying_on_the_far_side() -> None:
    crossing = sample(1, FENCE, crossed_since_ms=0, zone_revision=103)
    _, [opened] = episode([crossing, sample(2, zone_revision=102)])
    assert (opened.finding, opened.first_seen_ms, opened.zone_revision) == (FENCE, 0, 103)


def test_a_crossing_and_back_was_one_wild_fix() -> None:
    there = sample(1, FENCE, crossed_since_ms=0, zone_revision=103)
    back = sample(2, FENCE, crossed_since_ms=1000, zone_revision=103)
    runs, changes = episode([there, back, sample(3), sample(4)])
    assert (runs, changes) == ((), [])


def test_crossing_one_fence_after_the_other_is_no_way_back() -> None:
    there = sample(1, FENCE, crossed_since_ms=0, zone_revision=103)
    further = sample(2, FENCE, crossed_since_ms=1000, zone_revision=107)
    assert len(episode([there, further])[1]) == 1


def test_a_standing_vehicle_with_a_coarse_fix_needs_more_to_be_outside() -> None:
    coarse = {"speed_mps": 0.0, "accuracy_m": 8.0}
    assert episode([sample(i, OUT, **coarse) for i in range(3)])[1] == []
    assert len(episode([sample(i, OUT, **coarse) for i in range(4)])[1]) == 1
    assert len(episode([sample(i, SPEED, **coarse) for i in range(2)])[1]) == 1


def test_right_after_jumps_a_place_needs_much_more() -> None:
    assert episode([sample(2 * i, OUT, after_jump=i > 0) for i in range(4)])[1] == []
    assert len(episode([sample(2 * i, OUT, after_jump=i > 0) for i in range(5)])[1]) == 1
    assert len(episode([sample(2 * i, SPEED, after_jump=i > 0) for i in range(2)])[1]) == 1


def test_it_makes_no_difference_how_samples_are_cut() -> None:
    marks = "x.xx?x...x?xx.....x?x.xxxx????.......xx"
    whole_runs, whole = episode(pattern(marks))
    runs: tuple[Run, ...] = ()
    last: dict[int, AlertChange] = {}
    for moment in pattern(marks):
        runs, changes = episode([moment], runs)
        last.update({change.opened_at_ms: change for change in changes})
    assert runs == whole_runs
    strip = [(change.opened_at_ms, change.last_seen_ms, change.closed_at_ms) for change in whole]
    assert [(change.opened_at_ms, change.last_seen_ms, change.closed_at_ms) for change in last.values()] == strip
