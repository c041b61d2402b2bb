"""Mutual recognition at the desk: who accepts whose permits, for which stages, and every decision on it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.errors import AppError, Conflict, Forbidden
from app.models import Jurisdiction, Stage
from app.schemas.recognition import RecognitionDetails, RecognitionEnd
from app.services.jurisdictions import jurisdiction_by_code, jurisdictions
from app.services.recognition import (
    NO_REVISION,
    RecognitionDecision,
    end_recognition,
    recognise,
    recognition_decisions,
)
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.ownership import actor, require_decider
from app.web.permit_texts import stage_label
from app.web.runtime import runtime

recognition = Blueprint("recognition", __name__, url_prefix="/desk/recognition")


@dataclass(frozen=True, slots=True)
class Cell:
    """What one jurisdiction has last decided about another; `state` is empty before any decision."""

    issuer: Jurisdiction
    decision: RecognitionDecision | None
    state: str
    stages: tuple[str, ...]


@recognition.get("")
def index() -> str:
    """The matrix, and every decision."""
    return _index(blank())


@recognition.get("/<recogniser>/<issuer>")
def edit(recogniser: str, issuer: str) -> str:
    """Decide on the permits of one issuer."""
    with runtime().reading() as session:
        require_decider(jurisdiction_by_code(session, recogniser))
        newest = _newest(session, recogniser, issuer)
    values: dict[str, object] = {"seen": NO_REVISION}
    if newest is not None:
        row = newest.row
        values = {"seen": row.id, "stages": row.stages, "valid_until_ms": row.valid_until_ms}
    return _page(recogniser, issuer, blank(values))


@recognition.post("/<recogniser>/<issuer>")
def decide(recogniser: str, issuer: str) -> Response | tuple[str, int]:
    """Accept the issuer's permits."""
    made, form = read_form(RecognitionDetails, _of_pair(recogniser, issuer))
    if made is None:
        return _page(recogniser, issuer, form), HTTPStatus.UNPROCESSABLE_ENTITY
    now_ms = runtime().clock()
    try:
        with runtime().changing() as session:
            deciding = jurisdiction_by_code(session, recogniser)
            require_decider(deciding)
            recognise(
                session,
                recogniser=deciding,
                issuer=jurisdiction_by_code(session, issuer),
                stages=sorted(made.stages),
                valid_from_ms=now_ms if made.valid_from_ms is None else made.valid_from_ms,
                valid_until_ms=made.valid_until_ms,
                reason=made.reason,
                now_ms=now_ms,
                seen=made.seen,
                actor=actor(session),
            )
    except Forbidden:
        raise
    except AppError as error:
        return _refused(recogniser, issuer, form, error)
    flash(_("Decided. It acts on the next sample that is judged."))
    return redirect(url_for("recognition.index"), code=HTTPStatus.SEE_OTHER)


@recognition.post("/<recogniser>/<issuer>/end")
def end(recogniser: str, issuer: str) -> Response | tuple[str, int]:
    """Accept the issuer's permits no longer."""
    made, form = read_form(RecognitionEnd, _of_pair(recogniser, issuer))
    if made is None:
        return _page(recogniser, issuer, form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            deciding = jurisdiction_by_code(session, recogniser)
            require_decider(deciding)
            end_recognition(
                session,
                recogniser=deciding,
                issuer=jurisdiction_by_code(session, issuer),
                reason=made.reason,
                now_ms=runtime().clock(),
                seen=made.seen,
                actor=actor(session),
            )
    except Forbidden:
        raise
    except AppError as error:
        return _refused(recogniser, issuer, form, error)
    flash(_("Its permits are no longer recognised."))
    return redirect(url_for("recognition.index"), code=HTTPStatus.SEE_OTHER)


def _of_pair(recogniser: str, issuer: str) -> MultiDict[str, str]:
    """The form with the pair that the address names."""
    sent = MultiDict(request.form)
    sent.setlist("recogniser", [recogniser])
    sent.setlist("issuer", [issuer])
    return sent


def _refused(recogniser: str, issuer: str, form: Form, error: AppError) -> tuple[str, int]:
    refused = with_error(form, error)
    if not isinstance(error, Conflict):
        return _page(recogniser, issuer, refused), HTTPStatus.UNPROCESSABLE_ENTITY
    with runtime().reading() as session:
        newest = _newest(session, recogniser, issuer)
    seen = NO_REVISION if newest is None else newest.row.id
    return _page(recogniser, issuer, Form({**refused.values, "seen": seen}, refused.problems, refused.general)), (
        HTTPStatus.CONFLICT
    )


def _newest(session: Session, recogniser: str, issuer: str) -> RecognitionDecision | None:
    jurisdiction_by_code(session, issuer)
    return next(
        (
            decision
            for decision in recognition_decisions(session)
            if (decision.row.recogniser.code, decision.row.issuer.code) == (recogniser, issuer)
        ),
        None,
    )


def _index(form: Form) -> str:
    now_ms = runtime().clock()
    with runtime().reading() as session:
        places, decisions = jurisdictions(session), recognition_decisions(session)
    newest = {(each.row.recogniser_id, each.row.issuer_id): each for each in decisions if each.is_newest}
    matrix = [
        (place, [_cell(issuer, newest.get((place.id, issuer.id)), now_ms) for issuer in places]) for place in places
    ]
    return render_template(
        "jurisdictions/recognition.html",
        form=form,
        places=places,
        matrix=matrix,
        decisions=[(each, each.state(now_ms), _stages(each)) for each in decisions],
        name=_name,
        decides_in=identity().decides_in,
    )


def _page(recogniser: str, issuer: str, form: Form) -> str:
    now_ms = runtime().clock()
    with runtime().reading() as session:
        deciding, other = jurisdiction_by_code(session, recogniser), jurisdiction_by_code(session, issuer)
        newest = _newest(session, recogniser, issuer)
    return render_template(
        "jurisdictions/recognise.html",
        form=form,
        recogniser=deciding,
        issuer=other,
        name=_name,
        stages=[(stage.value, stage_label(stage)) for stage in Stage],
        is_recognised=newest is not None and newest.state(now_ms) in {"in_force", "upcoming"},
    )


def _cell(issuer: Jurisdiction, decision: RecognitionDecision | None, now_ms: int) -> Cell:
    if decision is None:
        return Cell(issuer, None, "", ())
    return Cell(issuer, decision, decision.state(now_ms), _stages(decision))


def _stages(decision: RecognitionDecision) -> tuple[str, ...]:
    return tuple(stage_label(Stage(stage)) for stage in decision.row.stages)


def _name(place: Jurisdiction) -> str:
    return place.name_zh if language() == "zh" else place.name_en
