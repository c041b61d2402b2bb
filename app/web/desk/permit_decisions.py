"""Decisions on permits at the desk. Each is taken on the revision that the person has seen, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.errors import AppError, Conflict, Forbidden, NotFound
from app.models import Permit, PermitRevisionRow
from app.schemas.permits import PlainDecision, Restriction, Surrender
from app.services.decisions import decide as take_decision
from app.services.decisions import restrict_permit
from app.services.permit_life import Decision
from app.services.permit_register import StandingPermit
from app.web.desk.permit_page import own_permit, permit_page
from app.web.desk.restriction_form import chosen, restriction_choices
from app.web.forms import Form, blank, read_form, with_error
from app.web.ownership import actor, require_decider
from app.web.runtime import runtime

permit_decisions = Blueprint("permit_decisions", __name__, url_prefix="/desk/permits")

_Page = str | Response | WerkzeugResponse


@permit_decisions.post("/<number>/decisions")
def decide(number: str) -> _Page:
    """Suspend, reinstate or revoke it."""
    attempted = request.form.get("decision", "")
    made, form = read_form(PlainDecision, request.form)
    if made is None:
        return _refused(permit_page(number, attempted=attempted, form=form))

    def taken(session: Session, found: StandingPermit) -> PermitRevisionRow:
        require_decider(found.permit.jurisdiction)
        return _plain(session, found.permit, made.decision, made.reason)

    return _answer(number, taken, lambda error: permit_page(number, attempted=attempted, form=with_error(form, error)))


@permit_decisions.post("/<number>/surrender")
def surrender(number: str) -> _Page:
    """The holder gives it back."""
    attempted = Decision.SURRENDERED
    made, form = read_form(Surrender, request.form)
    if made is None:
        return _refused(permit_page(number, attempted=attempted, form=form))

    def taken(session: Session, found: StandingPermit) -> PermitRevisionRow:
        return _plain(session, found.permit, attempted, made.reason)

    return _answer(number, taken, lambda error: permit_page(number, attempted=attempted, form=with_error(form, error)))


@permit_decisions.get("/<number>/restriction")
def restriction(number: str) -> str:
    """The form of a restriction."""
    return _restriction_page(number, None)


@permit_decisions.post("/<number>/restriction")
def restrict(number: str) -> _Page:
    """Tighten the terms."""
    made, form = read_form(Restriction, request.form)
    if made is None:
        return _refused(_restriction_page(number, form))

    def taken(session: Session, found: StandingPermit) -> PermitRevisionRow:
        require_decider(found.permit.jurisdiction)
        return restrict_permit(
            session,
            found.permit,
            made,
            reason=made.reason,
            expected_revision=_seen(),
            actor=actor(session),
            now_ms=runtime().clock(),
        )

    return _answer(number, taken, lambda error: _restriction_page(number, with_error(form, error)))


def _plain(session: Session, permit: Permit, decision: Decision, reason: str) -> PermitRevisionRow:
    return take_decision(
        session,
        permit,
        decision,
        reason=reason,
        expected_revision=_seen(),
        actor=actor(session),
        now_ms=runtime().clock(),
    )


def _seen() -> int:
    """The number of the revision that the form was made from."""
    return request.form.get("seen", 0, type=int)


def _answer(
    number: str,
    take: Callable[[Session, StandingPermit], PermitRevisionRow],
    shown_again: Callable[[AppError], str],
) -> _Page:
    """Take the decision and lead back to the permit; a refusal shows again what was typed, and why."""
    try:
        with runtime().changing() as session:
            take(session, own_permit(session, number))
    except (NotFound, Forbidden):
        raise
    except AppError as error:
        status = HTTPStatus.CONFLICT if isinstance(error, Conflict) else HTTPStatus.UNPROCESSABLE_ENTITY
        return _refused(shown_again(error), status)
    flash(_("The decision is in force."))
    return redirect(url_for("permits.show", number=number), code=HTTPStatus.SEE_OTHER)


def _refused(page: str, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY) -> Response:
    return make_response(page, status)


def _restriction_page(number: str, form: Form | None) -> str:
    with runtime().reading() as session:
        found = own_permit(session, number)
        require_decider(found.permit.jurisdiction)
        return render_template(
            "permits/restrict.html",
            permit=found.permit,
            form=form or blank(chosen(found.newest)),
            choices=restriction_choices(session, found.newest, runtime().clock()),
        )
