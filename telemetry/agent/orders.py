"""What is demanded of one vehicle, as its agent knows it, and what was answered to it."""

from __future__ import annotations

from typing import Protocol

from telemetry.directives import Answer, Directive, Orders, Reply
from telemetry.ports import Clock


class Program(Protocol):
    """The vehicle's own program. Called in the agents' network thread: must not block."""

    def demanded(self, directive: Directive) -> None:
        """The platform demands this now. To be answered with VehicleAgent.answer."""

    def ended(self, directive_id: str) -> None:
        """This is not demanded any more: it was complied with or withdrawn."""


class OrderBook:
    """The directives of one vehicle with the newest answer to each.

    Answers are owed again after each new connection, for as long as their directive stands: one may
    have been lost with the connection before.
    """

    def __init__(self, program: Program | None, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self._number = 0
        self._answers: dict[str, Answer] = {}
        self._owed: dict[str, Answer] = {}

    def take(self, orders: Orders) -> None:
        """What stands now; the program is told of what is new and of what has ended."""
        if 0 < orders.number < self._number:
            return  # overtaken by a newer one
        self._number = max(self._number, orders.number)
        standing = {directive.directive_id for directive in orders.directives}
        for directive_id in [known for known in self._answers if known not in standing]:
            del self._answers[directive_id]
            self._owed.pop(directive_id, None)
            if self._program is not None:
                self._program.ended(directive_id)
        for directive in orders.directives:
            if directive.directive_id not in self._answers:
                self.answer(Answer(directive.directive_id, Reply.RECEIVED, self._clock()))
                if self._program is not None:
                    self._program.demanded(directive)

    def answer(self, answer: Answer) -> None:
        """Replaces what was answered before; an answer to what is not demanded any more is dropped."""
        if answer.reply is not Reply.RECEIVED and answer.directive_id not in self._answers:
            return
        self._answers[answer.directive_id] = self._owed[answer.directive_id] = answer

    def connected(self) -> None:
        """A new connection: everything is owed again."""
        self._owed = dict(self._answers)

    def owed(self) -> list[Answer]:
        """What is to be sent now; asking takes it."""
        owed, self._owed = self._owed, {}
        return list(owed.values())
