"""Decisions on permits at the desk. Each is taken on the revision that the person has seen, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.documents.wording import MODES, OFFICERS, condition_terms
from app.errors import AppError, Conflict, Forbidden, NotFound
from app.models import Officer, Permit, PermitRevisionRow
from app.schemas.permits import PlainDecision, Restriction, Surrender
from app.services.conditions import Conditions
from app.services.decisions import decide as take_decision
from app.services.decisions import restrict_permit
from app.services.permit_life import Decision
from app.services.permit_register import StandingPermit
from app.services.zones import zones_in_force
from app.stages import up_to
from app.web.desk.permit_page import own_permit, permit_page
from app.web.forms import Form, blank, read_form, with_error
from app.web.language import language
from app.web.ownership import actor, require_decider
from app.web.permit_texts import stage_label, zone_names
from app.web.runtime import runtime
from app.web.schedule_text import day_names

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
        names = zone_names(zones_in_force(session, runtime().clock()))
        newest = found.newest
        conditions = Conditions.from_dict(newest.terms)
        present = {name.en: value.said(language()) for name, value in condition_terms(conditions)}
        return render_template(
            "permits/restrict.html",
            permit=found.permit,
            newest=newest,
            form=form or blank(_chosen(newest, conditions)),
            present=present,
            conditions=conditions,
            vehicles=sorted((each.vehicle_id, f"{each.vehicle_id} {each.plate or ''}") for each in newest.vehicles),
            zones=sorted((each.zone_id, f"{each.zone_id} {names.get(each.zone_id, '')}") for each in newest.zones),
            officers=_officers(session, found.permit, newest.officers),
            modes=[
                (mode.name.lower(), words.said(language())) for mode, words in MODES.items() if mode in conditions.modes
            ],
            places=[
                (place.name.lower(), words.said(language()))
                for place, words in OFFICERS.items()
                if place in conditions.safety_officers
            ],
            days=list(day_names().items()),
            stages=[(stage.value, stage_label(stage)) for stage in up_to(newest.stage)[:-1]],
        )


def _officers(session: Session, permit: Permit, named: Sequence[Officer]) -> list[tuple[str, str]]:
    """Those that the permit names; where it names nobody, everyone of the holder."""
    own = select(Officer).where(Officer.organisation_id == permit.holder_id).order_by(Officer.officer_id)
    return [(each.officer_id, f"{each.officer_id} {each.name}") for each in named or session.scalars(own)]


def _chosen(newest: PermitRevisionRow, conditions: Conditions) -> dict[str, Any]:
    """The lists as they are: what is taken out of them is the restriction."""
    return {
        "vehicles": [vehicle.vehicle_id for vehicle in newest.vehicles],
        "zones": [zone.zone_id for zone in newest.zones],
        "officers": [officer.officer_id for officer in newest.officers],
        "modes": [mode.name.lower() for mode in conditions.modes],
        "safety_officers": [place.name.lower() for place in conditions.safety_officers],
    }
