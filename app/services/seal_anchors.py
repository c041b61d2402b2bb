"""The audit log remembers how far the chains of sealed samples reach: what came before cannot be cut off unseen."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.models import AuditEntry, SealHead

#: Action of an entry whose `after` is {"heads": {chain: [number, hash in hexadecimal]}}.
ANCHORED: Final = "seal.anchored"
EVERY_S = 3_600.0
SUBJECT: Final = Subject("seal", "samples")
#: Several web processes do this: an entry this young is another one's of the same hour.
_YOUNG_MS = 1_800_000


def anchor_seals(session: Session, now_ms: int) -> None:
    """Write number and hash of every chain's newest block into the audit log, unless that was done just now."""
    newest = _newest(session)
    if newest is None or newest.recorded_at_ms <= now_ms - _YOUNG_MS:
        anchor_now(session, now_ms)


def anchor_now(session: Session, now_ms: int) -> None:
    """The same without waiting for the hour: an evidence bundle needs an anchor after the newest of its samples."""
    newest = _newest(session)
    heads = session.scalars(select(SealHead).order_by(SealHead.chain))
    after = {"heads": {head.chain: [head.number, head.hash.hex()] for head in heads}}
    if after["heads"] and (newest is None or newest.after != after):
        record(session, ANCHORED, SUBJECT, actor=None, now_ms=now_ms, after=after)


def _newest(session: Session) -> Row[tuple[int, dict[str, Any] | None]] | None:
    wanted = (
        select(AuditEntry.recorded_at_ms, AuditEntry.after)
        .where(
            AuditEntry.subject_type == SUBJECT.type, AuditEntry.subject_id == SUBJECT.id, AuditEntry.action == ANCHORED
        )
        .order_by(AuditEntry.number.desc())
        .limit(1)
    )
    return session.execute(wanted).one_or_none()
