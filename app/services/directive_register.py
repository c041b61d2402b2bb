"""Directives as people read them: lists, and how far each has come."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, selectinload

from app.models import Cause, DirectiveAnswer, DirectiveRow, Organisation, Vehicle
from app.services.pages import Page, read_page
from telemetry.directives import DirectiveKind, Reply


class Progress(StrEnum):
    """How far a directive has come: from the outbox over the broker and the vehicle to its end.

    Accepted and refused are the newest answer of the vehicle's own program. What is late is overdue,
    whatever was answered. What is complied with stands until the vehicle is released; withdrawn is what
    ended before.
    """

    ISSUED = "issued"
    SENT = "sent"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    OVERDUE = "overdue"
    COMPLIED = "complied"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"


class Standing(StrEnum):
    """Which directives a list holds: those that bind now, those that are over, or all."""

    STANDING = "standing"
    SETTLED = "settled"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class DirectiveFilter:
    """Which directives a list holds; None: any. `organisation` is an operator's code."""

    organisation_id: int | None = None
    organisation: str | None = None
    vehicle_id: str | None = None
    state: Standing = Standing.ALL
    cause: Cause | None = None
    kind: DirectiveKind | None = None
    overdue: bool | None = None


def progress_of(row: DirectiveRow) -> Progress:
    """How far it has come."""
    if row.outcome is not None:
        return Progress(row.outcome.value)
    if row.complied_at_ms is not None:
        return Progress.COMPLIED
    if row.overdue_at_ms is not None:
        return Progress.OVERDUE
    decided = decided_answer(row)
    if decided is not None:
        return Progress(decided.reply.value)
    if row.answers:
        return Progress.DELIVERED
    return Progress.ISSUED if row.sent_at_ms is None else Progress.SENT


def decided_answer(row: DirectiveRow) -> DirectiveAnswer | None:
    """The newest yes or no of the vehicle's program."""
    decided = {Reply.ACCEPTED, Reply.REFUSED}
    return next((answer for answer in reversed(row.answers) if answer.reply in decided), None)


def delivered_at_ms(row: DirectiveRow) -> int | None:
    """When the first answer showed that the vehicle has it."""
    return min((answer.received_at_ms for answer in row.answers), default=None)


def directives_of(wanted: DirectiveFilter) -> Select[DirectiveRow]:
    """The directives wanted, with their answers, in no order."""
    statement = select(DirectiveRow).join(Vehicle, Vehicle.id == DirectiveRow.vehicle_key)
    return statement.options(selectinload(DirectiveRow.answers)).where(*_conditions(wanted))


def directive_page(session: Session, wanted: DirectiveFilter, *, limit: int, cursor: str | None) -> Page[DirectiveRow]:
    """One page, newest first. Raises InvalidChange for a foreign cursor."""
    page = read_page(session, directives_of(wanted), DirectiveRow.id, limit=limit, cursor=cursor, newest_first=True)
    return page.map(lambda row: row[0])


def standing_directives(session: Session, vehicle_keys: Collection[int]) -> Sequence[DirectiveRow]:
    """What binds these vehicles now, the earliest deadline first."""
    statement = directives_of(DirectiveFilter(state=Standing.STANDING)).order_by(DirectiveRow.deadline_ms)
    return session.scalars(statement.where(DirectiveRow.vehicle_key.in_(vehicle_keys))).all()


def _conditions(wanted: DirectiveFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.organisation_id is not None:
        yield Vehicle.organisation_id == wanted.organisation_id
    if wanted.organisation is not None:
        yield Vehicle.organisation.has(Organisation.code == wanted.organisation)
    if wanted.vehicle_id is not None:
        yield Vehicle.vehicle_id == wanted.vehicle_id
    if wanted.state is not Standing.ALL:
        is_standing = DirectiveRow.settled_at_ms.is_(None)
        yield is_standing if wanted.state is Standing.STANDING else ~is_standing
    if wanted.cause is not None:
        yield DirectiveRow.cause == wanted.cause
    if wanted.kind is not None:
        yield DirectiveRow.kind == wanted.kind
    if wanted.overdue is not None:
        is_overdue = DirectiveRow.overdue_at_ms.is_not(None)
        yield is_overdue if wanted.overdue else ~is_overdue
