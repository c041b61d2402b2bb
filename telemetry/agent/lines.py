"""Standard input and output of `pilotage agent`: one JSON object a line.

In: samples in the form of the telemetry payload, and answers `{"directive_id": ..., "reply":
"accepted" | "refused", "detail": ...}`. Out: `{"demanded": {directive}}`, `{"ended": directive_id}` and
`{"released": {release}, "may_go_on": true | false}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from telemetry.directives import Directive, Release, Reply
from telemetry.errors import UnacceptableSample

_REPLIES = {Reply.ACCEPTED.value: Reply.ACCEPTED, Reply.REFUSED.value: Reply.REFUSED}


@dataclass(frozen=True, slots=True)
class Intake:
    """How many lines became samples and how many could not. Empty lines count as neither."""

    taken: int
    bad: int


@dataclass(frozen=True, slots=True)
class WrittenOrders:
    """telemetry.agent.orders.Program that writes a line for each event; `write` must not block."""

    write: Callable[[bytes], None]

    def demanded(self, directive: Directive) -> None:
        """One line with the whole directive."""
        self.write(msgspec.json.encode({"demanded": directive}))

    def ended(self, directive_id: str) -> None:
        """One line with its id."""
        self.write(msgspec.json.encode({"ended": directive_id}))

    def released(self, release: Release, *, may_go_on: bool) -> None:
        """One line with the release, and whether the vehicle is free of all directives."""
        self.write(msgspec.json.encode({"released": release, "may_go_on": may_go_on}))


def take_lines(
    lines: Iterable[bytes],
    publish: Callable[[Mapping[str, object]], int],
    answer: Callable[[str, Reply, str], None],
    report: Callable[[str], None],
) -> Intake:
    """Publish every sample, pass on every answer; report every other line with its number and go on."""
    taken = bad = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            given = _object(line)
            if "directive_id" in given:
                answer(*_answer(given))
                continue
            publish(_sample(given))
        except UnacceptableSample as error:
            bad += 1
            report(f"line {number}: {error}")
        else:
            taken += 1
    return Intake(taken, bad)


def _object(line: bytes) -> dict[str, object]:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnacceptableSample(f"no JSON: {error}") from error
    if not isinstance(given, dict):
        raise UnacceptableSample("a sample is a JSON object")
    return given


def _answer(given: Mapping[str, object]) -> tuple[str, Reply, str]:
    directive_id, reply, detail = given["directive_id"], given.get("reply"), given.get("detail", "")
    if not (isinstance(directive_id, str) and isinstance(detail, str) and reply in _REPLIES):
        raise UnacceptableSample("an answer has a directive_id and a reply, accepted or refused")
    return directive_id, _REPLIES[str(reply)], detail


def _sample(sample: dict[str, object]) -> dict[str, object]:
    """A sample that at least says where it was taken; the platform checks the rest."""
    location = sample.get("location")
    if not isinstance(location, dict) or not all(_is_number(location.get(name)) for name in ("lat", "lng")):
        raise UnacceptableSample("a sample has a location with the numbers lat and lng")
    return sample


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
