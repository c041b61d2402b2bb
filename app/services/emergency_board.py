"""The board of an emergency: of each vehicle that was told, what it answered, where it is, and its two minutes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import in_parts
from app.models import DirectiveAnswer, Emergency, EmergencyVehicle
from app.services.directives import DEADLINE_MS
from app.services.emergencies import told_vehicles
from app.services.emergency_sightings import HEARD_MS, Senses, Sightings, sightings_of
from app.services.emergency_watch import compiled, place_revision
from app.services.permits_in_force import permit_numbers_of
from telemetry.approach import Stands
from telemetry.directives import Reply

#: Who has not answered for so long after it was told does not answer.
ANSWER_MS = 10_000
#: A vehicle moves out when it has come nearer to the edge by more than its position wavers.
_WAVERING_M = 1.0


class Response(StrEnum):
    """What a vehicle, or its agent, answered to what it was told last."""

    TOLD = "told"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    SILENT = "silent"


class Whereabouts(StrEnum):
    """Where it is to the closed place. UNCLEAR: nothing shows that it stayed out, nor that it did not."""

    INSIDE = "inside"
    LEAVING = "leaving"
    LEFT = "left"
    KEPT_OUT = "kept_out"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest sample that can be believed. `depth_m`: how far it is to the outside; negative: out by so much."""

    at_ms: int
    lon: float
    lat: float
    heading_deg: float | None
    speed_mps: float | None
    depth_m: float


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One vehicle. `clock_ms`: its two minutes so far, or how long it took; None where there are none."""

    told: EmergencyVehicle
    response: Response
    whereabouts: Whereabouts
    clock_ms: int | None
    left_at_ms: int | None
    seen: Seen | None
    permits: Sequence[str]

    @property
    def is_overdue(self) -> bool:
        """Whether it takes, or took, longer than it may."""
        return self.clock_ms is not None and self.clock_ms > DEADLINE_MS


@dataclass(frozen=True, slots=True)
class Totals:
    """How many were told, and of these how many each; `acknowledged` answered anything."""

    told: int
    acknowledged: int
    refused: int
    silent: int
    inside: int
    leaving: int
    left: int
    kept_out: int
    unclear: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Board:
    """An emergency as it stands at `at_ms`, or stood when it ended: the most urgent first."""

    emergency: Emergency
    at_ms: int
    rows: Sequence[BoardRow]

    def of(self, organisation_id: int | None) -> Board:
        """The part of one operator's vehicles; None: all of it."""
        if organisation_id is None:
            return self
        own = [row for row in self.rows if row.told.vehicle.organisation_id == organisation_id]
        return replace(self, rows=own)

    @property
    def totals(self) -> Totals:
        """Counted over the rows."""
        responses = [row.response for row in self.rows]
        places = [row.whereabouts for row in self.rows]
        return Totals(
            told=len(self.rows),
            acknowledged=sum(each not in {Response.TOLD, Response.SILENT} for each in responses),
            refused=responses.count(Response.REFUSED),
            silent=responses.count(Response.SILENT),
            inside=places.count(Whereabouts.INSIDE),
            leaving=places.count(Whereabouts.LEAVING),
            left=places.count(Whereabouts.LEFT),
            kept_out=places.count(Whereabouts.KEPT_OUT),
            unclear=places.count(Whereabouts.UNCLEAR),
            overdue=sum(row.is_overdue for row in self.rows),
        )


def board_of(session: Session, emergency: Emergency, *, senses: Senses, now_ms: int) -> Board:
    """The board now. After the end it stays as it was."""
    at_ms = now_ms if emergency.ended_at_ms is None else emergency.ended_at_ms
    told = told_vehicles(session, emergency)
    keys = [row.vehicle_key for row in told]
    replies = _replies(session, told)
    permits = permit_numbers_of(session, keys, at_ms)
    sightings = sightings_of(session, keys, at_ms)
    stands = compiled(place_revision(session, emergency), senses).stands(sightings.points(senses))
    is_over = emergency.ended_at_ms is not None
    samples = _samples_of(sightings)
    rows = [
        _row(
            each,
            reply=replies.get(each.directive_key),
            permits=permits.get(each.vehicle_key, ()),
            watched=_Watched.of(sightings, stands, samples.get(each.vehicle_key, ()), at_ms),
            at_ms=at_ms,
            is_over=is_over,
        )
        for each in told
    ]
    return Board(emergency, at_ms, sorted(rows, key=_urgency))


@dataclass(frozen=True, slots=True)
class _Watched:
    """What the samples of one vehicle say. `is_recent`: heard just now."""

    seen: Seen | None = None
    is_recent: bool = False
    is_outside: bool = False
    is_moving_out: bool = False

    @classmethod
    def of(cls, sightings: Sightings, stands: Stands, rows: Sequence[int], at_ms: int) -> _Watched:
        if not rows:
            return cls()
        first, last = rows[0], rows[-1]
        return cls(
            seen=_seen(sightings, stands, last),
            is_recent=int(sightings.timestamp_ms[last]) > at_ms - HEARD_MS,
            is_outside=bool(stands.outside[last]),
            is_moving_out=bool(stands.depth_m[last] < stands.depth_m[first] - _WAVERING_M),
        )


def _samples_of(sightings: Sightings) -> Mapping[int, Sequence[int]]:
    """The rows of each vehicle that can be believed, by its key, in the order of their times."""
    rows: defaultdict[int, list[int]] = defaultdict(list)
    keys = sightings.vehicle.tolist()
    for row in np.flatnonzero(sightings.is_true).tolist():
        rows[keys[row]].append(row)
    return rows


def _row(
    told: EmergencyVehicle,
    *,
    reply: Reply | None,
    permits: Sequence[str],
    watched: _Watched,
    at_ms: int,
    is_over: bool,
) -> BoardRow:
    left_at_ms = told.directive.complied_at_ms if told.entered_at_ms is not None else None
    clock_ms = None
    if told.entered_at_ms is not None:
        clock_ms = max((at_ms if left_at_ms is None else left_at_ms) - told.told_at_ms, 0)
    return BoardRow(
        told=told,
        response=_response(told, reply, at_ms),
        whereabouts=_whereabouts(told, watched, is_over=is_over),
        clock_ms=clock_ms,
        left_at_ms=left_at_ms,
        seen=watched.seen,
        permits=permits,
    )


def _response(told: EmergencyVehicle, reply: Reply | None, at_ms: int) -> Response:
    if reply is not None:
        return Response(reply.value)
    return Response.SILENT if at_ms - told.directive.issued_at_ms > ANSWER_MS else Response.TOLD


def _whereabouts(told: EmergencyVehicle, watched: _Watched, *, is_over: bool) -> Whereabouts:
    is_shown_out = told.directive.complied_at_ms is not None
    if told.entered_at_ms is not None:
        if is_shown_out:
            return Whereabouts.LEFT
        is_on_its_way = watched.is_recent and (watched.is_outside or watched.is_moving_out)
        return Whereabouts.LEAVING if is_on_its_way and not is_over else Whereabouts.INSIDE
    if is_over:
        return Whereabouts.KEPT_OUT if is_shown_out else Whereabouts.UNCLEAR
    return Whereabouts.KEPT_OUT if watched.is_recent and watched.is_outside else Whereabouts.UNCLEAR


_BY_URGENCY = (
    Whereabouts.INSIDE,
    Whereabouts.UNCLEAR,
    Whereabouts.LEAVING,
    Whereabouts.KEPT_OUT,
    Whereabouts.LEFT,
)
_ALARMING = frozenset({Response.REFUSED, Response.SILENT})


def _urgency(row: BoardRow) -> tuple[int, bool, int, int]:
    return _BY_URGENCY.index(row.whereabouts), row.response not in _ALARMING, row.told.told_at_ms, row.told.id


def _seen(sightings: Sightings, stands: Stands, row: int) -> Seen:
    heading_deg, speed_mps = float(sightings.heading_deg[row]), float(sightings.speed_mps[row])
    return Seen(
        at_ms=int(sightings.timestamp_ms[row]),
        lon=float(sightings.lon[row]),
        lat=float(sightings.lat[row]),
        heading_deg=None if np.isnan(heading_deg) else heading_deg,
        speed_mps=None if np.isnan(speed_mps) else speed_mps,
        depth_m=float(stands.depth_m[row]),
    )


def _replies(session: Session, told: Sequence[EmergencyVehicle]) -> Mapping[int, Reply]:
    """The newest answer to each directive, by its key; that it is over is none."""
    replies: dict[int, Reply] = {}
    for some in in_parts(row.directive_key for row in told):
        answers = select(DirectiveAnswer.directive_key, DirectiveAnswer.reply)
        asked = answers.where(DirectiveAnswer.directive_key.in_(some), DirectiveAnswer.reply != Reply.RELEASED)
        found = session.execute(asked.order_by(DirectiveAnswer.id))
        replies.update((directive_key, reply) for directive_key, reply in found)
    return replies
