"""What the platform tells operator and regulators of a directive that is not simply followed, each once.

A refusal at once; a vehicle that has not answered within a third of the time it has, ten seconds at
least; and one that has not complied at its deadline. Looked for each second (app.chores).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from app.audit import Subject
from app.models import DirectiveAnswer, DirectiveRow
from app.services.directives import IS_RELEASE_HEARD, record_directive
from app.services.notices import notify
from telemetry.directives import Reply

#: Of the time between issue and deadline, the part in which a vehicle has to answer, and the least time.
ANSWER_SHARE = 3
ANSWER_AT_LEAST_MS = 10_000


def is_anything_due(session: Session, now_ms: int) -> bool:
    """Whether anything is to be noted or told."""
    standing = select(DirectiveRow.id).where(
        DirectiveRow.settled_at_ms.is_(None), _is_refused() | _is_unanswered(now_ms) | _is_late(now_ms)
    )
    heard = select(DirectiveRow.id).where(IS_RELEASE_HEARD)
    return any(session.scalar(each.limit(1)) is not None for each in (standing, heard))


def note_refused(session: Session, now_ms: int) -> None:
    """Refusals that were not told yet."""
    for row in _due(session, _is_refused()):
        refusal = session.scalars(
            select(DirectiveAnswer)
            .where(DirectiveAnswer.directive_key == row.id, DirectiveAnswer.reply == Reply.REFUSED)
            .order_by(DirectiveAnswer.id.desc())
            .limit(1)
        ).one()
        row.refused_at_ms = now_ms
        _tell(session, row, "refused", now_ms, said=refusal.detail)


def note_unanswered(session: Session, now_ms: int) -> None:
    """Vehicles whose program has said neither yes nor no, although it should have by now."""
    for row in _due(session, _is_unanswered(now_ms)):
        row.unanswered_at_ms = now_ms
        _tell(session, row, "unanswered", now_ms)


def note_overdue(session: Session, now_ms: int) -> None:
    """What was not complied with at its deadline."""
    for row in _due(session, _is_late(now_ms)):
        row.overdue_at_ms = now_ms
        _tell(session, row, "overdue", now_ms)


def _due(session: Session, which: ColumnElement[bool]) -> Sequence[DirectiveRow]:
    query = select(DirectiveRow).where(DirectiveRow.settled_at_ms.is_(None), which).order_by(DirectiveRow.id)
    return session.scalars(query.with_for_update(of=DirectiveRow, skip_locked=True)).all()


def _is_refused() -> ColumnElement[bool]:
    return DirectiveRow.refused_at_ms.is_(None) & DirectiveRow.complied_at_ms.is_(None) & _has_said(Reply.REFUSED)


def _is_unanswered(now_ms: int) -> ColumnElement[bool]:
    waited_ms = now_ms - DirectiveRow.issued_at_ms
    return (
        DirectiveRow.unanswered_at_ms.is_(None)
        & DirectiveRow.complied_at_ms.is_(None)
        & (waited_ms >= ANSWER_AT_LEAST_MS)
        & (ANSWER_SHARE * waited_ms >= DirectiveRow.deadline_ms - DirectiveRow.issued_at_ms)
        & ~_has_said(Reply.ACCEPTED, Reply.REFUSED)
    )


def _is_late(now_ms: int) -> ColumnElement[bool]:
    return (
        DirectiveRow.overdue_at_ms.is_(None)
        & DirectiveRow.complied_at_ms.is_(None)
        & (DirectiveRow.deadline_ms <= now_ms)
    )


def _has_said(*replies: Reply) -> ColumnElement[bool]:
    return exists().where(DirectiveAnswer.directive_key == DirectiveRow.id, DirectiveAnswer.reply.in_(replies))


def _tell(session: Session, row: DirectiveRow, what: str, now_ms: int, *, said: str = "") -> None:
    session.flush()
    record_directive(session, f"directive.{what}", row, now_ms=now_ms, reason=said)
    notify(
        session,
        kind=f"directive.{what}",
        subject=Subject("directive", row.directive_id),
        occasion=what,
        params={"directive": row.directive_id, "vehicle": row.vehicle.vehicle_id, "reason": said or row.reason},
        now_ms=now_ms,
        organisation=row.vehicle.organisation,
        jurisdiction=row.jurisdiction,
    )
