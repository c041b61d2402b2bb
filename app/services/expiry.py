"""Permits whose period is over: the platform writes the revision that says so."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.models import Permit, PermitRevisionRow
from app.services.decisions import decide
from app.services.permit_life import TRANSITIONS, Decision

_REASON = "许可期限届满。The period of the permit has ended."


def permits_over(session: Session, now_ms: int) -> Sequence[tuple[int, int]]:
    """Permits that have ended by their period only, each with the number of its newest revision."""
    later = aliased(PermitRevisionRow)
    is_newest = (
        ~select(later.id)
        .where(later.permit_id == PermitRevisionRow.permit_id, later.number > PermitRevisionRow.number)
        .exists()
    )
    query = (
        select(PermitRevisionRow.permit_id, PermitRevisionRow.number)
        .where(PermitRevisionRow.state.in_(TRANSITIONS[Decision.EXPIRED][0]))
        .where(PermitRevisionRow.valid_until_ms <= now_ms, is_newest)
        .order_by(PermitRevisionRow.permit_id)
    )
    return [(permit_id, number) for permit_id, number in session.execute(query)]


def expire_permit(session: Session, permit_id: int, *, expected_revision: int, now_ms: int) -> None:
    """Let one permit expire. Raises Conflict when somebody was quicker."""
    permit = session.get_one(Permit, permit_id)
    decide(
        session,
        permit,
        Decision.EXPIRED,
        reason=_REASON,
        expected_revision=expected_revision,
        actor=None,
        now_ms=now_ms,
    )
