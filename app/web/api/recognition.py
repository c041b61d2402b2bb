"""Mutual recognition over HTTP: every decision, and new ones."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from sqlalchemy.orm import Session

from app.models import Jurisdiction, RecognitionRevision
from app.schemas.base import Identifier, Schema
from app.schemas.recognition import RecognitionDetails, RecognitionEnd, RecognitionOut
from app.services.jurisdictions import jurisdiction_by_code
from app.services.recognition import (
    RecognitionDecision,
    end_recognition,
    recognise,
    recognition_decision,
    recognition_page,
)
from app.web.api.base import PageQuery, Problem, answer, api_blueprint
from app.web.ownership import actor, require_decider
from app.web.runtime import runtime

recognition_api = api_blueprint("recognition", "Whose permits each jurisdiction accepts in its zones.")


class RecognitionQuery(PageQuery):
    """Which decisions."""

    recogniser: Identifier | None = None
    issuer: Identifier | None = None


class RecognitionList(Schema):
    """One page of decisions, newest first."""

    items: list[RecognitionOut]
    next_cursor: str | None


@recognition_api.get("", responses={"200": RecognitionList, "422": Problem})
def decisions(query: RecognitionQuery) -> Response:
    """One page of decisions; the newest of each pair counts."""
    with runtime().reading() as session:
        page = recognition_page(
            session, recogniser=query.recogniser, issuer=query.issuer, limit=query.limit, cursor=query.cursor
        )
        return answer(RecognitionList(items=page.map(_out).items, next_cursor=page.next_cursor))


@recognition_api.post("", responses={"201": RecognitionOut, "409": Problem, "422": Problem})
def decide(body: RecognitionDetails) -> Response:
    """Accept another jurisdiction's permits: what was decided about it before is replaced.

    409 when another decision on the pair came after the one that `seen` names.
    """
    now_ms = runtime().clock()
    with runtime().changing() as session:
        recogniser, issuer = _pair(session, body.recogniser, body.issuer)
        made = recognise(
            session,
            recogniser=recogniser,
            issuer=issuer,
            stages=sorted(body.stages),
            valid_from_ms=now_ms if body.valid_from_ms is None else body.valid_from_ms,
            valid_until_ms=body.valid_until_ms,
            reason=body.reason,
            now_ms=now_ms,
            seen=body.seen,
            actor=actor(session),
        )
        return _told(session, made)


@recognition_api.post("/end", responses={"201": RecognitionOut, "409": Problem, "422": Problem})
def end(body: RecognitionEnd) -> Response:
    """Accept another jurisdiction's permits no longer; 409 as for a decision."""
    with runtime().changing() as session:
        recogniser, issuer = _pair(session, body.recogniser, body.issuer)
        made = end_recognition(
            session,
            recogniser=recogniser,
            issuer=issuer,
            reason=body.reason,
            now_ms=runtime().clock(),
            seen=body.seen,
            actor=actor(session),
        )
        return _told(session, made)


def _pair(session: Session, recogniser: str, issuer: str) -> tuple[Jurisdiction, Jurisdiction]:
    deciding = jurisdiction_by_code(session, recogniser)
    require_decider(deciding)
    return deciding, jurisdiction_by_code(session, issuer)


def _told(session: Session, made: RecognitionRevision) -> Response:
    return answer(_out(recognition_decision(session, made)), HTTPStatus.CREATED)


def _out(decision: RecognitionDecision) -> RecognitionOut:
    row = decision.row
    return RecognitionOut.model_validate(
        {
            "id": row.id,
            "recogniser": row.recogniser.code,
            "issuer": row.issuer.code,
            "stages": row.stages,
            "starts_at_ms": row.starts_at_ms,
            "valid_from_ms": row.valid_from_ms,
            "valid_until_ms": row.valid_until_ms,
            "reason": row.reason,
            "actor": decision.actor,
            "recorded_at_ms": row.recorded_at_ms,
            "is_newest": decision.is_newest,
        }
    )
