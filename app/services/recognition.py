"""Mutual recognition of permits: immutable decisions of one jurisdiction on those of another.

When such a decision acts on which zone is app.registry.recognition's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased

from app.audit import Subject, record, state_of
from app.errors import Conflict, InvalidChange
from app.models import Jurisdiction, RecognitionRevision, Stage, User
from app.services.generations import next_generation
from app.services.pages import Page, read_page

#: What `seen` says of a pair about which nothing was decided yet.
NO_REVISION = 0


@dataclass(frozen=True, slots=True)
class RecognitionDecision:
    """A decision, who took it, and whether it is the newest of its pair."""

    row: RecognitionRevision
    actor: str
    is_newest: bool

    def state(self, now_ms: int) -> str:
        """`in_force`, `upcoming` or `ended`; of one that a later decision replaced, `replaced`."""
        row = self.row
        if not self.is_newest:
            return "replaced"
        if not row.stages or (row.valid_until_ms is not None and row.valid_until_ms <= now_ms):
            return "ended"
        return "upcoming" if max(row.valid_from_ms, row.starts_at_ms) > now_ms else "in_force"


def recognise(
    session: Session,
    *,
    recogniser: Jurisdiction,
    issuer: Jurisdiction,
    stages: Sequence[Stage],
    valid_from_ms: int,
    valid_until_ms: int | None,
    reason: str,
    now_ms: int,
    seen: int | None = None,
    actor: User | None = None,
) -> RecognitionRevision:
    """Accept the issuer's permits of these stages within [valid_from_ms, valid_until_ms).

    It replaces what was decided about this pair before when its period begins, now at the earliest.
    `seen` is the newest decision that the actor knew (None: not asked). Raises InvalidChange for a
    jurisdiction that would recognise itself, no stage, or a period that is over; Conflict when another
    decision came meanwhile.
    """
    if not stages:
        raise InvalidChange("recognition needs stages", code="stages_missing", field="stages")
    return _decide(
        session,
        RecognitionRevision(
            recogniser=recogniser,
            issuer=issuer,
            stages=sorted(stages),
            valid_from_ms=max(valid_from_ms, now_ms),
            valid_until_ms=valid_until_ms,
            reason=reason,
        ),
        seen=seen,
        now_ms=now_ms,
        actor=actor,
    )


def end_recognition(
    session: Session,
    *,
    recogniser: Jurisdiction,
    issuer: Jurisdiction,
    reason: str,
    now_ms: int,
    seen: int | None = None,
    actor: User | None = None,
) -> RecognitionRevision:
    """Accept the issuer's permits no longer. Raises InvalidChange when they are not, Conflict as recognise."""
    ended = RecognitionRevision(
        recogniser=recogniser, issuer=issuer, stages=[], valid_from_ms=now_ms, valid_until_ms=None, reason=reason
    )
    return _decide(session, ended, seen=seen, now_ms=now_ms, actor=actor)


def recognition_decisions(session: Session) -> list[RecognitionDecision]:
    """Every decision, newest first."""
    newest_first = RecognitionRevision.generation.desc()
    return [_decision(row) for row in session.execute(_decisions().order_by(newest_first))]


def recognition_page(
    session: Session, *, recogniser: str | None, issuer: str | None, limit: int, cursor: str | None
) -> Page[RecognitionDecision]:
    """One page of decisions, newest first; codes choose. Raises InvalidChange for a foreign cursor."""
    decisions = _decisions()
    if recogniser is not None:
        decisions = decisions.where(RecognitionRevision.recogniser.has(Jurisdiction.code == recogniser))
    if issuer is not None:
        decisions = decisions.where(RecognitionRevision.issuer.has(Jurisdiction.code == issuer))
    key = RecognitionRevision.generation
    return read_page(session, decisions, key, limit=limit, cursor=cursor, newest_first=True).map(_decision)


def recognition_decision(session: Session, revision: RecognitionRevision) -> RecognitionDecision:
    """One decision."""
    return _decision(session.execute(_decisions().where(RecognitionRevision.id == revision.id)).one())


def _decisions() -> Select[*tuple[Any, ...]]:
    """Each decision with the name of who took it, and whether a later one replaced it."""
    later = aliased(RecognitionRevision)
    is_replaced = exists().where(
        later.recogniser_id == RecognitionRevision.recogniser_id,
        later.issuer_id == RecognitionRevision.issuer_id,
        later.generation > RecognitionRevision.generation,
    )
    return select(RecognitionRevision, User.display_name, is_replaced).outerjoin(
        User, RecognitionRevision.actor_id == User.id
    )


def _decision(row: Any) -> RecognitionDecision:
    revision, actor, is_replaced = row
    return RecognitionDecision(revision, actor or "", not is_replaced)


def _decide(
    session: Session, revision: RecognitionRevision, *, seen: int | None, now_ms: int, actor: User | None
) -> RecognitionRevision:
    recogniser, issuer = revision.recogniser, revision.issuer
    with session.no_autoflush:  # the revision hangs on loaded rows, and is not complete yet
        revision.generation = next_generation(session)
        newest = _newest(session, recogniser, issuer)
    if seen is not None and seen != (newest.id if newest is not None else NO_REVISION):
        raise Conflict(f"{recogniser.code} has decided on {issuer.code} meanwhile")
    if not revision.stages and (newest is None or not newest.stages):
        raise InvalidChange(f"{recogniser.code} does not recognise {issuer.code}", code="not_recognised")
    if recogniser is issuer:
        raise InvalidChange("a jurisdiction recognises others", code="recognises_itself", field="issuer")
    if revision.valid_until_ms is not None and revision.valid_until_ms <= revision.valid_from_ms:
        raise InvalidChange("the period is over", code="ends_before_start", field="valid_until_ms")
    # What was decided before holds until the new period begins: a renewal leaves no gap.
    revision.starts_at_ms = revision.valid_from_ms
    revision.recorded_at_ms = now_ms
    revision.actor_id = actor.id if actor else None
    session.add(revision)
    session.flush()
    record(
        session,
        "recognition.decided" if revision.stages else "recognition.ended",
        Subject("jurisdiction", recogniser.code),
        actor=actor,
        now_ms=now_ms,
        reason=revision.reason,
        before=state_of(newest) if newest is not None else None,
        after=state_of(revision) | {"recogniser": recogniser.code, "issuer": issuer.code},
    )
    return revision


def _newest(session: Session, recogniser: Jurisdiction, issuer: Jurisdiction) -> RecognitionRevision | None:
    of_pair = select(RecognitionRevision).where(
        RecognitionRevision.recogniser_id == recogniser.id, RecognitionRevision.issuer_id == issuer.id
    )
    return session.scalars(of_pair.order_by(RecognitionRevision.generation.desc()).limit(1)).first()
