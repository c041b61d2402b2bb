"""Jurisdictions at the desk: who decides where, and what the entry gates of each stage demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.errors import AlreadyRegistered, AppError, Conflict, InvalidChange
from app.models import Jurisdiction, Organisation, Stage
from app.schemas.jurisdictions import JurisdictionDetails, NewJurisdiction, ReportingDeadlines, Thresholds
from app.services.jurisdictions import (
    change_jurisdiction,
    jurisdiction_by_code,
    register_jurisdiction,
)
from app.services.jurisdictions import (
    jurisdictions as all_jurisdictions,
)
from app.web import access
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.ownership import actor
from app.web.permit_texts import stage_label
from app.web.runtime import runtime
from app.web.tables import Column, Kind, Table, table_answer

jurisdictions = Blueprint("jurisdictions", __name__, url_prefix="/desk/jurisdictions")


@jurisdictions.get("")
def index() -> Response | str:
    """All of them."""
    with runtime().reading() as session:
        return table_answer(_table(all_jurisdictions(session)), "jurisdictions/index.html", may_change=_may_change())


@jurisdictions.get("/new")
def new() -> str:
    """A new jurisdiction, with the documented thresholds filled in."""
    return _page(blank({**_threshold_values(Thresholds()), **_deadline_values(ReportingDeadlines())}), code=None)


@jurisdictions.post("/new")
def create() -> Response | tuple[str, int]:
    """Create it."""
    made, form = read_form(NewJurisdiction, request.form)
    if made is None:
        return _page(form, code=None), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            register_jurisdiction(session, made, now_ms=runtime().clock(), actor=actor(session))
    except AlreadyRegistered as error:
        taken = InvalidChange(str(error), code=error.code, field="code")
        return _page(with_error(form, taken), code=None), HTTPStatus.UNPROCESSABLE_ENTITY
    except AppError as error:
        return _page(with_error(form, error), code=None), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The jurisdiction is created."))
    return redirect(url_for("jurisdictions.show", code=made.code), code=HTTPStatus.SEE_OTHER)


@jurisdictions.get("/of/<code>")
def show(code: str) -> str:
    """One jurisdiction with its thresholds."""
    with runtime().reading() as session:
        row = jurisdiction_by_code(session, code)
        thresholds = Thresholds.model_validate(row.thresholds)
        deadlines = ReportingDeadlines.model_validate(row.deadlines)
    return render_template(
        "jurisdictions/show.html",
        row=row,
        name=_name(row),
        authority=_organisation_name(row.authority) if row.authority else "",
        stages=[(stage_label(stage), getattr(thresholds, stage.value)) for stage in Stage],
        deadlines=deadlines,
        may_change=_may_change(),
    )


@jurisdictions.get("/of/<code>/edit")
def edit(code: str) -> str:
    """Change it."""
    with runtime().reading() as session:
        row = jurisdiction_by_code(session, code)
    values = {
        "name_zh": row.name_zh,
        "name_en": row.name_en,
        "number_prefix": row.number_prefix,
        "authority": row.authority.code if row.authority else "",
        "version": row.version,
        **_threshold_values(Thresholds.model_validate(row.thresholds)),
        **_deadline_values(ReportingDeadlines.model_validate(row.deadlines)),
    }
    return _page(blank(values), code=code)


@jurisdictions.post("/of/<code>/edit")
def change(code: str) -> Response | tuple[str, int]:
    """Store the change, unless somebody else has changed it since the form was opened."""
    made, form = read_form(JurisdictionDetails, request.form)
    if made is None:
        return _page(form, code=code), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            row = jurisdiction_by_code(session, code)
            _require_version(row)
            change_jurisdiction(session, row, made, now_ms=runtime().clock(), actor=actor(session))
    except Conflict as error:
        return _page(_overtaken(code, with_error(form, error)), code=code), HTTPStatus.CONFLICT
    except AppError as error:
        return _page(with_error(form, error), code=code), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Saved."))
    return redirect(url_for("jurisdictions.show", code=code), code=HTTPStatus.SEE_OTHER)


def _require_version(row: Jurisdiction) -> None:
    if request.form.get("version", 0, type=int) != row.version:
        raise Conflict(f"jurisdiction {row.code} was changed meanwhile")


def _overtaken(code: str, form: Form) -> Form:
    """What was typed, over the newest version: sending it again replaces that one knowingly."""
    with runtime().reading() as session:
        version = jurisdiction_by_code(session, code).version
    return Form({**form.values, "version": version}, form.problems, form.general)


def _page(form: Form, *, code: str | None) -> str:
    with runtime().reading() as session:
        authorities = _authorities(session)
    return render_template(
        "jurisdictions/form.html",
        form=form,
        code=code,
        authorities=authorities,
        stages=[(stage.value, stage_label(stage)) for stage in Stage],
    )


def _authorities(session: Session) -> list[tuple[str, str]]:
    rows = session.scalars(select(Organisation).order_by(Organisation.code))
    return [(row.code, f"{row.code} · {_organisation_name(row)}") for row in rows]


def _threshold_values(thresholds: Thresholds) -> Mapping[str, Any]:
    """By the names of the form's fields; numbers as people write them."""
    return {
        f"thresholds.{stage}.{name}": f"{value:g}" if isinstance(value, float) else value
        for stage, demanded in thresholds.model_dump(mode="json").items()
        for name, value in demanded.items()
    }


def _deadline_values(deadlines: ReportingDeadlines) -> Mapping[str, Any]:
    """The same of the deadlines."""
    return {f"deadlines.{name}": f"{value:g}" for name, value in deadlines.model_dump().items()}


def _may_change() -> bool:
    return access.may(identity().role, access.Action.CHANGE_JURISDICTIONS)


def _name(row: Jurisdiction) -> str:
    return row.name_zh if language() == "zh" else row.name_en


def _organisation_name(row: Organisation) -> str:
    return row.name_zh if language() == "zh" else row.name_en


def _table(rows: Sequence[Jurisdiction]) -> Table[Jurisdiction]:
    return Table(
        name="jurisdictions",
        caption=_("Jurisdictions"),
        columns=[
            Column(
                "name",
                _("Jurisdiction"),
                _name,
                link=lambda row: url_for("jurisdictions.show", code=row.code),
                note=lambda row: row.code,
            ),
            Column("prefix", _("Permit numbers begin with"), lambda row: row.number_prefix, kind=Kind.CODE),
            Column(
                "authority",
                _("Authority"),
                lambda row: _organisation_name(row.authority) if row.authority else None,
            ),
        ],
        rows=rows,
        order="name",
        empty_text=_("No jurisdictions yet"),
    )
