"""The report of an emergency: its course in time, what each vehicle did, and who left within two minutes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.database import in_parts
from app.models import (
    AuditEntry,
    Cause,
    DirectiveRow,
    Emergency,
    EmergencyVehicle,
    PermitRevisionRow,
    User,
    ZoneRevisionRow,
)
from app.models.permits import permit_revision_vehicles
from app.services.directives import DEADLINE_MS
from app.services.emergencies import told_vehicles
from app.services.emergency_watch import place_revision
from telemetry.directives import Reply
from telemetry.ports import PermitState


class EventKind(StrEnum):
    """What happened."""

    DECLARED = "declared"
    TOLD = "told"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    OUTSIDE = "outside"
    OVERDUE = "overdue"
    PROLONGED = "prolonged"
    PERMIT = "permit"
    ENDED = "ended"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `who` did it (empty: the platform, or the vehicles). `permit` where it is about one."""

    at_ms: int
    kind: EventKind
    vehicle_ids: Sequence[str] = ()
    who: str = ""
    text: str = ""
    permit: str = ""
    state: PermitState | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """What one vehicle did. Times are None for what did not happen.

    `left_at_ms` is when its samples had shown for some seconds that it was out; of one that never came
    in, `kept_out` says whether they showed that. `in_time`: whether each stay ended within two minutes.
    `time_is_up`: the two minutes of the newest one are over.
    """

    told: EmergencyVehicle
    first_told_at_ms: int
    orders: int
    received_at_ms: int | None
    accepted_at_ms: int | None
    refused_at_ms: int | None
    refusal: str
    left_at_ms: int | None
    overdue_at_ms: int | None
    kept_out: bool | None
    time_is_up: bool

    @property
    def answered_at_ms(self) -> int | None:
        """When it answered anything at first."""
        times = (self.received_at_ms, self.accepted_at_ms, self.refused_at_ms)
        return min((each for each in times if each is not None), default=None)

    @property
    def took_ms(self) -> int | None:
        """From when it was told, to when it was out."""
        return None if self.left_at_ms is None else max(self.left_at_ms - self.told.told_at_ms, 0)

    @property
    def in_time(self) -> bool | None:
        """None for one that never was inside, and for one whose two minutes are, or were, not over at the end."""
        if self.told.entered_at_ms is None or (self.took_ms is None and not self.time_is_up):
            return None
        return self.took_ms is not None and self.took_ms <= DEADLINE_MS and self.overdue_at_ms is None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything, as far as it is known at `at_ms`."""

    emergency: Emergency
    place: ZoneRevisionRow
    at_ms: int
    courses: Sequence[Course]
    events: Sequence[Event]

    @property
    def obliged(self) -> int:
        """How many had to leave: they were inside, and are out, or their two minutes are over."""
        return sum(course.in_time is not None for course in self.courses)

    @property
    def in_time(self) -> int:
        """How many of these were out within two minutes."""
        return sum(course.in_time is True for course in self.courses)

    @property
    def share(self) -> float | None:
        """The part of those who had to leave that did in time, from 0 to 1; None where nobody had to."""
        return self.in_time / self.obliged if self.obliged else None


def report_of(session: Session, emergency: Emergency, *, now_ms: int, organisation_id: int | None = None) -> Report:
    """The report now, or as it stays after the end; of one operator's vehicles only."""
    told = told_vehicles(session, emergency, organisation_id)
    keys = {row.vehicle_key for row in told}
    directives = [each for each in _directives(session, emergency) if each.vehicle_key in keys]
    by_vehicle: defaultdict[int, list[DirectiveRow]] = defaultdict(list)
    for directive in directives:
        by_vehicle[directive.vehicle_key].append(directive)
    at_ms = now_ms if emergency.ended_at_ms is None else emergency.ended_at_ms
    events = [
        *_of_the_emergency(emergency),
        *_of_its_end(session, emergency),
        *_of_directives(directives),
        *_of_permits(session, emergency, keys, at_ms),
    ]
    return Report(
        emergency=emergency,
        place=place_revision(session, emergency),
        at_ms=at_ms,
        courses=[_course(row, by_vehicle[row.vehicle_key], at_ms) for row in told],
        events=sorted(events, key=lambda event: (event.at_ms, _ORDER[event.kind])),
    )


_ORDER: Mapping[EventKind, int] = {kind: place for place, kind in enumerate(EventKind)}
_OF_REPLIES = {
    Reply.RECEIVED: EventKind.RECEIVED,
    Reply.ACCEPTED: EventKind.ACCEPTED,
    Reply.REFUSED: EventKind.REFUSED,
    Reply.RELEASED: EventKind.RELEASED,
}


def _directives(session: Session, emergency: Emergency) -> Sequence[DirectiveRow]:
    """All because of the emergency, those that were replaced too, in the order of their issue."""
    query = select(DirectiveRow).where(DirectiveRow.cause == Cause.EMERGENCY, DirectiveRow.cause_id == emergency.number)
    loaded = query.options(selectinload(DirectiveRow.answers)).order_by(DirectiveRow.id)
    return session.scalars(loaded).all()


def _course(told: EmergencyVehicle, directives: Sequence[DirectiveRow], at_ms: int) -> Course:
    def first(reply: Reply) -> int | None:
        times = (answer.received_at_ms for each in directives for answer in each.answers if answer.reply is reply)
        return min(times, default=None)

    complied_ms = told.directive.complied_at_ms
    refusals = [answer.detail for each in directives for answer in each.answers if answer.reply is Reply.REFUSED]
    return Course(
        told=told,
        first_told_at_ms=directives[0].issued_at_ms,
        orders=len(directives),
        received_at_ms=first(Reply.RECEIVED),
        accepted_at_ms=first(Reply.ACCEPTED),
        refused_at_ms=first(Reply.REFUSED),
        refusal=refusals[-1] if refusals else "",
        left_at_ms=None if told.entered_at_ms is None else complied_ms,
        overdue_at_ms=min((each.overdue_at_ms for each in directives if each.overdue_at_ms is not None), default=None),
        kept_out=complied_ms is not None if told.entered_at_ms is None else None,
        time_is_up=at_ms - told.told_at_ms > DEADLINE_MS,
    )


def _of_the_emergency(emergency: Emergency) -> Iterator[Event]:
    yield Event(
        emergency.declared_at_ms,
        EventKind.DECLARED,
        who=emergency.declared_by.display_name,
        text=emergency.reason,
    )
    if emergency.ended_at_ms is not None:
        who = emergency.ended_by.display_name if emergency.ended_by else ""
        yield Event(emergency.ended_at_ms, EventKind.ENDED, who=who, text=emergency.end_reason)


def _of_its_end(session: Session, emergency: Emergency) -> Iterator[Event]:
    """Each time that it was to last longer, as the audit log tells."""
    prolonged = select(AuditEntry).where(
        AuditEntry.subject_type == "emergency",
        AuditEntry.subject_id == emergency.number,
        AuditEntry.action == "emergency.prolonged",
    )
    for entry in session.scalars(prolonged.order_by(AuditEntry.number)):
        who = session.get(User, entry.actor_id) if entry.actor_id is not None else None
        yield Event(entry.recorded_at_ms, EventKind.PROLONGED, who=_name(who), text=entry.reason)


def _of_directives(directives: Sequence[DirectiveRow]) -> Iterator[Event]:
    for (at_ms, who), told in groupby(directives, key=lambda each: (each.issued_at_ms, _name(each.issued_by))):
        yield Event(at_ms, EventKind.TOLD, tuple(each.vehicle.vehicle_id for each in told), who)
    for each in directives:
        vehicle_ids = (each.vehicle.vehicle_id,)
        for answer in each.answers:
            yield Event(answer.received_at_ms, _OF_REPLIES[answer.reply], vehicle_ids, text=answer.detail)
        if each.complied_at_ms is not None:
            yield Event(each.complied_at_ms, EventKind.OUTSIDE, vehicle_ids)
        if each.overdue_at_ms is not None:
            yield Event(each.overdue_at_ms, EventKind.OVERDUE, vehicle_ids)


def _of_permits(session: Session, emergency: Emergency, keys: set[int], until_ms: int) -> Iterator[Event]:
    """Decisions meanwhile on permits that name these vehicles."""
    meanwhile = select(PermitRevisionRow).where(
        PermitRevisionRow.recorded_at_ms >= emergency.declared_at_ms, PermitRevisionRow.recorded_at_ms <= until_ms
    )
    naming = permit_revision_vehicles.c
    concerned = {
        revision_id
        for some in in_parts(keys)
        for revision_id in session.scalars(select(naming.revision_id).where(naming.vehicle_id.in_(some)))
    }
    for row in session.scalars(meanwhile.order_by(PermitRevisionRow.id)):
        if row.id in concerned:
            who = session.get(User, row.actor_id) if row.actor_id is not None else None
            yield Event(
                row.recorded_at_ms,
                EventKind.PERMIT,
                who=_name(who),
                text=row.reason,
                permit=row.permit.number,
                state=row.state,
            )


def _name(user: User | None) -> str:
    return user.display_name if user is not None else ""
