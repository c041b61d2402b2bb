"""Sanctions: opened, noticed, decided, appealed, ruled upon. Each step acts through the permit's own decisions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import Conflict, Forbidden, InvalidChange, NotFound
from app.models import (
    Jurisdiction,
    Organisation,
    Permit,
    Sanction,
    SanctionState,
    SanctionStep,
    User,
)
from app.schemas.sanctions import Appeal, Ruling, SanctionDecision, SanctionDismissal, SanctionNotice
from app.services.notices import notify
from app.services.pages import Page, read_page
from app.services.permits import newest_revision
from app.services.sanction_effects import carry_out, revoke, undo
from telemetry.ports import PermitState

DAY_MS = 86_400_000
_ID_BYTES = 5

#: States in which each thing may be done.
_MAY_NOTICE = frozenset({SanctionState.PROPOSED, SanctionState.NOTICED})
_MAY_DECIDE = _MAY_NOTICE

#: An operator sees what it was told of: a proposal is the regulators' own until then.
_TOLD = Sanction.noticed_at_ms.is_not(None) | Sanction.decided_at_ms.is_not(None)


@dataclass(frozen=True, slots=True)
class SanctionFilter:
    """Which sanctions a list holds; None: any. `organisation_id`: those that one holder may see."""

    organisation_id: int | None = None
    permit: str | None = None
    holder: str | None = None
    jurisdiction: str | None = None
    step: SanctionStep | None = None
    state: SanctionState | None = None


def open_sanction(
    session: Session,
    permit: Permit,
    step: SanctionStep,
    *,
    reason: str,
    now_ms: int,
    actor: User | None,
    rule: str = "",
    grounds: Sequence[Mapping[str, Any]] = (),
) -> Sanction:
    """Propose a step against a permit. Raises InvalidChange for a permit that has ended."""
    if newest_revision(session, permit).state not in {PermitState.ISSUED, PermitState.SUSPENDED}:
        raise InvalidChange("the permit has ended", code="permit_ended", field="permit")
    sanction_id = f"SAN-{secrets.token_hex(_ID_BYTES).upper()}"
    sanction = Sanction(
        sanction_id=sanction_id,
        permit=permit,
        step=step,
        state=SanctionState.PROPOSED,
        rule=rule,
        occasion=f"{grounds[-1]['type']}:{grounds[-1]['id']}" if grounds else sanction_id,
        grounds=[dict(ground) for ground in grounds],
        reason=reason,
        opened_at_ms=now_ms,
        opened_by_id=actor.id if actor else None,
        hearing_record="",
        appeal="",
        ruling="",
    )
    session.add(sanction)
    session.flush()
    _record(session, "sanction.proposed", sanction, actor=actor, now_ms=now_ms, reason=reason)
    _tell(session, "sanction.proposed", sanction, now_ms, jurisdiction=permit.jurisdiction)
    return sanction


def serve_notice(
    session: Session, sanction: Sanction, notice: SanctionNotice, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Tell the holder what is intended and when it is heard; again, when the date moves.

    Raises Conflict when somebody was faster, InvalidChange for a hearing that is over.
    """
    _require(sanction, _MAY_NOTICE, expected_version)
    if notice.hearing_at_ms <= now_ms:
        raise InvalidChange("the hearing is over already", code="hearing_over", field="hearing_at_ms")

    def noticed() -> None:
        sanction.state, sanction.reason = SanctionState.NOTICED, notice.reason
        sanction.noticed_at_ms, sanction.hearing_at_ms = now_ms, notice.hearing_at_ms

    _change(session, "sanction.noticed", sanction, noticed, actor=actor, now_ms=now_ms, reason=notice.reason)
    _tell(session, "sanction.noticed", sanction, now_ms, organisation=sanction.permit.holder)


def dismiss(
    session: Session,
    sanction: Sanction,
    dismissal: SanctionDismissal,
    *,
    expected_version: int,
    actor: User,
    now_ms: int,
) -> None:
    """It is not taken. A holder who had notice of it is told."""
    _require(sanction, _MAY_DECIDE, expected_version)

    def dismissed() -> None:
        sanction.state, sanction.final_at_ms = SanctionState.DISMISSED, now_ms

    had_notice = sanction.state is SanctionState.NOTICED
    _change(session, "sanction.dismissed", sanction, dismissed, actor=actor, now_ms=now_ms, reason=dismissal.reason)
    if had_notice:
        _tell(session, "sanction.dismissed", sanction, now_ms, organisation=sanction.permit.holder)


def take_step(
    session: Session, sanction: Sanction, decision: SanctionDecision, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Decide it: from here on it acts on the next sample.

    Raises Conflict when somebody was faster, InvalidChange when the permit's state does not allow it or
    a restriction is missing, and what app.services.decisions.restrict_permit raises.
    """
    _require(sanction, _MAY_DECIDE, expected_version)
    before = newest_revision(session, sanction.permit)
    if (decision.restriction is not None) != (sanction.step is SanctionStep.RESTRICT):
        raise InvalidChange("a restriction says to what", code="restriction_missing", field="restriction")
    after = carry_out(session, sanction, decision, before, actor=actor, now_ms=now_ms)

    def decided() -> None:
        sanction.state, sanction.reason = SanctionState.IN_FORCE, decision.reason
        sanction.hearing_record = decision.hearing_record
        sanction.decided_at_ms, sanction.decided_by_id = now_ms, actor.id
        sanction.revision_before, sanction.revision_after = before.number, after.number
        sanction.appeal_until_ms = now_ms + decision.appeal_days * DAY_MS

    _change(session, "sanction.decided", sanction, decided, actor=actor, now_ms=now_ms, reason=decision.reason)
    _tell(session, "sanction.decided", sanction, now_ms, organisation=sanction.permit.holder)


def appeal(
    session: Session, sanction: Sanction, objection: Appeal, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """The holder objects; what was decided stands meanwhile. Raises InvalidChange when it is too late."""
    _require(sanction, frozenset({SanctionState.IN_FORCE}), expected_version)
    if sanction.final_at_ms is not None or now_ms >= (sanction.appeal_until_ms or 0):
        raise InvalidChange("the time for an appeal is over", code="appeal_over")

    def appealed() -> None:
        sanction.state, sanction.appeal = SanctionState.APPEALED, objection.reason
        sanction.appealed_at_ms, sanction.appealed_by_id = now_ms, actor.id

    _change(session, "sanction.appealed", sanction, appealed, actor=actor, now_ms=now_ms, reason=objection.reason)
    _tell(session, "sanction.appealed", sanction, now_ms, jurisdiction=sanction.permit.jurisdiction)


def rule_on_appeal(
    session: Session, sanction: Sanction, ruling: Ruling, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Uphold or overturn it. Raises Forbidden for the person who decided it, InvalidChange when it cannot be undone.

    What was decided on the permit by others since then is theirs: it is not undone with it.
    """
    _require(sanction, frozenset({SanctionState.APPEALED}), expected_version)
    if sanction.decided_by_id == actor.id:
        raise Forbidden("somebody else rules on an appeal than who decided")
    if ruling.outcome is SanctionState.OVERTURNED:
        undo(session, sanction, reason=ruling.reason, actor=actor, now_ms=now_ms)
    elif sanction.step is SanctionStep.REVOKE:
        revoke(session, sanction, reason=ruling.reason, actor=actor, now_ms=now_ms)

    def ruled() -> None:
        sanction.state, sanction.ruling = ruling.outcome, ruling.reason
        sanction.ruled_at_ms = sanction.final_at_ms = now_ms
        sanction.ruled_by_id = actor.id

    action = f"sanction.{ruling.outcome}"
    _change(session, action, sanction, ruled, actor=actor, now_ms=now_ms, reason=ruling.reason)
    _tell(session, action, sanction, now_ms, organisation=sanction.permit.holder)


def sanctions_due(session: Session, now_ms: int) -> Sequence[str]:
    """Those whose time for an appeal is over without one."""
    over = select(Sanction.sanction_id).where(
        Sanction.state == SanctionState.IN_FORCE, Sanction.final_at_ms.is_(None), Sanction.appeal_until_ms <= now_ms
    )
    return session.scalars(over.order_by(Sanction.id)).all()


def make_final(session: Session, sanction_id: str, *, now_ms: int) -> None:
    """Nobody appealed in time: it stands, and a permit that is to be revoked is. Nothing when it is settled already."""
    sanction = session.scalar(select(Sanction).where(Sanction.sanction_id == sanction_id).with_for_update(of=Sanction))
    if sanction is None or sanction.state is not SanctionState.IN_FORCE or sanction.final_at_ms is not None:
        return
    if sanction.step is SanctionStep.REVOKE:
        revoke(session, sanction, reason=sanction.reason, actor=None, now_ms=now_ms)

    def final() -> None:
        sanction.final_at_ms = now_ms

    _change(session, "sanction.final", sanction, final, actor=None, now_ms=now_ms, reason="")


def sanction_by_id(session: Session, sanction_id: str) -> Sanction:
    """Raises NotFound."""
    sanction = session.scalar(select(Sanction).where(Sanction.sanction_id == sanction_id))
    if sanction is None:
        raise NotFound(f"no sanction {sanction_id}")
    return sanction


def was_told(sanction: Sanction) -> bool:
    """Whether its holder knows of it."""
    return sanction.noticed_at_ms is not None or sanction.decided_at_ms is not None


def sanctions_of(wanted: SanctionFilter) -> Select[Sanction]:
    """The sanctions that fit, in no order."""
    statement = select(Sanction).join(Sanction.permit)
    if wanted.organisation_id is not None:
        statement = statement.where(Permit.holder_id == wanted.organisation_id, _TOLD)
    if wanted.permit is not None:
        statement = statement.where(Permit.number == wanted.permit)
    if wanted.holder is not None:
        statement = statement.where(Permit.holder.has(Organisation.code == wanted.holder))
    if wanted.jurisdiction is not None:
        statement = statement.where(Permit.jurisdiction.has(Jurisdiction.code == wanted.jurisdiction))
    if wanted.step is not None:
        statement = statement.where(Sanction.step == wanted.step)
    if wanted.state is not None:
        statement = statement.where(Sanction.state == wanted.state)
    return statement


def sanction_page(session: Session, wanted: SanctionFilter, *, limit: int, cursor: str | None) -> Page[Sanction]:
    """One page, the oldest first. Raises InvalidChange for a foreign cursor."""
    return read_page(session, sanctions_of(wanted), Sanction.id, limit=limit, cursor=cursor).map(lambda row: row[0])


def _require(sanction: Sanction, states: frozenset[SanctionState], expected_version: int) -> None:
    if sanction.version != expected_version:
        raise Conflict(f"sanction {sanction.sanction_id} has changed since")
    if sanction.state not in states:
        raise InvalidChange(f"a sanction that is {sanction.state} does not allow this", code="transition_not_allowed")


def _change(
    session: Session,
    action: str,
    sanction: Sanction,
    change: Callable[[], None],
    *,
    actor: User | None,
    now_ms: int,
    reason: str,
) -> None:
    before = state_of(sanction)
    change()
    session.flush()
    _record(session, action, sanction, actor=actor, now_ms=now_ms, reason=reason, before=before)


def _record(
    session: Session,
    action: str,
    sanction: Sanction,
    *,
    actor: User | None,
    now_ms: int,
    reason: str,
    before: Mapping[str, Any] | None = None,
) -> None:
    subject = Subject("sanction", sanction.sanction_id)
    record(session, action, subject, actor=actor, now_ms=now_ms, reason=reason, before=before, after=state_of(sanction))


def _tell(
    session: Session,
    kind: str,
    sanction: Sanction,
    now_ms: int,
    *,
    organisation: Organisation | None = None,
    jurisdiction: Jurisdiction | None = None,
) -> None:
    notify(
        session,
        kind=kind,
        subject=Subject("sanction", sanction.sanction_id),
        occasion=str(sanction.version),
        params={"number": sanction.sanction_id, "permit": sanction.permit.number, "reason": sanction.reason},
        now_ms=now_ms,
        organisation=organisation,
        jurisdiction=jurisdiction,
    )
