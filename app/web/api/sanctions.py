"""Sanctions over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.models import Sanction, SanctionState, SanctionStep
from app.schemas.base import Identifier, Schema
from app.schemas.sanctions import (
    Appeal,
    Ground,
    Ruling,
    SanctionDecision,
    SanctionDismissal,
    SanctionList,
    SanctionNotice,
    SanctionOpening,
    SanctionOut,
)
from app.services.permits import permit_by_number
from app.services.sanctions import (
    SanctionFilter,
    appeal,
    dismiss,
    open_sanction,
    rule_on_appeal,
    sanction_page,
    serve_notice,
    take_step,
)
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.ownership import actor, own_sanction, require_decider, signature
from app.web.runtime import runtime

sanctions_api = api_blueprint("sanctions", "The ladder of sanctions: warning, restriction, suspension, revocation.")

_CHANGED: Responses = {"200": SanctionOut, "409": Problem, "412": Problem, "422": Problem, "428": Problem}


class SanctionPath(Schema):
    """Which sanction."""

    number: Annotated[str, Field(max_length=64)]


class SanctionQuery(PageQuery):
    """Which sanctions."""

    permit: Annotated[Identifier | None, Field(description="a permit's number")] = None
    holder: Annotated[Identifier | None, Field(description="an organisation's code")] = None
    jurisdiction: Annotated[Identifier | None, Field(description="a jurisdiction's code")] = None
    step: SanctionStep | None = None
    state: SanctionState | None = None


@sanctions_api.get("", responses={"200": SanctionList, "422": Problem})
def sanctions(query: SanctionQuery) -> Response:
    """One page. An operator sees those of its permits, once it had notice of them."""
    wanted = SanctionFilter(
        organisation_id=identity().scope,
        permit=query.permit,
        holder=query.holder,
        jurisdiction=query.jurisdiction,
        step=query.step,
        state=query.state,
    )
    with runtime().reading() as session:
        page = sanction_page(session, wanted, limit=query.limit, cursor=query.cursor)
        return answer(SanctionList(items=page.map(_out).items, next_cursor=page.next_cursor))


@sanctions_api.post("", responses={"201": SanctionOut, "409": Problem, "422": Problem})
def begin(body: SanctionOpening) -> Response:
    """Open a step that no rule proposed."""
    with runtime().changing() as session:
        permit = permit_by_number(session, body.permit)
        require_decider(permit.jurisdiction)
        made = open_sanction(
            session, permit, body.step, reason=body.reason, now_ms=runtime().clock(), actor=actor(session)
        )
        return answer(_out(made), HTTPStatus.CREATED, version=made.version)


@sanctions_api.get("/<number>", responses={"200": SanctionOut, "422": Problem})
def sanction(path: SanctionPath) -> Response:
    """One sanction."""
    with runtime().reading() as session:
        return _shown(own_sanction(session, path.number))


@sanctions_api.post("/<number>/notice", responses=_CHANGED)
def notice(path: SanctionPath, body: SanctionNotice) -> Response:
    """Tell the holder what is intended, and when it is heard."""
    with runtime().changing() as session:
        found = _decided_here(session, path.number)
        serve_notice(session, found, body, **signature(session, found.version))
        return _shown(found)


@sanctions_api.post("/<number>/decision", responses=_CHANGED)
def decide(path: SanctionPath, body: SanctionDecision) -> Response:
    """Take the step: it acts on the next sample."""
    with runtime().changing() as session:
        found = _decided_here(session, path.number)
        take_step(session, found, body, **signature(session, found.version))
        return _shown(found)


@sanctions_api.post("/<number>/dismissal", responses=_CHANGED)
def drop(path: SanctionPath, body: SanctionDismissal) -> Response:
    """It is not taken."""
    with runtime().changing() as session:
        found = _decided_here(session, path.number)
        dismiss(session, found, body, **signature(session, found.version))
        return _shown(found)


@sanctions_api.post("/<number>/appeal", responses=_CHANGED)
def object_to(path: SanctionPath, body: Appeal) -> Response:
    """The holder objects."""
    with runtime().changing() as session:
        found = own_sanction(session, path.number)
        require_match(found.version)
        appeal(session, found, body, **signature(session, found.version))
        return _shown(found)


@sanctions_api.post("/<number>/ruling", responses=_CHANGED)
def rule(path: SanctionPath, body: Ruling) -> Response:
    """Rule on the appeal: somebody else than who decided."""
    with runtime().changing() as session:
        found = _decided_here(session, path.number)
        rule_on_appeal(session, found, body, **signature(session, found.version))
        return _shown(found)


def _decided_here(session: Session, number: str) -> Sanction:
    found = own_sanction(session, number)
    require_decider(found.permit.jurisdiction)
    require_match(found.version)
    return found


def _shown(found: Sanction) -> Response:
    return answer(_out(found), version=found.version)


def _out(row: Sanction) -> SanctionOut:
    return SanctionOut(
        sanction_id=row.sanction_id,
        permit=row.permit.number,
        holder=row.permit.holder.code,
        jurisdiction=row.permit.jurisdiction.code,
        step=row.step,
        state=row.state,
        rule=row.rule,
        grounds=[Ground.model_validate(ground) for ground in row.grounds],
        reason=row.reason,
        opened_at_ms=row.opened_at_ms,
        noticed_at_ms=row.noticed_at_ms,
        hearing_at_ms=row.hearing_at_ms,
        hearing_record=row.hearing_record,
        decided_at_ms=row.decided_at_ms,
        appeal_until_ms=row.appeal_until_ms,
        final_at_ms=row.final_at_ms,
        appealed_at_ms=row.appealed_at_ms,
        appeal=row.appeal,
        ruled_at_ms=row.ruled_at_ms,
        ruling=row.ruling,
        revision_before=row.revision_before,
        revision_after=row.revision_after,
        version=row.version,
    )
