"""What is demanded of a simulated vehicle, and what its program makes of it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shapely.geometry.base import BaseGeometry

from app.simulator.closures import area_in
from app.simulator.plane import Plane
from telemetry.directives import Directive, DirectiveKind, Release, Reply

_GROUND_M = 10.0


class Temper(StrEnum):
    """How a vehicle takes directives: it obeys, it says that it does and does not, or it says nothing at all."""

    OBEDIENT = "obedient"
    DISOBEDIENT = "disobedient"
    SILENT = "silent"


class Inbox:
    """telemetry.agent.orders.Program of one vehicle: what its agent heard, until the fleet asks.

    The agent calls from its network thread, the fleet takes from its own: a deque is enough for both.
    """

    def __init__(self) -> None:
        self._heard: deque[Directive | str] = deque()

    def demanded(self, directive: Directive) -> None:
        """The platform demands this now."""
        self._heard.append(directive)

    def ended(self, directive_id: str) -> None:
        """This is not demanded any more."""
        self._heard.append(directive_id)

    def released(self, release: Release, *, may_go_on: bool) -> None:  # noqa: ARG002 -- Obligations know what is left
        """This one is over."""
        self._heard.append(release.directive_id)

    def take(self) -> list[Directive | str]:
        """Directives that are new and ids of those that ended, in order; taking empties the box."""
        return [self._heard.popleft() for _ in range(len(self._heard))]


@dataclass(frozen=True, slots=True)
class Said:
    """What the program answers."""

    reply: Reply
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Bidding:
    """What all directives together ask of a vehicle now."""

    halts: bool = False
    at_most_mps: float = math.inf
    keep_out: tuple[BaseGeometry, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether nothing is asked."""
        return not self.halts and self.at_most_mps == math.inf and not self.keep_out


@dataclass(slots=True)
class Obligations:
    """The directives that one vehicle obeys: each until it is over."""

    temper: Temper = Temper.OBEDIENT
    _standing: dict[str, Directive] = field(default_factory=dict)
    _areas: dict[str, BaseGeometry] = field(default_factory=dict)

    def take(self, directive: Directive, plane: Plane, *, flies: bool) -> Said | None:
        """Take a directive on; the answer, or None from who never answers."""
        if self.temper is Temper.SILENT:
            return None
        if self.temper is Temper.DISOBEDIENT:
            return Said(Reply.ACCEPTED)
        if directive.kind is DirectiveKind.LEAVE:
            if directive.place is None:
                return Said(Reply.REFUSED, "It was not told which place to leave.")
            if not flies and (directive.lower_m or 0.0) > _GROUND_M:
                return Said(Reply.ACCEPTED, "The place is above it.")
            try:
                self._areas[directive.directive_id] = area_in(plane, directive.place)
            except ValueError:
                return Said(Reply.REFUSED, "It does not understand the place.")
        self._standing[directive.directive_id] = directive
        return Said(Reply.ACCEPTED)

    def bidding(self) -> Bidding:
        """What is asked now."""
        standing = self._standing.values()
        return Bidding(
            halts=any(each.kind is DirectiveKind.HALT for each in standing),
            at_most_mps=min((each.speed_mps for each in standing if each.speed_mps is not None), default=math.inf),
            keep_out=tuple(self._areas.values()),
        )

    def forget(self, directive_id: str) -> None:
        """It is over, or never was obeyed; the others are obeyed on."""
        self._standing.pop(directive_id, None)
        self._areas.pop(directive_id, None)


def tempers(disobedient: Sequence[str], silent: Sequence[str]) -> dict[str, Temper]:
    """The tempers of those who do not simply obey, by vehicle id."""
    return dict.fromkeys(disobedient, Temper.DISOBEDIENT) | dict.fromkeys(silent, Temper.SILENT)
