"""A thinned trail has its ends, both sides of each gap, and every change of mode or verdict."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry.thinning import GAP_MS, after_gap, at_most, landmarks

_STEPS = st.lists(
    st.tuples(st.integers(1, 2 * GAP_MS), st.sampled_from([0, 0, 0, 3]), st.sampled_from([0, 0, 8])), max_size=40
)


@given(_STEPS, st.integers(2, 45))
def test_what_matters_stays_while_there_is_room(steps: list[tuple[int, int, int]], most: int) -> None:
    vehicle = np.full(len(steps), 7)
    timestamp_ms = np.cumsum([step for step, _, _ in steps], dtype=np.int64)
    mode = np.array([mode for _, mode, _ in steps], dtype=np.int8)
    verdict = np.array([verdict for _, _, verdict in steps], dtype=np.int64)
    must = {
        row
        for row in range(len(steps))
        if row in {0, len(steps) - 1}
        or timestamp_ms[row] - timestamp_ms[row - 1] > GAP_MS
        or timestamp_ms[row + 1] - timestamp_ms[row] > GAP_MS
        or (mode[row], verdict[row]) != (mode[row - 1], verdict[row - 1])
    }
    stays = landmarks(vehicle, timestamp_ms, mode, verdict)
    assert set(np.flatnonzero(stays).tolist()) == must
    rows = at_most(stays, most).tolist()
    assert rows == sorted(set(rows))
    assert len(rows) == min(most, len(steps))
    if len(must) <= most:
        assert must <= set(rows)
    elif steps:
        assert {0, len(steps) - 1} <= set(rows) <= must


def test_vehicles_do_not_touch_each_other() -> None:
    vehicle = np.array([1, 1, 2, 2])
    timestamp_ms = np.array([0, 500, 90_000, 120_000])
    same = np.zeros(4, dtype=np.int64)
    assert after_gap(vehicle, timestamp_ms).tolist() == [False, False, False, True]
    assert landmarks(vehicle, timestamp_ms, same.astype(np.int8), same).all()
