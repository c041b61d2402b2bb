"""The regulator's decisions on applications. Each is taken on the version that the person has seen, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import Application
from app.schemas.applications import ChangeRequest, Grant, Rejection
from app.services.application_life import WAITING
from app.services.applications import gates_of
from app.services.permits import newest_revision
from app.services.review import (
    content_of,
    grant,
    newest_submitted,
    reject,
    request_changes,
    take_under_review,
)
from app.web.application_texts import application_title, field_label
from app.web.desk.application_pages import COMMENTED, application_page, gate_row, submitted_lines
from app.web.desk.application_steps import stated
from app.web.desk.application_terms import term_options
from app.web.forms import Form, blank, read_form, row_numbers, with_error, with_rows_closed_up
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, own_application, require_decider
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime

application_review = Blueprint("application_review", __name__, url_prefix="/desk/applications")

_UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY
#: Of a submitted text beside the field for a comment on it.
_SHOWN_CHARACTERS = 300
_Page = Response | WerkzeugResponse | tuple[str, int] | str


@application_review.post("/<number>/review")
def take(number: str) -> _Page:
    """Begin the review."""

    def step(session: Session, application: Application) -> None:
        take_under_review(
            session,
            application,
            expected_version=application.version,
            actor=actor(session),
            now_ms=runtime().clock(),
        )

    return _decide(number, blank(), step, lambda again: application_page(number, form=again))


@application_review.get("/<number>/changes")
def changes(number: str) -> str:
    """The form of what must change, field by field."""
    return _changes_page(number, blank())


@application_review.post("/<number>/changes")
def ask_for_changes(number: str) -> _Page:
    """Hand it back with comments."""
    commented = _commented(request.form)
    made, form = read_form(ChangeRequest, commented)
    form = Form(request.form.to_dict(), _at_their_rows(form.problems, commented), form.general)
    if made is None:
        return _changes_page(number, form), _UNPROCESSABLE

    def step(session: Session, application: Application) -> None:
        request_changes(
            session,
            application,
            made,
            expected_version=application.version,
            actor=actor(session),
            now_ms=runtime().clock(),
        )

    return _decide(number, form, step, lambda again: _if_waiting(number, again, _changes_page))


@application_review.post("/<number>/reject")
def turn_down(number: str) -> _Page:
    """Reject it."""
    rejection, form = read_form(Rejection, request.form)
    if rejection is None:
        return application_page(number, attempted="reject", form=form), _UNPROCESSABLE

    def step(session: Session, application: Application) -> None:
        reject(
            session,
            application,
            reason=rejection.reason,
            expected_version=application.version,
            actor=actor(session),
            now_ms=runtime().clock(),
        )

    return _decide(number, form, step, lambda again: application_page(number, attempted="reject", form=again))


@application_review.get("/<number>/grant")
def terms(number: str) -> _Page:
    """The terms to be granted: those applied for, until they are changed."""
    return _grant_page(number, None)


@application_review.post("/<number>/grant")
def issue(number: str) -> _Page:
    """Grant it: issue the permit, or the change of one."""
    decision, form = read_form(Grant, with_rows_closed_up(request.form, "hours"))
    if decision is None:
        return _grant_page(number, form), _UNPROCESSABLE
    try:
        with runtime().changing() as session:
            application = _decidable(session, number)
            revision = grant(
                session,
                application,
                decision,
                expected_version=application.version,
                actor=actor(session),
                now_ms=runtime().clock(),
            )
            permit = revision.permit.number
    except REFUSALS as error:
        return _if_waiting(number, with_error(form, error), _grant_page), _UNPROCESSABLE
    flash(_("Permit %(number)s is issued and in force.", number=permit))
    return redirect(url_for("permits.show", number=permit), HTTPStatus.SEE_OTHER)


def _decide(
    number: str, form: Form, step: Callable[[Session, Application], None], shown_again: Callable[[Form], str]
) -> _Page:
    """Take a step and lead back to the application; a refusal shows again what was typed, and why."""
    try:
        with runtime().changing() as session:
            step(session, _decidable(session, number))
    except REFUSALS as error:
        return shown_again(with_error(form, error)), _UNPROCESSABLE
    flash(_("Done. The operator is told."))
    return redirect(url_for("applications.show", number=number), HTTPStatus.SEE_OTHER)


def _if_waiting(number: str, form: Form, page: Callable[[str, Form], str]) -> str:
    """The form of the decision again; once somebody else has decided, the application with that message."""
    with runtime().reading() as session:
        is_waiting = own_application(session, number).state in WAITING
    return page(number, form) if is_waiting else application_page(number, form=form)


def _decidable(session: Session, number: str) -> Application:
    application = own_application(session, number)
    require_decider(application.jurisdiction)
    require_seen(application.version)
    return application


def _waiting(session: Session, number: str) -> Application:
    """The application, for a form of a decision; one that does not wait for any leads to its page."""
    application = own_application(session, number)
    require_decider(application.jurisdiction)
    if application.state not in WAITING:
        abort(redirect(url_for("applications.show", number=number), HTTPStatus.SEE_OTHER))
    return application


def _commented(sent: MultiDict[str, str]) -> MultiDict[str, str]:
    """Without the comments that were left empty: their rows name a field all the same."""
    rows = row_numbers(sent, "comments")
    left_empty = [f"comments.{row}." for row in rows if not sent.get(f"comments.{row}.comment", "").strip()]
    kept: MultiDict[str, str] = MultiDict()
    for name, text in sent.items(multi=True):
        if not any(name.startswith(beginning) for beginning in left_empty):
            kept.add(name, text)
    return kept


def _at_their_rows(problems: Mapping[str, str], commented: MultiDict[str, str]) -> dict[str, str]:
    """Problems of comments by the rows of the form: the schema counts only those that were filled in."""
    rows = dict(enumerate(row_numbers(commented, "comments")))
    found: dict[str, str] = {}
    for path, text in problems.items():
        first, *rest = path.split(".")
        shown = [first, str(rows[int(rest[0])]), *rest[1:]] if first == "comments" and rest else [path]
        found[".".join(shown)] = text
    return found


def _changes_page(number: str, form: Form) -> str:
    with runtime().reading() as session:
        application = _waiting(session, number)
        content = content_of(newest_submitted(application))
        told = submitted_lines(session, application, content)
        return render_template(
            "applications/changes.html",
            application=application,
            title=application_title(application),
            holder=organisation_name(application.holder),
            form=form,
            fields=[(field, field_label(field), told.get(field, "")[:_SHOWN_CHARACTERS]) for field in COMMENTED],
        )


def _grant_page(number: str, form: Form | None) -> str:
    with runtime().reading() as session:
        application = _waiting(session, number)
        content = content_of(newest_submitted(application))
        gates = gates_of(session, application, content, runtime().clock())
        return render_template(
            "applications/grant.html",
            application=application,
            title=application_title(application),
            holder=organisation_name(application.holder),
            form=form or blank(stated(content)),
            gates=[gate_row(gate) for gate in gates],
            has_failed=not all(gate.passed for gate in gates),
            permit=application.permit,
            replaced=newest_revision(session, application.permit) if application.permit is not None else None,
            **term_options(len(content.hours)),
        )
