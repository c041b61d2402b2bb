"""Numbers of permits: the jurisdiction's prefix, the year, and a running number (`QH-2026-0007`)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.calendar import wall_time
from app.models import Jurisdiction, Permit


def next_permit_number(session: Session, jurisdiction: Jurisdiction, now_ms: int) -> str:
    """The number of the permit that the caller's transaction issues.

    The jurisdiction's row stays locked until that transaction ends, so that two decisions at once
    never get the same number; no other lock is waited for by those who refer to the row.
    """
    lock = select(Jurisdiction.id).where(Jurisdiction.id == jurisdiction.id)
    session.execute(lock.with_for_update(key_share=True))
    year = wall_time(now_ms).year
    beginning = f"{jurisdiction.number_prefix}-{year}-"
    taken = session.scalars(select(Permit.number).where(Permit.number.startswith(beginning, autoescape=True)))
    running = [int(rest) for number in taken if (rest := number.removeprefix(beginning)).isdecimal()]
    return f"{beginning}{max(running, default=0) + 1:04d}"
