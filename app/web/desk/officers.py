"""People who steer, at the desk: the list, each one's page, licences and their ends."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.models import Capacity, Officer
from app.schemas.officers import LicenceRenewal, LicenceWithdrawal, OfficerDetails, OfficerRegistration
from app.services.officers import (
    LicenceState,
    OfficerRow,
    change_officer,
    is_withdrawal,
    licence_history,
    newest_licence,
    officer_by_id,
    officer_rows,
    register_officer,
    renew_licence,
    withdraw_licence,
)
from app.web import access
from app.web.access import Action
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, require_own
from app.web.refusals import REFUSALS, require_seen
from app.web.register_words import CAPACITIES, LICENCE_BADGES, LICENCE_STATES
from app.web.runtime import runtime
from app.web.tables import Column, Filter, Kind, Table, table_answer
from app.web.vehicle_credentials import own_organisation

officers = Blueprint("officers", __name__, url_prefix="/desk/officers")

_CAPACITIES = [(capacity.value, name) for capacity, name in CAPACITIES.items()]


@officers.get("")
def index() -> Response | str:
    """An operator's own people, or all."""
    with runtime().reading() as database:
        rows = officer_rows(database, organisation_id=identity().scope)
    return table_answer(_table(rows), "officers/index.html", may_register=_may(Action.CHANGE_OFFICERS))


@officers.route("/new", methods=["GET", "POST"])
def new() -> Response | tuple[str, int] | str:
    """Register a person with the licence."""
    if request.method == "GET":
        return _form_page(blank())
    details, form = read_form(OfficerRegistration, request.form)
    if details is None:
        return _form_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            register_officer(
                database,
                details,
                organisation=own_organisation(database),
                now_ms=runtime().clock(),
                actor=actor(database),
            )
    except REFUSALS as error:
        return _form_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The person is registered."))
    return redirect(url_for("officers.show", officer_id=details.officer_id), HTTPStatus.SEE_OTHER)


@officers.get("/<officer_id>")
def show(officer_id: str) -> str:
    """One person with every licence."""
    return _page(officer_id)


@officers.route("/<officer_id>/edit", methods=["GET", "POST"])
def edit(officer_id: str) -> Response | tuple[str, int] | str:
    """Correct a name or a capacity."""
    with runtime().reading() as database:
        before = _own(database, officer_id)
    if request.method == "GET":
        return _form_page(blank({"name": before.name, "capacity": before.capacity.value}), before)
    details, form = read_form(OfficerDetails, request.form)
    if details is None:
        return _form_page(form, before), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            officer = _own(database, officer_id)
            require_seen(officer.version)
            change_officer(database, officer, details, now_ms=runtime().clock(), actor=actor(database))
    except REFUSALS as error:
        return _form_page(with_error(form, error), before), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Saved."))
    return redirect(url_for("officers.show", officer_id=officer_id), HTTPStatus.SEE_OTHER)


@officers.post("/<officer_id>/licences")
def renew(officer_id: str) -> Response | tuple[str, int]:
    """Record a later licence."""
    renewal, form = read_form(LicenceRenewal, request.form)
    if renewal is None:
        return _page(officer_id, renewal=form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            officer = _own(database, officer_id)
            require_seen(officer.version)
            renew_licence(database, officer, renewal, now_ms=runtime().clock(), actor=actor(database))
    except REFUSALS as error:
        return _page(officer_id, renewal=with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The licence is recorded. It counts from now on."))
    return redirect(url_for("officers.show", officer_id=officer_id), HTTPStatus.SEE_OTHER)


@officers.post("/<officer_id>/withdraw")
def withdraw(officer_id: str) -> Response | tuple[str, int]:
    """End the licence now."""
    withdrawal, form = read_form(LicenceWithdrawal, request.form)
    if withdrawal is None:
        return _page(officer_id, withdrawal=form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            officer = _own(database, officer_id)
            require_seen(officer.version)
            withdraw_licence(database, officer, withdrawal, now_ms=runtime().clock(), actor=actor(database))
    except REFUSALS as error:
        return _page(officer_id, withdrawal=with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The licence is withdrawn. Messages that name this person are findings from now on."))
    return redirect(url_for("officers.show", officer_id=officer_id), HTTPStatus.SEE_OTHER)


def _own(database: Session, officer_id: str) -> Officer:
    officer = officer_by_id(database, officer_id)
    require_own(officer.organisation_id)
    return officer


def _may(action: Action) -> bool:
    return access.may(identity().role, action)


def _form_page(form: Form, officer: Officer | None = None) -> str:
    return render_template("officers/form.html", form=form, officer=officer, capacities=_CAPACITIES)


def _page(officer_id: str, *, renewal: Form | None = None, withdrawal: Form | None = None) -> str:
    with runtime().reading() as database:
        officer = _own(database, officer_id)
        row = OfficerRow(officer, newest_licence(database, officer))
        state = row.state(runtime().clock())
        return render_template(
            "officers/show.html",
            officer=officer,
            operator=organisation_name(officer.organisation),
            capacity=CAPACITIES[officer.capacity],
            licence=row.licence,
            badge=LICENCE_BADGES[state],
            history=licence_history(database, officer),
            is_withdrawal=is_withdrawal,
            renewal=renewal or _renewal(row),
            withdrawal=withdrawal,
            may_edit=_may(Action.CHANGE_OFFICERS),
            may_withdraw=_may(Action.WITHDRAW_LICENCES) and state in {LicenceState.VALID, LicenceState.EXPIRING},
        )


def _renewal(row: OfficerRow) -> Form:
    """What a renewal mostly keeps."""
    if row.licence is None:
        return blank()
    return blank({"licence_class": row.licence.licence_class, "licence_number": row.licence.licence_number})


def _last_moment_ms(row: OfficerRow) -> int | None:
    """A licence ends with a day: the day that is shown is the last on which it is good."""
    return None if row.licence is None else row.licence.expires_at_ms - 1


def _table(rows: Sequence[OfficerRow]) -> Table[OfficerRow]:
    now_ms = runtime().clock()
    columns = [
        Column[OfficerRow](
            "name",
            _("Name"),
            lambda row: row.officer.name or row.officer.officer_id,
            link=lambda row: url_for("officers.show", officer_id=row.officer.officer_id),
            note=lambda row: row.officer.officer_id,
        ),
        Column("capacity", _("Capacity"), lambda row: str(CAPACITIES[row.officer.capacity])),
        Column(
            "licence",
            _("Licence"),
            lambda row: row.licence.licence_class if row.licence else None,
            note=lambda row: row.licence.licence_number if row.licence else "",
        ),
        Column("expires", _("Good until"), _last_moment_ms, kind=Kind.DAY),
        Column("state", _("State"), lambda row: LICENCE_BADGES[row.state(now_ms)], kind=Kind.BADGE),
    ]
    if identity().scope is None:
        columns.insert(1, Column("operator", _("Operator"), lambda row: organisation_name(row.officer.organisation)))
    return Table(
        name="officers",
        caption=_("People who steer"),
        columns=columns,
        rows=rows,
        filters=[
            Filter(
                "capacity",
                _("Capacity"),
                [(value, str(name)) for value, name in _CAPACITIES],
                matches=lambda row, value: row.officer.capacity == Capacity(value),
            ),
            Filter(
                "state",
                _("State"),
                [(state.value, str(name)) for state, name in LICENCE_STATES.items()],
                matches=lambda row, value: row.state(now_ms) == value,
            ),
        ],
        order="expires",
        empty_text=_("Nobody yet"),
    )
