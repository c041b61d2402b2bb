"""Parked beside a boundary for an hour at 1 Hz: the one inside is never alerted, the one outside once."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

import pytest

from telemetry.findings import Finding
from telemetry.messages import Message
from telemetry.ports import AlertChange
from tests.telemetry.cast import CAR, T0, World, message, payload, world

HOUR_S = 3600
#: Parked 10 m west (inside) or east (outside) of the area's eastern boundary at 1000 m, far from any road.
INSIDE, OUTSIDE = (990.0, 200.0), (1010.0, 200.0)

Noise = Callable[[random.Random, int], tuple[float, float]]


def per_axis(sigma_m: float) -> Noise:
    return lambda rng, _: (rng.gauss(0, sigma_m), rng.gauss(0, sigma_m))


def radius_68(radius_m: float) -> Noise:
    """68 % of fixes within the radius: a Rayleigh distance of that quantile."""
    return per_axis(radius_m / math.sqrt(-2 * math.log(1 - 0.68)))


def field_case(first_m: float, second_m: float) -> Noise:
    """A parked phone whose fixes alternate between two distances, in all directions."""

    def noise(rng: random.Random, place: int) -> tuple[float, float]:
        angle, distance_m = rng.uniform(0, 2 * math.pi), (first_m, second_m)[place % 2]
        return distance_m * math.cos(angle), distance_m * math.sin(angle)

    return noise


def parked(
    at: tuple[float, float], noise: Noise, accuracy_m: float, seed: int, speed_mps: float | None = None
) -> Iterator[Message]:
    """One hour of samples in arrays of 60."""
    rng = random.Random(seed)
    samples = []
    for place in range(HOUR_S):
        east_m, north_m = noise(rng, place)
        location = {"horizontal_accuracy": accuracy_m, "speed": speed_mps}
        samples.append(payload(place + 1, T0 + place * 1000, at[0] + east_m, at[1] + north_m, location=location))
    for start in range(0, HOUR_S, 60):
        yield message(samples[start : start + 60])


def alerts_of_an_hour(messages: Iterator[Message]) -> tuple[World, list[AlertChange]]:
    home = world()
    changes = home.send(*messages).alerts
    assert len(home.store.rows) == HOUR_S
    return home, list(changes)


CASES = {
    "3 m a 68 % radius": (radius_68(3.0), 3.0),
    "3 m an axis": (per_axis(3.0), 3.0),
    "8 m a 68 % radius": (radius_68(8.0), 8.0),
    "8 m an axis": (per_axis(8.0), 8.0),
    "8 m and 200 m, 1.9 m reported": (field_case(8.0, 200.0), 1.9),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("speed_mps", [0.0, None])
@pytest.mark.parametrize("case", CASES)
def test_inside_is_never_alerted(case: str, speed_mps: float | None, seed: int) -> None:
    _, changes = alerts_of_an_hour(parked(INSIDE, *CASES[case], seed, speed_mps))
    assert changes == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("speed_mps", [0.0, None])
@pytest.mark.parametrize("case", CASES)
def test_outside_is_alerted_once_and_the_alert_stays(case: str, speed_mps: float | None, seed: int) -> None:
    _, changes = alerts_of_an_hour(parked(OUTSIDE, *CASES[case], seed, speed_mps))
    assert [(change.finding, change.closed_at_ms) for change in changes] == [(Finding.OUTSIDE_AREA, None)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("speed_mps", [0.0, None])
def test_a_wild_first_fix_is_forgotten(speed_mps: float | None, seed: int) -> None:
    _, changes = alerts_of_an_hour(parked(INSIDE, field_case(200.0, 8.0), 1.9, seed, speed_mps))
    assert changes == []


@pytest.mark.parametrize("phase_s", [0.0, 0.25, 0.5, 0.75, 0.99])
@pytest.mark.parametrize(("accuracy_m", "speed_mps"), [(1.0, 8.0), (2.0, 12.0), (3.0, 14.0), (8.0, 30.0)])
def test_a_real_exit_is_alerted_within_three_seconds(phase_s: float, accuracy_m: float, speed_mps: float) -> None:
    """Driving out after a while inside, wherever the boundary falls between two samples."""
    home = world()
    rng = random.Random(1)
    noise = per_axis(accuracy_m / 4)
    exit_ms = T0 + 20_000
    opened = []
    for second in range(40):
        at_ms = T0 + second * 1000 - int(phase_s * 1000)
        east_m, north_m = noise(rng, second)
        driven_m = (at_ms - exit_ms) / 1000 * speed_mps
        location = {"horizontal_accuracy": accuracy_m, "speed": speed_mps}
        sample = payload(second + 1, at_ms, 1000 + driven_m + east_m, 200 + north_m, location=location)
        opened += [change for change in home.send(message(sample)).alerts if change.is_new]
    assert [change.finding for change in opened] == [Finding.OUTSIDE_AREA]
    assert exit_ms < opened[0].opened_at_ms <= exit_ms + 3000
    assert opened[0].vehicle == CAR.key
