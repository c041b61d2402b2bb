"""The ring buffer: numbers only grow, nothing kept is lost, nothing lost goes unsaid."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.agent.ring import MAX_SAMPLE_BYTES, Ring, RingFile, Settled
from telemetry.errors import RingUnavailable, UnacceptableSample

HERE = {"location": {"lat": 22.5, "lng": 113.9}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ring.sqlite3"


def test_samples_are_numbered_and_come_back_as_they_were(path: Path) -> None:
    with RingFile(path) as file:
        ring = Ring(file, "car")
        assert [ring.append(HERE), ring.append({**HERE, "seq": 10}), ring.append(HERE)] == [1, 10, 11]
        assert [(seq, json.loads(payload)) for seq, payload in ring.read([1, 10, 99])] == [
            (1, {**HERE, "seq": 1}),
            (10, {**HERE, "seq": 10}),
        ]


def test_vehicles_in_one_file_do_not_mix(path: Path) -> None:
    with RingFile(path) as file:
        car, taxi = Ring(file, "car"), Ring(file, "taxi", first_seq=100)
        car.append(HERE)
        taxi.append(HERE)
        car.settle(Settled(1000))
        assert (car.seqs(), taxi.seqs()) == ([], [100])


@pytest.mark.parametrize("seq", [0, 5, -1, 2**53 + 1, "7", 7.0, True, None])
def test_a_number_that_does_not_grow_is_refused(path: Path, seq: object) -> None:
    with RingFile(path) as file:
        ring = Ring(file, "car")
        ring.append({**HERE, "seq": 5})
        with pytest.raises(UnacceptableSample, match="seq must be"):
            ring.append({**HERE, "seq": seq})
        assert ring.append(HERE) == 6


@pytest.mark.parametrize(
    "sample", [{"speed": float("nan")}, {"speed": float("inf")}, {"x": b"1"}, {"x": "y" * MAX_SAMPLE_BYTES}]
)
def test_what_has_no_json_form_or_is_too_large_is_refused(path: Path, sample: dict[str, object]) -> None:
    with RingFile(path) as file:
        ring = Ring(file, "car")
        with pytest.raises(UnacceptableSample):
            ring.append_all([HERE, sample])
        assert (ring.seqs(), len(ring), ring.append(HERE)) == ([], 0, 1)


def test_the_oldest_give_way_and_are_counted_over_restarts(path: Path) -> None:
    with RingFile(path) as file:
        ring = Ring(file, "car", capacity=3)
        ring.append_all([HERE] * 5)
        ring.append(HERE)
        assert (ring.seqs(), ring.evicted, len(ring)) == ([4, 5, 6], 3, 3)
    with RingFile(path) as file:
        ring = Ring(file, "car", capacity=2)
        assert (ring.append(HERE), ring.seqs(), ring.evicted) == (7, [6, 7], 5)


def test_numbers_that_the_platform_has_seen_are_not_used_again(path: Path) -> None:
    with RingFile(path) as file:
        ring = Ring(file, "car")
        ring.settle(Settled(0, [(500, 600)]))
        assert ring.append(HERE) == 601


def test_an_emptied_ring_numbers_on_after_a_restart(path: Path) -> None:
    with RingFile(path) as file:
        ring = Ring(file, "car")
        ring.append_all([HERE] * 9)
        ring.settle(Settled(9))
    with RingFile(path) as file:
        assert Ring(file, "car", first_seq=1).append(HERE) == 10


def test_after_a_power_cut_numbers_that_may_have_been_sent_are_skipped(path: Path) -> None:
    with RingFile(path) as file:
        Ring(file, "car").append(HERE)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE vehicles SET boot = 'an earlier start of the machine'")
    database.close()
    with RingFile(path) as file:
        assert Ring(file, "car").append(HERE) > 10_000


def test_a_second_owner_is_kept_out(path: Path) -> None:
    second = f"from pathlib import Path; from telemetry.agent.ring import RingFile; RingFile(Path({str(path)!r}))"
    with RingFile(path):
        ended = subprocess.run([sys.executable, "-c", second], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "RingUnavailable" in ended.stderr


def test_a_file_that_is_no_ring_is_said_to_be_none(path: Path) -> None:
    path.write_bytes(b"this is not a database, it is a text of some length" * 100)
    with pytest.raises(RingUnavailable, match="cannot open the ring buffer"):
        RingFile(path)


def test_a_full_disk_keeps_nothing_and_says_so(path: Path) -> None:
    with RingFile(path) as file:
        ring = Ring(file, "car")
        ring.append(HERE)
        with file.transaction() as database:
            pages = database.execute("PRAGMA page_count").fetchone()[0]
            database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(RingUnavailable, match="full"):
            ring.append_all([{**HERE, "filling": "x" * 1000}] * 50)
        assert (ring.seqs(), len(ring)) == ([1], 1)
        with file.transaction() as database:
            database.execute("PRAGMA max_page_count = 1000000")
        assert ring.append(HERE) > 1


def test_every_append_that_returned_survives_sigkill(path: Path) -> None:
    program = f"""
from pathlib import Path
from telemetry.agent.ring import Ring, RingFile
ring = Ring(RingFile(Path({str(path)!r})), "car")
while True:
    print(ring.append({{"location": {{"lat": 22.5, "lng": 113.9}}}}), flush=True)
"""
    returned: list[int] = []
    for kill_after in (1, 40, 333):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process, process.stdout:
            returned += [int(process.stdout.readline()) for _ in range(kill_after)]
            process.kill()
            # The last line may have been cut short by the kill, and then was not returned.
            returned += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    with RingFile(path) as file:
        kept = Ring(file, "car").seqs()
    assert set(returned) <= set(kept)
    assert kept == sorted(set(kept))
    assert returned == sorted(set(returned))


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 5)),
        st.tuples(st.just("jump"), st.integers(1, 20)),
        st.tuples(st.just("settle"), st.integers(0, 60)),
        st.tuples(st.just("settle_span"), st.integers(0, 60)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(actions=ACTIONS, capacity=st.integers(1, 12))
def test_the_ring_is_what_was_kept_less_what_is_settled_or_evicted(
    actions: list[tuple[str, int]], capacity: int
) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "ring"
        file = RingFile(path)
        ring = Ring(file, "car", capacity=capacity)
        held: list[int] = []
        highest = evicted = 0
        for action, number in actions:
            if action in {"append", "jump"}:
                first = highest + (number if action == "jump" else 1)
                count = number if action == "append" else 1
                seqs = ring.append_all([{"seq": first + step} for step in range(count)])
                held += seqs
                highest = seqs[-1]
            elif action == "reopen":
                file.close()
                file = RingFile(path)
                ring = Ring(file, "car", capacity=capacity)
            else:
                span = Settled(number) if action == "settle" else Settled(0, [(number, number + 3)])
                held = [seq for seq in held if not any(low <= seq <= high for low, high in span.spans())]
                ring.settle(span)
                highest = max(highest, span.highest)
            evicted += max(0, len(held) - capacity)
            held = held[-capacity:]
            assert (ring.seqs(), len(ring), ring.evicted, ring.next_seq) == (held, len(held), evicted, highest + 1)
        file.close()
