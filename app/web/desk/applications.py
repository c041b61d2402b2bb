"""Applications at the desk: the list, a new one, each one with its history, submission and withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import Application, ApplicationState, Jurisdiction, Permit, Role, Stage, Trial
from app.schemas.applications import ApplicationWithdrawal, NewApplication, Submission
from app.services.applications import applications_of, create_application, draft_of, submit, withdraw
from app.services.review import content_of, revision_by_number
from app.web import access
from app.web.access import Action
from app.web.application_texts import application_title
from app.web.desk.application_pages import application_page, compared, name_of, stage_name
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, own_application
from app.web.permit_texts import stage_label
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.states import state_label
from app.web.tables import Column, Filter, Kind, Table, table_answer
from app.web.vehicle_credentials import own_organisation

applications = Blueprint("applications", __name__, url_prefix="/desk/applications")

_Page = Response | WerkzeugResponse | tuple[str, int] | str


@applications.get("")
def index() -> Response | str:
    """An operator's own; a regulator's queue; everybody else's view of all."""
    with runtime().reading() as session:
        listed = session.scalars(applications_of(identity().scope, with_drafts=identity().sees_drafts)).unique().all()
        return table_answer(
            _table(listed),
            "applications/index.html",
            may_apply=access.may(identity().role, Action.WRITE_APPLICATIONS),
            waiting=sum(each.state in {ApplicationState.SUBMITTED, ApplicationState.UNDER_REVIEW} for each in listed),
        )


@applications.route("/new", methods=["GET", "POST"])
def new() -> _Page:
    """Begin an application; `?permit=` names the permit that it would change."""
    if request.method == "GET":
        return _new_page(blank({"permit": request.args.get("permit", "")}))
    details, form = read_form(NewApplication, request.form)
    if details is None:
        return _new_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            application = create_application(
                session,
                details,
                holder=own_organisation(session),
                actor=actor(session),
                now_ms=runtime().clock(),
            )
            number = application.number
    except REFUSALS as error:
        return _new_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    return redirect(url_for("application_steps.step", number=number, step="vehicles"), HTTPStatus.SEE_OTHER)


@applications.get("/<number>")
def show(number: str) -> str:
    """One application."""
    return application_page(number)


@applications.post("/<number>/submit")
def hand_in(number: str) -> _Page:
    """Submit it to the regulator."""
    details, form = read_form(Submission, request.form)
    if details is None:
        return application_page(number, attempted="submit", form=form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            application = own_application(session, number)
            require_seen(application.version)
            submit(
                session,
                application,
                comment=details.comment,
                expected_version=application.version,
                actor=actor(session),
                now_ms=runtime().clock(),
            )
    except REFUSALS as error:
        return application_page(
            number, attempted="submit", form=with_error(form, error)
        ), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Submitted. The regulator is told."))
    return redirect(url_for("applications.show", number=number), HTTPStatus.SEE_OTHER)


@applications.post("/<number>/withdraw")
def give_up(number: str) -> _Page:
    """Withdraw it."""
    details, form = read_form(ApplicationWithdrawal, request.form)
    if details is None:
        return application_page(number, attempted="withdraw", form=form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            application = own_application(session, number)
            require_seen(application.version)
            withdraw(
                session,
                application,
                reason=details.reason,
                expected_version=application.version,
                actor=actor(session),
                now_ms=runtime().clock(),
            )
    except REFUSALS as error:
        return application_page(
            number, attempted="withdraw", form=with_error(form, error)
        ), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Withdrawn."))
    return redirect(url_for("applications.show", number=number), HTTPStatus.SEE_OTHER)


@applications.get("/<number>/compare")
def compare(number: str) -> str:
    """Two submitted revisions side by side; without numbers the two newest."""
    with runtime().reading() as session:
        application = own_application(session, number)
        newest = len(application.revisions)
        if not newest:
            abort(HTTPStatus.NOT_FOUND)
        after = request.args.get("after", newest, type=int)
        before = request.args.get("before", max(1, after - 1), type=int)
        first, second = (content_of(revision_by_number(application, each)) for each in (before, after))
        return render_template(
            "applications/compare.html",
            application=application,
            title=application_title(application),
            rows=compared(session, application, first, second),
            before=before,
            after=after,
            numbers=range(1, newest + 1),
        )


def _table(found: Sequence[Application]) -> Table[Application]:
    jurisdictions = sorted({(each.jurisdiction.code, name_of(each.jurisdiction)) for each in found})
    columns = [
        Column[Application](
            "number", _("Number"), lambda a: a.number, link=lambda a: url_for("applications.show", number=a.number)
        ),
        Column[Application]("state", _("State"), lambda a: a.state.value, kind=Kind.BADGE),
        Column[Application]("holder", _("Operator"), lambda a: organisation_name(a.holder)),
        Column[Application]("stage", _("Stage"), lambda a: stage_name(draft_of(a).stage), note=_purpose),
        Column[Application]("jurisdiction", _("Jurisdiction"), lambda a: name_of(a.jurisdiction), sort=True),
        Column[Application]("vehicles", _("Vehicles"), lambda a: len(draft_of(a).vehicles), kind=Kind.NUMBER),
        Column[Application]("changed", _("Last step"), lambda a: a.changed_at_ms, kind=Kind.WHEN),
    ]
    return Table(
        name="applications",
        caption=_("Applications"),
        columns=columns if identity().scope is None else [each for each in columns if each.key != "holder"],
        rows=found,
        filters=[
            Filter("state", _("State"), [(each.value, state_label(each)) for each in ApplicationState]),
            Filter("at", _("Jurisdiction"), jurisdictions, lambda a, code: a.jurisdiction.code == code),
            Filter(
                "queue",
                _("Queue"),
                [("mine", _("waiting for me"))],
                lambda a, _wish: _waits_for_caller(a),
            ),
        ],
        order="-changed",
        empty_text=_("No applications yet"),
    )


def _purpose(application: Application) -> str:
    if application.permit is None or application.state is ApplicationState.GRANTED:
        return ""
    return _("change of %(permit)s", permit=application.permit.number)


def _waits_for_caller(application: Application) -> bool:
    caller = identity()
    if caller.role is Role.REGULATOR:
        waits = {ApplicationState.SUBMITTED, ApplicationState.UNDER_REVIEW}
        return application.state in waits and caller.decides_in(application.jurisdiction_id)
    return application.state in {ApplicationState.DRAFT, ApplicationState.CHANGES_REQUESTED}


def _new_page(form: Form) -> str:
    with runtime().reading() as session:
        return render_template(
            "applications/new.html",
            form=form,
            jurisdictions=jurisdiction_options(session),
            trials=trial_options(session),
            stages=stage_options(),
            permits=_permit_options(session),
        )


def jurisdiction_options(session: Session) -> list[tuple[str, str]]:
    """Every jurisdiction."""
    found = session.scalars(select(Jurisdiction).order_by(Jurisdiction.code))
    return [(each.code, name_of(each)) for each in found]


def trial_options(session: Session) -> list[tuple[str, str]]:
    """The caller's trials."""
    found = session.scalars(select(Trial).where(Trial.organisation_id == identity().scope).order_by(Trial.trial_id))
    return [(each.trial_id, f"{name_of(each)} ({each.trial_id})") for each in found]


def stage_options() -> list[tuple[str, str]]:
    """Every stage."""
    return [(stage.value, stage_label(stage)) for stage in Stage]


def _permit_options(session: Session) -> list[tuple[str, str]]:
    found = session.scalars(select(Permit).where(Permit.holder_id == identity().scope).order_by(Permit.number))
    return [(each.number, f"{each.number} · {stage_label(each.stage)}") for each in found]
