"""The audit log remembers how far the chains of sealed samples reach: what came before cannot be cut off unseen."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.models import AuditEntry, SealHead

#: Action of an entry whose `after` is {"heads": {chain: [number, hash in hexadecimal]}}.
ANCHORED: Final = "seal.anchored"
EVERY_S = 3_600.0
_SUBJECT = Subject("seal", "samples")
#: Several web processes do this: an entry this young is another one's of the same hour.
_YOUNG_MS = 1_800_000


def anchor_seals(session: Session, now_ms: int) -> None:
    """Write number and hash of every chain's newest block into the audit log, unless that was done just now."""
    newest = session.execute(
        select(AuditEntry.recorded_at_ms, AuditEntry.after)
        .where(AuditEntry.subject_type == _SUBJECT.type, AuditEntry.subject_id == _SUBJECT.id)
        .order_by(AuditEntry.number.desc())
        .limit(1)
    ).one_or_none()
    if newest is not None and newest.recorded_at_ms > now_ms - _YOUNG_MS:
        return
    heads = session.scalars(select(SealHead).order_by(SealHead.chain))
    after = {"heads": {head.chain: [head.number, head.hash.hex()] for head in heads}}
    if after["heads"] and (newest is None or newest.after != after):
        record(session, ANCHORED, _SUBJECT, actor=None, now_ms=now_ms, after=after)
