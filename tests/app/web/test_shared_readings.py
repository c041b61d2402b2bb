"""Many viewers, one reading a second."""

from __future__ import annotations

import threading

import pytest

from app.web.shared_readings import SharedReadings


class Source:
    def __init__(self) -> None:
        self.readings: SharedReadings[str, int] = SharedReadings()
        self.made = 0

    def make(self) -> int:
        self.made += 1
        return self.made

    def get(self, now_ms: int, key: str = "E-1") -> int:
        return self.readings.get(key, now_ms, self.make)


def test_within_a_second_all_get_the_same() -> None:
    source = Source()
    assert [source.get(now_ms) for now_ms in (5_000, 5_999, 6_000, 6_500)] == [1, 1, 2, 2]
    assert source.get(6_500, "E-2") == 3
    assert source.get(5_999) == 4, "a clock that went back shares nothing"


def test_who_comes_while_it_is_read_waits_for_it() -> None:
    source, begun, may_end = Source(), threading.Event(), threading.Event()
    found: list[int] = []

    def slow() -> int:
        begun.set()
        assert may_end.wait(10)
        return source.make()

    threads = [threading.Thread(target=lambda: found.append(source.readings.get("E-1", 5_000, slow))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert (found, source.made) == ([1, 1, 1], 1)


def test_a_reading_that_fails_is_tried_again_by_the_next() -> None:
    source = Source()

    def fail() -> int:
        raise OSError("no database")

    with pytest.raises(OSError, match="no database"):
        source.readings.get("E-1", 5_000, fail)
    assert source.get(5_000) == 1
