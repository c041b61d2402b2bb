"""Trials (试点项目) at the desk."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.models import Trial
from app.schemas.trials import TrialDetails, TrialRegistration
from app.services.trials import TrialState, change_trial, register_trial, trial_by_id, trial_state, trials_of
from app.services.zones import zone_titles
from app.web import access
from app.web.access import Action
from app.web.choices import choices, find_vehicles, find_zones, title_label, vehicle_labels
from app.web.forms import Form, blank, members, read_form, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, require_own
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.stage_text import domain_names, stage_names
from app.web.states import state_label
from app.web.tables import Column, Filter, Kind, Table, table_answer
from app.web.times import day
from app.web.vehicle_credentials import own_organisation

trials = Blueprint("trials", __name__, url_prefix="/desk/trials")


@trials.get("")
def index() -> Response | str:
    """An operator's own trials, or all."""
    with runtime().reading() as database:
        rows = trials_of(database, organisation_id=identity().scope)
    return table_answer(_table(rows), "trials/index.html", may_register=_may(Action.CHANGE_TRIALS))


@trials.route("/new", methods=["GET", "POST"])
def new() -> Response | tuple[str, int] | str:
    """Register a trial."""
    if request.method == "GET":
        return _form_page(blank())
    details, form = read_form(TrialRegistration, request.form)
    if details is None:
        return _form_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            register_trial(
                database,
                details,
                organisation=own_organisation(database),
                now_ms=runtime().clock(),
                actor=actor(database),
            )
    except REFUSALS as error:
        return _form_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The trial is registered."))
    return redirect(url_for("trials.show", trial_id=details.trial_id), HTTPStatus.SEE_OTHER)


@trials.get("/<trial_id>")
def show(trial_id: str) -> str:
    """One trial."""
    with runtime().reading() as database:
        trial = _own(database, trial_id)
        names = _zone_labels(database, {zone.zone_id for zone in trial.zones})
        return render_template(
            "trials/show.html",
            trial=trial,
            name=_name(trial),
            operator=organisation_name(trial.organisation),
            state=trial_state(trial, runtime().clock()).value,
            domain=domain_names()[trial.domain],
            stage=stage_names()[trial.stage],
            last_ms=trial.ends_at_ms - 1,
            vehicles=sorted(trial.vehicles, key=lambda vehicle: vehicle.vehicle_id),
            zones=[(zone.zone_id, names.get(zone.zone_id, zone.zone_id)) for zone in trial.zones],
            may_edit=_may(Action.CHANGE_TRIALS),
        )


@trials.route("/<trial_id>/edit", methods=["GET", "POST"])
def edit(trial_id: str) -> Response | tuple[str, int] | str:
    """Change the description of a trial."""
    with runtime().reading() as database:
        before = _own(database, trial_id)
        stated = _stated(before)
    if request.method == "GET":
        return _form_page(blank(stated), before)
    details, form = read_form(TrialDetails, request.form)
    if details is None:
        return _form_page(form, before), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            trial = _own(database, trial_id)
            require_seen(trial.version)
            change_trial(database, trial, details, now_ms=runtime().clock(), actor=actor(database))
    except REFUSALS as error:
        return _form_page(with_error(form, error), before), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Saved."))
    return redirect(url_for("trials.show", trial_id=trial_id), HTTPStatus.SEE_OTHER)


def _zone_labels(database: Session, ids: Collection[str]) -> dict[str, str]:
    """These of the zones in force, each in one line."""
    return {
        title.zone_id: title_label(title) for title in zone_titles(database, runtime().clock()) if title.zone_id in ids
    }


def _own(database: Session, trial_id: str) -> Trial:
    trial = trial_by_id(database, trial_id)
    require_own(trial.organisation_id)
    return trial


def _may(action: Action) -> bool:
    return access.may(identity().role, action)


def _name(trial: Trial) -> str:
    return trial.name_zh if language() == "zh" else trial.name_en


def _stated(trial: Trial) -> dict[str, Any]:
    columns = ("name_zh", "name_en", "domain", "stage", "goal")
    return {name: getattr(trial, name) for name in columns} | {
        "starts_on": day(trial.starts_at_ms),
        "ends_on": day(trial.ends_at_ms - 1),
        "vehicles": [vehicle.vehicle_id for vehicle in trial.vehicles],
        "zones": [zone.zone_id for zone in trial.zones],
    }


def _form_page(form: Form, trial: Trial | None = None) -> str:
    own = identity().scope
    with runtime().reading() as database:
        vehicles = choices(
            lambda most: find_vehicles(database, "", most, organisation_id=own),
            members(form.values.get("vehicles")),
            lambda ids: vehicle_labels(database, ids, organisation_id=own),
            url_for("choices.vehicles"),
        )
        # A zone that has ended since it was chosen stays on offer, so that saving does not lose it.
        zones = choices(
            lambda most: find_zones(database, "", most),
            members(form.values.get("zones")),
            lambda ids: _zone_labels(database, ids),
            url_for("choices.zones"),
        )
    return render_template(
        "trials/form.html",
        form=form,
        trial=trial,
        domains=list(domain_names().items()),
        stages=list(stage_names().items()),
        vehicles=vehicles,
        zones=zones,
    )


def _table(rows: Sequence[Trial]) -> Table[Trial]:
    now_ms = runtime().clock()
    domains, stages = domain_names(), stage_names()
    columns = [
        Column[Trial](
            "name",
            _("Trial"),
            _name,
            link=lambda trial: url_for("trials.show", trial_id=trial.trial_id),
            note=lambda trial: trial.trial_id,
        ),
        Column("domain", _("Domain"), lambda trial: domains[trial.domain]),
        Column("stage", _("Stage"), lambda trial: stages[trial.stage]),
        Column("starts", _("First day"), lambda trial: trial.starts_at_ms, kind=Kind.DAY),
        Column("ends", _("Last day"), lambda trial: trial.ends_at_ms - 1, kind=Kind.DAY),
        Column("vehicles", _("Vehicles"), lambda trial: len(trial.vehicles), kind=Kind.NUMBER),
        Column("state", _("State"), lambda trial: trial_state(trial, now_ms).value, kind=Kind.BADGE),
    ]
    if identity().scope is None:
        columns.insert(1, Column("operator", _("Operator"), lambda trial: organisation_name(trial.organisation)))
    return Table(
        name="trials",
        caption=_("Trials"),
        columns=columns,
        rows=rows,
        filters=[
            Filter(
                "domain",
                _("Domain"),
                [(domain.value, name) for domain, name in domains.items()],
                matches=lambda trial, value: trial.domain == value,
            ),
            Filter("state", _("State"), [(state.value, state_label(state.value)) for state in TrialState]),
        ],
        order="-starts",
        empty_text=_("No trials yet"),
    )
