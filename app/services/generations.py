"""The registry's generation: every change that judgement can see takes the next number."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.errors import RevisionInPast
from app.models import RegistryGeneration


def next_generation(session: Session) -> int:
    """Take the next number in the caller's transaction.

    The row stays locked until that transaction ends, so changes are serialised, and a flush that was
    judged before the change commits either before it or not at all (StaleRegistry).
    """
    raised = (
        update(RegistryGeneration)
        .values(generation=RegistryGeneration.generation + 1)
        .returning(RegistryGeneration.generation)
    )
    return session.scalars(raised).one()


def current_generation(session: Session) -> int:
    """The number of the newest change."""
    return session.scalars(select(RegistryGeneration.generation)).one()


def require_future_start(starts_at_ms: int, now_ms: int) -> None:
    """Raise RevisionInPast: samples of that time were judged without it, and a replay would differ."""
    if starts_at_ms < now_ms:
        raise RevisionInPast(f"a revision cannot start {now_ms - starts_at_ms} ms before now")
