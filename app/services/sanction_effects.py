"""What a step of the ladder does to the permit, through the permit's own decisions."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import InvalidChange, WiderThanBefore
from app.models import Permit, PermitRevisionRow, Sanction, SanctionStep, User
from app.schemas.permits import Tightening
from app.schemas.sanctions import SanctionDecision
from app.services.conditions import Conditions
from app.services.decisions import decide, restrict_permit
from app.services.permit_life import Decision
from app.services.permits import newest_revision, revise_permit
from telemetry.ports import PermitState


def carry_out(
    session: Session,
    sanction: Sanction,
    decision: SanctionDecision,
    before: PermitRevisionRow,
    *,
    actor: User,
    now_ms: int,
) -> PermitRevisionRow:
    """The permit's revision after the step; a warning leaves it as it is, and so does what it is already.

    A revocation suspends at once and revokes when it is final. Raises what app.services.decisions raises.
    """
    permit = sanction.permit
    if decision.restriction is not None:
        return _restricted(session, permit, decision.restriction, decision.reason, before, actor=actor, now_ms=now_ms)
    if sanction.step is SanctionStep.WARN or (
        sanction.step is SanctionStep.REVOKE and before.state is PermitState.SUSPENDED
    ):
        return before
    return decide(
        session,
        permit,
        Decision.SUSPENDED,
        reason=decision.reason,
        expected_revision=before.number,
        actor=actor,
        now_ms=now_ms,
    )


def revoke(session: Session, sanction: Sanction, *, reason: str, actor: User | None, now_ms: int) -> None:
    """Revoke the permit, unless it was given back or has expired meanwhile."""
    newest = newest_revision(session, sanction.permit)
    if newest.state not in {PermitState.ISSUED, PermitState.SUSPENDED}:
        return
    revision = decide(
        session,
        sanction.permit,
        Decision.REVOKED,
        reason=reason,
        expected_revision=newest.number,
        actor=actor,
        now_ms=now_ms,
    )
    sanction.revision_after = revision.number


def undo(session: Session, sanction: Sanction, *, reason: str, actor: User, now_ms: int) -> None:
    """Bring the permit back to what it was. Raises InvalidChange when it was decided on since."""
    if sanction.revision_after == sanction.revision_before:
        return
    permit = sanction.permit
    newest = newest_revision(session, permit)
    if newest.number != sanction.revision_after:
        raise InvalidChange(f"permit {permit.number} was decided on since", code="decided_since")
    before = _revision(session, permit, sanction.revision_before)
    revise_permit(
        session,
        permit,
        state=before.state,
        stage=before.stage,
        conditions=Conditions.from_dict(before.terms),
        vehicles=before.vehicles,
        zone_ids=[zone.zone_id for zone in before.zones],
        officers=before.officers,
        valid_until_ms=before.valid_until_ms,
        reason=reason,
        expected_revision=newest.number,
        actor=actor,
        now_ms=now_ms,
    )


def _restricted(
    session: Session,
    permit: Permit,
    tighter: Tightening,
    reason: str,
    before: PermitRevisionRow,
    *,
    actor: User,
    now_ms: int,
) -> PermitRevisionRow:
    try:
        return restrict_permit(
            session, permit, tighter, reason=reason, expected_revision=before.number, actor=actor, now_ms=now_ms
        )
    except WiderThanBefore as error:
        raise WiderThanBefore([f"restriction.{field}" for field in error.fields]) from error


def _revision(session: Session, permit: Permit, number: int | None) -> PermitRevisionRow:
    wanted = select(PermitRevisionRow).where(PermitRevisionRow.permit_id == permit.id)
    return session.scalars(wanted.where(PermitRevisionRow.number == number)).one()
