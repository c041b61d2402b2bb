"""Sanctions at the desk: what the record speaks for, and each step of the ladder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import Sanction, SanctionState, SanctionStep, User
from app.schemas.base import Schema
from app.schemas.sanctions import (
    APPEAL_DAYS,
    Appeal,
    Ruling,
    SanctionDecision,
    SanctionDismissal,
    SanctionNotice,
    SanctionStart,
)
from app.services.permits import newest_revision, permit_by_number
from app.services.sanction_rules import LADDER, next_step
from app.services.sanctions import (
    SanctionFilter,
    appeal,
    dismiss,
    open_sanction,
    rule_on_appeal,
    sanctions_of,
    serve_notice,
    take_step,
)
from app.web import access
from app.web.access import Action
from app.web.desk.restriction_form import chosen, restriction_choices
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.navigation import url_if
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, own_sanction, require_decider, signature
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.sanction_texts import GROUNDS, RULES, STEPS
from app.web.states import state_label
from app.web.tables import Column, Filter, Kind, Table, table_answer

sanctions = Blueprint("sanctions", __name__, url_prefix="/desk/sanctions")

_Page = Response | WerkzeugResponse | tuple[str, int] | str
_Stated = TypeVar("_Stated", bound=Schema)
_PREFIX = "restriction."
_PAGES = {
    "alert": ("duty.index", "alert"),
    "directive": ("directives.show", "directive_id"),
    "incident": ("incidents.show", "number"),
}


@sanctions.get("")
def index() -> Response | str:
    """Every sanction; an operator's own, once it had notice."""
    with runtime().reading() as session:
        found = session.scalars(sanctions_of(SanctionFilter(organisation_id=identity().scope))).all()
        return table_answer(_table(found), "sanctions/index.html")


@sanctions.route("/new/<permit_number>", methods=["GET", "POST"])
def new(permit_number: str) -> _Page:
    """Open a step against a permit."""
    if request.method == "GET":
        return _opening_page(permit_number, blank())
    made, form = read_form(SanctionStart, request.form)
    if made is None:
        return _opening_page(permit_number, form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            permit = permit_by_number(session, permit_number)
            require_decider(permit.jurisdiction)
            sanction = open_sanction(
                session, permit, made.step, reason=made.reason, now_ms=runtime().clock(), actor=actor(session)
            )
            number = sanction.sanction_id
    except REFUSALS as error:
        return _opening_page(permit_number, with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    return redirect(url_for(".show", number=number), HTTPStatus.SEE_OTHER)


@sanctions.get("/<number>")
def show(number: str) -> str:
    """One sanction: its grounds, where it stands, and what may be done."""
    return _page(number)


@sanctions.post("/<number>/notice")
def notice(number: str) -> _Page:
    """Tell the holder what is intended."""
    return _submitted(number, SanctionNotice, serve_notice, "notice", _("Noticed. The holder is told."))


@sanctions.route("/<number>/decision", methods=["GET", "POST"])
def decide(number: str) -> _Page:
    """Take the step."""
    if request.method == "GET":
        return _decision_page(number, None)
    return _submitted(number, SanctionDecision, take_step, "decision", _("The decision is in force."))


@sanctions.post("/<number>/dismissal")
def drop(number: str) -> _Page:
    """It is not taken."""
    return _submitted(number, SanctionDismissal, dismiss, "dismissal", _("Dismissed."))


@sanctions.post("/<number>/appeal")
def object_to(number: str) -> _Page:
    """The holder objects."""
    done = _("The regulator is told of your appeal. Until it is ruled upon, the decision stands.")
    return _submitted(number, Appeal, appeal, "appeal", done)


@sanctions.post("/<number>/ruling")
def rule(number: str) -> _Page:
    """Rule on the appeal."""
    return _submitted(number, Ruling, rule_on_appeal, "ruling", _("Ruled. The holder is told."))


def _submitted(number: str, schema: type[_Stated], change: Callable[..., None], attempted: str, done: str) -> _Page:
    """Make a change that a form states, of the sanction as the caller has seen it, and lead back to it.

    What cannot be read, or is refused, is shown again as it was typed.
    """
    stated, form = read_form(schema, request.form)
    if stated is None:
        return _shown_again(number, attempted, form)
    try:
        with runtime().changing() as session:
            found = own_sanction(session, number)
            if schema is not Appeal:
                require_decider(found.permit.jurisdiction)
            require_seen(found.version)
            change(session, found, stated, **signature(session, found.version))
    except REFUSALS as error:
        return _shown_again(number, attempted, with_error(form, error))
    flash(done)
    return redirect(url_for(".show", number=number), HTTPStatus.SEE_OTHER)


def _shown_again(number: str, attempted: str, form: Form) -> _Page:
    page = _decision_page(number, form) if attempted == "decision" else _page(number, attempted, form)
    return page, HTTPStatus.UNPROCESSABLE_ENTITY


def _page(number: str, attempted: str = "", form: Form | None = None) -> str:
    with runtime().reading() as session:
        found = own_sanction(session, number)
        return render_template(
            "sanctions/show.html",
            sanction=found,
            step=STEPS[found.step],
            rule=RULES.get(found.rule, ""),
            operator=organisation_name(found.permit.holder),
            grounds=[_ground(each) for each in found.grounds],
            ladder=_ladder(found.step),
            timeline=_timeline(session, found),
            actions=_actions(found),
            attempted=attempted,
            form=form,
            empty=blank(),
            outcomes=[(each.value, state_label(each)) for each in (SanctionState.UPHELD, SanctionState.OVERTURNED)],
        )


def _decision_page(number: str, form: Form | None) -> str:
    with runtime().reading() as session:
        found = own_sanction(session, number)
        require_decider(found.permit.jurisdiction)
        newest = newest_revision(session, found.permit)
        restricts = found.step is SanctionStep.RESTRICT
        started = {"appeal_days": APPEAL_DAYS} | (chosen(newest, _PREFIX) if restricts else {})
        return render_template(
            "sanctions/decide.html",
            sanction=found,
            step=STEPS[found.step],
            form=form or blank(started),
            choices=restriction_choices(session, newest, runtime().clock()) if restricts else None,
            prefix=_PREFIX,
        )


def _opening_page(permit_number: str, form: Form) -> str:
    steps = [(step.value, str(label)) for step, label in STEPS.items()]
    with runtime().reading() as session:
        permit = permit_by_number(session, permit_number)
        require_decider(permit.jurisdiction)
        usual = next_step(session, permit, runtime().clock())
        return render_template(
            "sanctions/new.html", permit=permit, form=form, steps=steps, usual=STEPS[usual], ladder=_ladder(usual)
        )


def _actions(found: Sanction) -> frozenset[str]:
    """What this caller may do with it now."""
    caller, state = identity(), found.state
    if access.may(caller.role, Action.APPEAL_SANCTIONS) and state is SanctionState.IN_FORCE:
        is_open = found.final_at_ms is None and runtime().clock() < (found.appeal_until_ms or 0)
        return frozenset({"appeal"} if is_open else ())
    if not (access.may(caller.role, Action.DECIDE_SANCTIONS) and caller.decides_in(found.permit.jurisdiction_id)):
        return frozenset()
    if state in {SanctionState.PROPOSED, SanctionState.NOTICED}:
        return frozenset({"notice", "decision", "dismissal"})
    rules = state is SanctionState.APPEALED and found.decided_by_id != caller.user_id
    return frozenset({"ruling"} if rules else ())


def _ladder(step: SanctionStep) -> list[dict[str, str]]:
    return [{"label": str(STEPS[each]), "state": "current" if each is step else "todo"} for each in LADDER]


def _ground(ground: dict[str, Any]) -> dict[str, Any]:
    endpoint, argument = _PAGES.get(ground["type"], ("", ""))
    return {
        "name": GROUNDS[ground["type"]],
        "id": ground["id"],
        "at_ms": ground["at_ms"],
        "url": url_if(endpoint, **{argument: ground["id"]}) if endpoint else "",
    }


def _timeline(session: Session, found: Sanction) -> list[dict[str, Any]]:
    """What has happened, newest first."""

    def by(user_id: int | None) -> str:
        return session.get_one(User, user_id).display_name if user_id is not None else str(_("The platform"))

    happened = [
        (found.opened_at_ms, _("Proposed"), by(found.opened_by_id), "", "proposed"),
        (found.noticed_at_ms, _("Notice served"), "", "", "noticed"),
        (found.decided_at_ms, _("Decided"), by(found.decided_by_id), found.hearing_record, "in_force"),
        (found.appealed_at_ms, _("Appealed"), by(found.appealed_by_id), found.appeal, "appealed"),
        (found.ruled_at_ms, state_label(found.state), by(found.ruled_by_id), found.ruling, found.state.value),
    ]
    return [
        {"at_ms": at_ms, "title": str(title), "who": who, "text": text, "state": state}
        for at_ms, title, who, text, state in reversed(happened)
        if at_ms is not None
    ]


def _table(found: Sequence[Sanction]) -> Table[Sanction]:
    return Table(
        name="sanctions",
        caption=_("Sanctions"),
        columns=[
            Column(
                "number", _("Number"), lambda s: s.sanction_id, link=lambda s: url_for(".show", number=s.sanction_id)
            ),
            Column("state", _("State"), lambda s: s.state.value, kind=Kind.BADGE),
            Column("step", _("Step"), lambda s: str(STEPS[s.step])),
            Column("permit", _("Permit"), lambda s: s.permit.number, note=lambda s: organisation_name(s.permit.holder)),
            Column("opened", _("Opened"), lambda s: s.opened_at_ms, kind=Kind.WHEN),
            Column("hearing", _("Hearing"), lambda s: s.hearing_at_ms, kind=Kind.WHEN),
            Column("decided", _("Decided"), lambda s: s.decided_at_ms, kind=Kind.WHEN),
        ],
        rows=found,
        filters=[
            Filter("state", _("State"), [(state.value, state_label(state)) for state in SanctionState]),
            Filter(
                "step",
                _("Step"),
                [(step.value, str(label)) for step, label in STEPS.items()],
                lambda s, wanted: s.step == wanted,
            ),
        ],
        order="-opened",
        empty_text=_("No sanctions"),
    )
