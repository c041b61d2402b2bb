"""Mutual recognition over HTTP: every decision, and new ones."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from sqlalchemy.orm import Session

from app.models import Jurisdiction, RecognitionRevision
from app.schemas.base import Identifier, Schema
from app.schemas.recognition import RecognitionDetails, RecognitionEnd, RecognitionOut
from app.services.jurisdictions import jurisdiction_by_code
from app.services.recognition import RecognitionDecision, end_recognition, recognise, recognition_decisions
from app.web.api.base import Problem, answer, api_blueprint
from app.web.ownership import actor, require_decider
from app.web.runtime import runtime

recognition_api = api_blueprint("recognition", "Whose permits each jurisdiction accepts in its zones.")


class RecognitionQuery(Schema):
    """Which decisions."""

    recogniser: Identifier | None = None
    issuer: Identifier | None = None


class RecognitionList(Schema):
    """Decisions, newest first: there are few."""

    items: list[RecognitionOut]


@recognition_api.get("", responses={"200": RecognitionList, "422": Problem})
def decisions(query: RecognitionQuery) -> Response:
    """Every decision; the newest of each pair counts."""
    with runtime().reading() as session:
        items = [_out(decision) for decision in recognition_decisions(session)]
    chosen = [
        item for item in items if query.recogniser in {None, item.recogniser} and query.issuer in {None, item.issuer}
    ]
    return answer(RecognitionList(items=chosen))


@recognition_api.post("", responses={"201": RecognitionOut, "409": Problem, "422": Problem})
def decide(body: RecognitionDetails) -> Response:
    """Accept another jurisdiction's permits: what was decided about it before is replaced."""
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
            actor=actor(session),
        )
        return _told(session, made)


@recognition_api.post("/end", responses={"201": RecognitionOut, "409": Problem, "422": Problem})
def end(body: RecognitionEnd) -> Response:
    """Accept another jurisdiction's permits no longer."""
    with runtime().changing() as session:
        recogniser, issuer = _pair(session, body.recogniser, body.issuer)
        made = end_recognition(
            session,
            recogniser=recogniser,
            issuer=issuer,
            reason=body.reason,
            now_ms=runtime().clock(),
            actor=actor(session),
        )
        return _told(session, made)


def _pair(session: Session, recogniser: str, issuer: str) -> tuple[Jurisdiction, Jurisdiction]:
    deciding = jurisdiction_by_code(session, recogniser)
    require_decider(deciding)
    return deciding, jurisdiction_by_code(session, issuer)


def _told(session: Session, made: RecognitionRevision) -> Response:
    decided = next(decision for decision in recognition_decisions(session) if decision.row.id == made.id)
    return answer(_out(decided), HTTPStatus.CREATED)


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
