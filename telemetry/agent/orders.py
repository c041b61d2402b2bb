"""What is demanded of one vehicle, as its agent knows it, and what was answered to it."""

from __future__ import annotations

from typing import Protocol

from telemetry.directives import Answer, Directive, Orders, Release, Reply
from telemetry.ports import Clock


class Program(Protocol):
    """The vehicle's own program. Called in the agents' network thread: must not block."""

    def demanded(self, directive: Directive) -> None:
        """The platform demands this now, or has changed what it said of it. To be answered with VehicleAgent.answer."""

    def ended(self, directive_id: str) -> None:
        """This is not demanded any more, because something else is. It is no leave to go on."""

    def released(self, release: Release, *, may_go_on: bool) -> None:
        """A directive is over. `may_go_on`: none is left, so that the vehicle is free of all."""


class OrderBook:
    """The directives of one vehicle, the releases that it heard, and the newest answer to each.

    Answers are owed again after each new connection, for as long as the platform names what they
    answer: one may have been lost with the connection before. A release of a directive that this agent
    never had is handed over too: the program may have had it from an agent before.
    """

    def __init__(self, program: Program | None, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self._number = 0
        self._standing: dict[str, Directive] = {}
        self._released: set[str] = set()
        self._answers: dict[str, Answer] = {}
        self._owed: dict[str, Answer] = {}

    def take(self, orders: Orders) -> None:
        """What stands now; the program is told of what is new, of what has ended, and last what it is released from.

        In this order nobody who is told something else drives on in between.
        """
        if 0 < orders.number < self._number:
            return  # overtaken by a newer one
        self._number = max(self._number, orders.number)
        standing = {directive.directive_id for directive in orders.directives}
        released = {release.directive_id for release in orders.released}
        for directive in orders.directives:
            if self._standing.get(directive.directive_id) != directive:
                self._demand(directive)
        for directive_id in [each for each in self._standing if each not in standing]:
            del self._standing[directive_id]
            if self._program is not None and directive_id not in released:
                self._program.ended(directive_id)
        for release in orders.released:
            if release.directive_id not in self._released:
                self._release(release)
        self._released &= released
        for directive_id in [each for each in self._answers if each not in standing | released]:
            del self._answers[directive_id]
            self._owed.pop(directive_id, None)

    def answer(self, answer: Answer) -> None:
        """What the program says; an answer to what is not demanded any more is dropped."""
        if answer.directive_id in self._standing:
            self._keep(answer)

    def connected(self) -> None:
        """A new connection: everything is owed again."""
        self._owed = dict(self._answers)

    def owed(self) -> list[Answer]:
        """What is to be sent now; asking takes it."""
        owed, self._owed = self._owed, {}
        return list(owed.values())

    def _keep(self, answer: Answer) -> None:
        """In the place of what was answered before."""
        self._answers[answer.directive_id] = self._owed[answer.directive_id] = answer

    def _demand(self, directive: Directive) -> None:
        self._standing[directive.directive_id] = directive
        self._keep(Answer(directive.directive_id, Reply.RECEIVED, self._clock()))
        if self._program is not None:
            self._program.demanded(directive)

    def _release(self, release: Release) -> None:
        self._released.add(release.directive_id)
        self._keep(Answer(release.directive_id, Reply.RELEASED, self._clock()))
        if self._program is not None:
            self._program.released(release, may_go_on=not self._standing)
