"""Directives: what the platform demands of a vehicle, on the wire, and when telemetry shows that it complies.

What is demanded of a vehicle stands as a whole in one retained message, numbered and replaced at each
change. So a vehicle that was offline gets the present state first, and a lost message loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from telemetry.errors import InvalidDirective


class DirectiveKind(StrEnum):
    """What is demanded. Sanctions and emergency geofences (California 2026, two minutes) need no more."""

    HALT = "halt"  # stand still; an aircraft: land
    LEAVE = "leave"  # get out of where it may not be
    SLOW = "slow"  # keep to the speed that is allowed now


class Reply(StrEnum):
    """What a vehicle answers: its agent that directive and release are there, its own program whether it obeys."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    RELEASED = "released"


class Directive(msgspec.Struct, frozen=True, omit_defaults=True):
    """One demand on a vehicle; times are milliseconds UTC, `deadline_ms` is when it must be complied with.

    `place` is what a LEAVE is about: a GeoJSON geometry in EPSG:4326, with its vertical limits; `zones`
    are the zones that it consists of, where it does. `until_ms` is when the directive will be over by
    itself, as far as is known now: the same directive may come again with another one.
    """

    directive_id: str
    kind: DirectiveKind
    issued_at_ms: int
    deadline_ms: int
    reason: str
    speed_mps: float | None = None
    place: dict[str, object] | None = None
    lower_m: float | None = None
    upper_m: float | None = None
    altitude_datum: str | None = None
    zones: tuple[str, ...] = ()
    until_ms: int | None = None


class Release(msgspec.Struct, frozen=True, omit_defaults=True):
    """A directive is over: as far as this one goes, the vehicle may go on. Times are milliseconds UTC."""

    directive_id: str
    released_at_ms: int
    reason: str = ""


class Orders(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that is demanded of a vehicle now, and the releases that it has not acknowledged yet.

    `number` only grows: an older one is out of date.
    """

    number: int
    directives: tuple[Directive, ...] = ()
    released: tuple[Release, ...] = ()


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A vehicle's answer to one directive, on `directive/ack`."""

    directive_id: Annotated[str, Meta(min_length=1, max_length=64)]
    reply: Reply
    timestamp: Annotated[int, Meta(ge=0, le=2**53)]
    detail: Annotated[str, Meta(max_length=500)] = ""


class DemandedPlace(msgspec.Struct, frozen=True):
    """What a LEAVE is about: `geometry` as GeoJSON text in EPSG:4326, limits in metres of `datum` (None: open)."""

    geometry: str
    lower_m: float | None = None
    upper_m: float | None = None
    datum: str | None = None

    @classmethod
    def of(cls, terms: Mapping[str, Any]) -> DemandedPlace | None:
        """The place in what else a Directive says, if it names one."""
        if terms.get("place") is None:
            return None
        geometry = msgspec.json.encode(terms["place"]).decode()
        return cls(geometry, terms.get("lower_m"), terms.get("upper_m"), terms.get("altitude_datum"))


class Obeyed(msgspec.Struct, frozen=True, gc=False):
    """The sample that showed that a directive, by its key, is complied with."""

    directive: int
    vehicle: int
    timestamp_ms: int
    seq: int


class Demand(msgspec.Struct, frozen=True, gc=False):
    """A directive that waits for its vehicle, as the worker follows it.

    A LEAVE with a `place` is about that place, a SLOW with a speed about that speed; without them what
    counts is that the vehicle keeps to its permit again.
    """

    directive: int
    vehicle: int
    kind: DirectiveKind
    issued_at_ms: int
    place: DemandedPlace | None = None
    speed_mps: float | None = None


_encode = msgspec.json.Encoder().encode
_orders_decoder = msgspec.json.Decoder(Orders)
_answer_decoder = msgspec.json.Decoder(Answer)


def encode_orders(orders: Orders) -> bytes:
    """The payload of a vehicle's `directive` topic."""
    return _encode(orders)


def decode_orders(payload: bytes) -> Orders:
    """Raises InvalidDirective. An empty payload, a retained message that was cleared, demands nothing."""
    if not payload:
        return Orders(number=0)
    try:
        return _orders_decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidDirective(str(error)) from error


def encode_answer(answer: Answer) -> bytes:
    """The payload of `directive/ack`."""
    return _encode(answer)


def decode_answer(payload: bytes) -> Answer:
    """Raises InvalidDirective."""
    try:
        return _answer_decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidDirective(str(error)) from error
