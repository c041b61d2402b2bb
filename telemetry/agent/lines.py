"""Samples from standard input: one JSON object a line, in the form of the telemetry payload."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from telemetry.errors import UnacceptableSample


@dataclass(frozen=True, slots=True)
class Intake:
    """How many lines became samples and how many could not. Empty lines count as neither."""

    taken: int
    bad: int


def take_lines(
    lines: Iterable[bytes], publish: Callable[[Mapping[str, object]], int], report: Callable[[str], None]
) -> Intake:
    """Publish every line that is a sample; report every other one with its number and go on."""
    taken = bad = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            publish(_sample(line))
        except UnacceptableSample as error:
            bad += 1
            report(f"line {number}: {error}")
        else:
            taken += 1
    return Intake(taken, bad)


def _sample(line: bytes) -> dict[str, object]:
    """One line as a sample that at least says where it was taken; the platform checks the rest."""
    try:
        sample = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnacceptableSample(f"no JSON: {error}") from error
    if not isinstance(sample, dict):
        raise UnacceptableSample("a sample is a JSON object")
    location = sample.get("location")
    if not isinstance(location, dict) or not all(_is_number(location.get(name)) for name in ("lat", "lng")):
        raise UnacceptableSample("a sample has a location with the numbers lat and lng")
    return sample


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
