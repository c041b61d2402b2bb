"""Organisations at the desk: operators describe themselves, administrators register them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.models import Organisation
from app.schemas.organisations import OrganisationDetails, OrganisationRegistration
from app.services.organisations import (
    OrganisationRow,
    change_organisation,
    organisation_by_code,
    organisation_rows,
    register_organisation,
)
from app.web import access
from app.web.access import Action
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, require_own
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.tables import Column, Kind, Table, table_answer

organisations = Blueprint("organisations", __name__, url_prefix="/desk/organisations")


@organisations.get("")
def index() -> Response | str:
    """Every organisation; an operator sees its own only."""
    with runtime().reading() as database:
        rows = organisation_rows(database, organisation_id=identity().scope)
    return table_answer(_table(rows), "organisations/index.html", may_register=_may(Action.REGISTER_ORGANISATIONS))


@organisations.route("/new", methods=["GET", "POST"])
def new() -> Response | tuple[str, int] | str:
    """Register an organisation."""
    if request.method == "GET":
        return _form_page(blank())
    details, form = read_form(OrganisationRegistration, request.form)
    if details is None:
        return _form_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            register_organisation(
                database,
                now_ms=runtime().clock(),
                actor=actor(database),
                **details.model_dump(),
            )
    except REFUSALS as error:
        return _form_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The organisation is registered."))
    return redirect(url_for("organisations.show", code=details.code), HTTPStatus.SEE_OTHER)


@organisations.get("/<code>")
def show(code: str) -> str:
    """One organisation."""
    with runtime().reading() as database:
        organisation = _own(database, code)
        (row,) = organisation_rows(database, organisation_id=organisation.id)
    return render_template(
        "organisations/show.html",
        organisation=organisation,
        name=organisation_name(organisation),
        vehicles=row.vehicles,
        may_edit=_may(Action.CHANGE_ORGANISATIONS),
    )


@organisations.route("/<code>/edit", methods=["GET", "POST"])
def edit(code: str) -> Response | tuple[str, int] | str:
    """Change what an organisation states of itself."""
    with runtime().reading() as database:
        before = _own(database, code)
    if request.method == "GET":
        return _form_page(blank({name: getattr(before, name) for name in OrganisationDetails.model_fields}), before)
    details, form = read_form(OrganisationDetails, request.form)
    if details is None:
        return _form_page(form, before), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            organisation = _own(database, code)
            require_seen(organisation.version)
            change_organisation(database, organisation, details, now_ms=runtime().clock(), actor=actor(database))
    except REFUSALS as error:
        return _form_page(with_error(form, error), before), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Saved."))
    return redirect(url_for("organisations.show", code=code), HTTPStatus.SEE_OTHER)


def _own(database: Session, code: str) -> Organisation:
    organisation = organisation_by_code(database, code)
    require_own(organisation.id)
    return organisation


def _may(action: Action) -> bool:
    return access.may(identity().role, action)


def _form_page(form: Form, organisation: Organisation | None = None) -> str:
    return render_template("organisations/form.html", form=form, organisation=organisation)


def _table(rows: Sequence[OrganisationRow]) -> Table[OrganisationRow]:
    return Table(
        name="organisations",
        caption=_("Organisations"),
        columns=[
            Column[OrganisationRow](
                "name",
                _("Organisation"),
                lambda row: organisation_name(row.organisation),
                link=lambda row: url_for("organisations.show", code=row.organisation.code),
                note=lambda row: row.organisation.code,
            ),
            Column("credit_code", _("Social credit code"), lambda row: row.organisation.credit_code, kind=Kind.CODE),
            Column(
                "contact",
                _("Contact"),
                lambda row: row.organisation.contact_name,
                note=lambda row: row.organisation.contact_phone,
            ),
            Column("emergency", _("Emergency phone"), lambda row: row.organisation.emergency_phone),
            Column("vehicles", _("Vehicles"), lambda row: row.vehicles, kind=Kind.NUMBER),
        ],
        rows=rows,
        order="name",
        empty_text=_("No organisations yet"),
    )
