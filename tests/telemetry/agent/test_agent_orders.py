"""What an agent hands to its vehicle's program of directives and releases, and what it owes to the platform."""

from __future__ import annotations

import json

from telemetry.agent.lines import WrittenOrders
from telemetry.agent.orders import OrderBook
from telemetry.directives import Answer, Directive, DirectiveKind, Orders, Release, Reply

HALT = Directive("D-1", DirectiveKind.HALT, issued_at_ms=1, deadline_ms=120_001, reason="smoke")
SLOW = Directive("D-2", DirectiveKind.SLOW, issued_at_ms=2, deadline_ms=120_002, reason="rain", speed_mps=5.0)


class Vehicle:
    """An agent's book of orders, with a program that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.book = OrderBook(self, lambda: 1_000)

    def demanded(self, directive: Directive) -> None:
        self.heard.append(f"{directive.kind} {directive.until_ms or ''}".strip())

    def ended(self, directive_id: str) -> None:
        self.heard.append(f"{directive_id} ended")

    def released(self, release: Release, *, may_go_on: bool) -> None:
        self.heard.append(f"{release.directive_id} {'may go on' if may_go_on else 'released'}")

    def takes(self, number: int, *directives: Directive, released: tuple[str, ...] = ()) -> list[str]:
        """What the program hears of this message."""
        self.heard.clear()
        self.book.take(Orders(number, directives, tuple(Release(each, 5, "over") for each in released)))
        return list(self.heard)

    def owes(self) -> list[tuple[str, Reply]]:
        return [(answer.directive_id, answer.reply) for answer in self.book.owed()]


def test_only_the_release_of_the_last_directive_lets_a_vehicle_go_on() -> None:
    vehicle = Vehicle()
    assert vehicle.takes(1, HALT, SLOW) == ["halt", "slow"]
    assert vehicle.takes(2, SLOW, released=("D-1",)) == ["D-1 released"]
    assert vehicle.takes(3, released=("D-1", "D-2")) == ["D-2 may go on"]
    assert vehicle.takes(4, released=("D-2",)) == []
    assert vehicle.takes(0) == [], "nothing stands, and nothing is owed"


def test_who_is_released_and_told_something_else_at_once_is_never_free() -> None:
    vehicle = Vehicle()
    vehicle.takes(1, HALT)
    assert vehicle.takes(2, SLOW, released=("D-1",)) == ["slow", "D-1 released"]


def test_what_is_replaced_is_no_leave_to_go_on() -> None:
    vehicle = Vehicle()
    vehicle.takes(1, HALT)
    assert vehicle.takes(2, SLOW) == ["slow", "D-1 ended"]


def test_an_agent_that_was_restarted_hands_a_release_over() -> None:
    assert Vehicle().takes(9, released=("D-1",)) == ["D-1 may go on"]


def test_a_release_is_acknowledged_and_again_on_each_connection_while_it_is_named() -> None:
    vehicle = Vehicle()
    vehicle.takes(1, HALT)
    vehicle.book.answer(Answer("D-1", Reply.ACCEPTED, 1_000))
    assert vehicle.owes() == [("D-1", Reply.ACCEPTED)]
    vehicle.takes(2, released=("D-1",))
    vehicle.book.answer(Answer("D-1", Reply.REFUSED, 1_000))
    assert vehicle.owes() == [("D-1", Reply.RELEASED)], "to what is over nobody says no"
    vehicle.book.connected()
    assert vehicle.owes() == [("D-1", Reply.RELEASED)]
    vehicle.takes(3)
    vehicle.book.connected()
    assert vehicle.owes() == []


def test_a_release_that_was_overtaken_frees_nobody() -> None:
    vehicle = Vehicle()
    vehicle.takes(5, HALT)
    assert vehicle.takes(4, released=("D-1",)) == []


def test_a_directive_that_says_something_else_is_handed_over_again() -> None:
    vehicle = Vehicle()
    leave = Directive("D-3", DirectiveKind.LEAVE, issued_at_ms=1, deadline_ms=2, reason="gas", until_ms=60)
    longer = Directive("D-3", DirectiveKind.LEAVE, issued_at_ms=1, deadline_ms=2, reason="gas", until_ms=90)
    vehicle.takes(1, leave)
    assert vehicle.takes(2, longer) == ["leave 90"]
    assert vehicle.takes(3, longer) == []


def test_a_release_is_a_line_on_standard_output() -> None:
    lines: list[bytes] = []
    WrittenOrders(lines.append).released(Release("D-1", 7, "solved"), may_go_on=False)
    assert json.loads(lines[0]) == {
        "released": {"directive_id": "D-1", "released_at_ms": 7, "reason": "solved"},
        "may_go_on": False,
    }
