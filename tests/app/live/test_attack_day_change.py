"""An attacker records the public view over the day change and tries to follow cars into the next day.

Forty cars; a dozen of them stand by the road from the evening to the morning, in public view until the
names change. Who guesses at random links one car in the mean, and more than five of forty once in 1,700
nights. Each attack is run on the view as it is, and on one that only changes its names, so that it is
seen to work where it can.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.app.live.attack_fleet import Car, Point, Record, Trace, Watch, fleet, owners
from tests.app.web.cast import DAY_MS, NOON_MS, Time

MIDNIGHT_MS = NOON_MS + DAY_MS // 2
HOUR_MS = 3_600_000
REST_MS = HOUR_MS // 2
EVERY_MS = 10_000
CARS = 40
PARKED = 12
TODAY, TOMORROW = "2026-03-01", "2026-03-02"

T = TypeVar("T")
Link = tuple[str, str]
Attack = Callable[[Record, Record], list[Link]]


def by_name(today: Record, tomorrow: Record) -> list[Link]:
    return [(name, name) for name in today.traces if name in tomorrow.traces]


def by_place(today: Record, tomorrow: Record) -> list[Link]:
    """Where somebody was seen last, somebody is seen first."""

    def cost(one: Trace, other: Trace) -> float:
        return math.dist(one.seen[-1][1], other.seen[0][1])

    return _matched(today, tomorrow, cost)


def by_place_and_stillness(today: Record, tomorrow: Record) -> list[Link]:
    """Who stood still in the evening is who appears late in the morning; then by place."""

    def cost(one: Trace, other: Trace) -> float:
        stood = MIDNIGHT_MS - one.seen[-1][0] > REST_MS + HOUR_MS // 12
        came_late = other.seen[0][0] - MIDNIGHT_MS > 2 * REST_MS
        return math.dist(one.seen[-1][1], other.seen[0][1]) + (1e6 if stood != came_late else 0.0)

    return _matched(today, tomorrow, cost)


def by_course(today: Record, tomorrow: Record) -> list[Link]:
    """Where somebody would be if it had gone on as it went."""

    def cost(one: Trace, other: Trace) -> float:
        (before_ms, before), (last_ms, last) = one.seen[-2], one.seen[-1]
        first_ms, first = other.seen[0]
        share = min((first_ms - last_ms) / max(1, last_ms - before_ms), 3.0)
        return math.dist(first, (last[0] + (last[0] - before[0]) * share, last[1] + (last[1] - before[1]) * share))

    return _matched(today, tomorrow, cost)


def by_speed(today: Record, tomorrow: Record) -> list[Link]:
    """The fast ones are the fast ones."""
    return _matched_by(today, tomorrow, _speed_mps, lambda one, other: abs(one - other))


def by_order_of_messages(today: Record, tomorrow: Record) -> list[Link]:
    """Who comes early in the messages comes early in them."""

    def rank(trace: Trace) -> float:
        return sum(trace.ranks) / len(trace.ranks)

    return _matched_by(today, tomorrow, rank, lambda one, other: abs(one - other))


def by_order_of_appearance(today: Record, tomorrow: Record) -> list[Link]:
    return list(zip(today.traces, tomorrow.traces, strict=False))


def by_instant(today: Record, tomorrow: Record) -> list[Link]:
    """Changes that come at the same seconds of the minute come from the same clock."""

    def phase(trace: Trace) -> float:
        return sum(at_ms % 60_000 for at_ms, _ in trace.seen) / len(trace.seen)

    return _matched_by(today, tomorrow, phase, lambda one, other: abs(one - other))


def by_streets(today: Record, tomorrow: Record) -> list[Link]:
    """Who was seen in the same places."""

    def cells(trace: Trace) -> set[Point]:
        return {(place[0] // 400, place[1] // 400) for _, place in trace.seen}

    return _matched_by(today, tomorrow, cells, lambda one, other: -len(one & other) / len(one | other))


ATTACKS: list[Attack] = [
    by_name,
    by_place,
    by_place_and_stillness,
    by_course,
    by_speed,
    by_order_of_messages,
    by_order_of_appearance,
    by_instant,
    by_streets,
]


@pytest.fixture(scope="module")
def nights() -> list[tuple[Record, Record]]:
    """Two nights with different fleets, as the view is."""
    return [_night(seed, rest_ms=REST_MS) for seed in (1, 2)]


@pytest.fixture(scope="module")
def night_without_rest() -> tuple[Record, Record]:
    return _night(1, rest_ms=0, until_ms=MIDNIGHT_MS + HOUR_MS // 2)


@pytest.mark.parametrize("attack", ATTACKS)
def test_linking_into_the_next_day_is_guessing(nights: list[tuple[Record, Record]], attack: Attack) -> None:
    for today, tomorrow in nights:
        assert len(today.traces) == len(tomorrow.traces) == CARS  # nobody is merely hidden
        assert _right(attack(today, tomorrow)) <= 5


@pytest.mark.parametrize("attack", [by_place, by_course])
def test_the_attacks_work_where_only_the_names_change(
    night_without_rest: tuple[Record, Record], attack: Attack
) -> None:
    assert _right(attack(*night_without_rest)) >= CARS * 3 // 4


def _night(seed: int, *, rest_ms: int, until_ms: int = MIDNIGHT_MS + 5 * HOUR_MS) -> tuple[Record, Record]:
    """From half past ten in the evening to the morning, as two records."""
    cars = fleet(CARS, seed)
    for number, car in enumerate(cars[:PARKED]):
        car.parks_ms = MIDNIGHT_MS - REST_MS - (number + 1) * HOUR_MS // 15
        car.leaves_ms = MIDNIGHT_MS + 2 * HOUR_MS + (number * 7 % PARKED) * HOUR_MS // 6
    time = Time(MIDNIGHT_MS - 3 * HOUR_MS // 2)
    watch, records = Watch(time, rest_ms=rest_ms), (Record(), Record())
    while time.now_ms < until_ms:
        _step(watch, cars)
        records[time.now_ms >= MIDNIGHT_MS].take(watch.listen(), time.now_ms)
        time.pass_ms(EVERY_MS)
    return records


def _step(watch: Watch, cars: list[Car]) -> None:
    for car in cars:
        car.drive(watch.time(), EVERY_MS / 1_000)
        watch.observe(car.key, car.place())


def _matched(today: Record, tomorrow: Record, cost: Callable[[Trace, Trace], float]) -> list[Link]:
    """Each name of today with another one of tomorrow, the cheapest pairs first."""
    pairs = sorted(
        (cost(one, other), name, other_name)
        for name, one in today.traces.items()
        for other_name, other in tomorrow.traces.items()
    )
    links: dict[str, str] = {}
    taken: set[str] = set()
    for _, name, other_name in pairs:
        if name not in links and other_name not in taken:
            links[name] = other_name
            taken.add(other_name)
    return list(links.items())


def _matched_by(
    today: Record, tomorrow: Record, feature: Callable[[Trace], T], cost: Callable[[T, T], float]
) -> list[Link]:
    """As `_matched`, by something that each trace has."""
    of = {id(trace): feature(trace) for record in (today, tomorrow) for trace in record.traces.values()}
    return _matched(today, tomorrow, lambda one, other: cost(of[id(one)], of[id(other)]))


def _right(links: list[Link]) -> int:
    today, tomorrow = owners(TODAY, CARS), owners(TOMORROW, CARS)
    return sum(today[one] == tomorrow.get(other) for one, other in links)


def _speed_mps(trace: Trace) -> float:
    """Way over time while it moved."""
    moves = [
        (math.dist(before, after), (after_ms - before_ms) / 1_000)
        for (before_ms, before), (after_ms, after) in zip(trace.seen, trace.seen[1:], strict=False)
        if after_ms - before_ms < HOUR_MS // 60
    ]
    return sum(way for way, _ in moves) / max(1e-9, sum(duration for _, duration in moves))
