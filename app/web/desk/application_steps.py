"""The form of an application, step by step: each step is saved by itself, so that leaving loses nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import BaseModel
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.errors import NotFound
from app.models import Application, Stage
from app.schemas.applications import (
    ApplicationDraft,
    BasicsStep,
    PeopleStep,
    SafetyStep,
    TermsStep,
    VehiclesStep,
    ZonesStep,
)
from app.services.application_life import EDITABLE
from app.services.applications import MOST_ATTACHMENTS, attach, detach, draft_of, save_draft
from app.services.attachments import MOST_BYTES
from app.services.completeness import gaps
from app.services.permits import newest_revision
from app.services.review import open_comments
from app.services.zone_offers import zone_offers
from app.stages import AIR_STAGES
from app.web.application_texts import STEPS, application_title, gap_text, step_states
from app.web.choices import (
    choices,
    find_officers,
    find_vehicles,
    offer_label,
    officer_labels,
    vehicle_labels,
)
from app.web.desk.application_pages import step_entries
from app.web.desk.application_terms import term_options
from app.web.desk.applications import jurisdiction_options, stage_options, trial_options
from app.web.desk.zone_maps import drawn_map, drawn_offers, map_data
from app.web.forms import Form, blank, members, read_form, with_error, with_rows_closed_up
from app.web.ownership import actor, own_application
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.schedule_text import schedule_text
from telemetry.samples import VehicleKind

application_steps = Blueprint("application_steps", __name__, url_prefix="/desk/applications")

_Page = Response | WerkzeugResponse | tuple[str, int] | str
_SCHEMAS: Mapping[str, type[BaseModel]] = {
    "basics": BasicsStep,
    "vehicles": VehiclesStep,
    "people": PeopleStep,
    "zones": ZonesStep,
    "terms": TermsStep,
    "safety": SafetyStep,
}
_ORDER = tuple(STEPS)
#: What most applications ask for, offered where nothing is stated yet.
_USUAL_MODES = ["autonomous", "manual", "takeover", "minimal_risk"]


@application_steps.get("/<number>/edit/<step>")
def step(number: str, step: str) -> _Page:
    """One step of the form."""
    _require_step(step)
    return _step_page(number, step)


@application_steps.post("/<number>/edit/<step>")
def save(number: str, step: str) -> _Page:
    """Save the step, and go on."""
    _require_step(step)
    return _save(number, step, ())


@application_steps.post("/<number>/edit/safety")
def save_safety(number: str) -> _Page:
    """Save the safety case with the files that came along: all of them, or none."""
    files = [(file.filename or "", file.stream.read(MOST_BYTES + 1)) for file in request.files.getlist("file")]
    return _save(number, "safety", [(name, content) for name, content in files if name or content])


@application_steps.post("/<number>/files/<public_id>/remove")
def remove_file(number: str, public_id: str) -> _Page:
    """Take a file out."""
    try:
        with runtime().changing() as session:
            application = own_application(session, number)
            require_seen(application.version)
            detach(
                session,
                application,
                public_id,
                expected_version=application.version,
                actor=actor(session),
                now_ms=runtime().clock(),
            )
    except REFUSALS as error:
        return _step_page(number, "safety", with_error(blank(), error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The file is removed."))
    return redirect(url_for("application_steps.step", number=number, step="safety"), HTTPStatus.SEE_OTHER)


def _require_step(step: str) -> None:
    if step not in _SCHEMAS:
        raise NotFound("There is no such step.")


def _save(number: str, step: str, files: Sequence[tuple[str, bytes]]) -> _Page:
    made, form = read_form(_SCHEMAS[step], with_rows_closed_up(request.form, "hours"))
    if made is None:
        return _step_page(number, step, form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            application = own_application(session, number)
            require_seen(application.version)
            draft = draft_of(application).model_dump() | made.model_dump()
            now_ms = runtime().clock()
            save_draft(
                session,
                application,
                ApplicationDraft.model_validate(draft),
                expected_version=application.version,
                actor=actor(session),
                now_ms=now_ms,
            )
            _attach_all(session, application, files, now_ms)
    except REFUSALS as error:
        return _step_page(number, step, with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    return redirect(_next_url(number, step), HTTPStatus.SEE_OTHER)


def _attach_all(session: Session, application: Application, files: Sequence[tuple[str, bytes]], now_ms: int) -> None:
    for file_name, content in files:
        attach(
            session,
            application,
            file_name=file_name,
            content=content,
            expected_version=application.version,
            actor=actor(session),
            now_ms=now_ms,
        )


def _next_url(number: str, step: str) -> str:
    """The step after this one, the summary after the last; this one again where the person wants to stay."""
    if request.form.get("go") == "stay":
        flash(_("Saved."))
        return url_for("application_steps.step", number=number, step=step)
    later = _ORDER[_ORDER.index(step) + 1 :]
    if not later:
        return url_for("applications.show", number=number)
    return url_for("application_steps.step", number=number, step=later[0])


def _step_page(number: str, step: str, form: Form | None = None) -> str:
    with runtime().reading() as session:
        application = own_application(session, number)
        if application.state not in EDITABLE:
            abort(redirect(url_for("applications.show", number=number), HTTPStatus.SEE_OTHER))
        draft, now_ms = draft_of(application), runtime().clock()
        found = gaps(session, application, draft, now_ms)
        comments = open_comments(session, application)
        return render_template(
            f"applications/step_{step}.html",
            application=application,
            title=application_title(application),
            form=form or blank(stated(draft)),
            step=step,
            name=STEPS[step],
            steps=step_entries(step_states(found, step)),
            gaps=[gap_text(gap) for gap in found if gap.step == step],
            comments=comments,
            before=_ORDER[_ORDER.index(step) - 1] if step != _ORDER[0] else "",
            **_CONTEXTS[step](session, application, draft),
        )


def stated(draft: ApplicationDraft) -> dict[str, Any]:
    """The draft by the names of the form's fields."""
    plain = draft.model_dump(mode="json")
    conditions = plain.pop("conditions")
    rows = plain.pop("hours")
    values = plain | {f"conditions.{name}": _shown(value) for name, value in conditions.items()}
    if not conditions["modes"]:
        values["conditions.modes"] = _USUAL_MODES
    return values | {f"hours.{place}.{name}": value for place, row in enumerate(rows) for name, value in row.items()}


def _shown(value: Any) -> Any:
    """A number without the zeros that nobody typed."""
    return f"{value:g}" if isinstance(value, float) else value


def _basics(session: Session, application: Application, _draft: ApplicationDraft) -> dict[str, Any]:
    return {
        "jurisdictions": jurisdiction_options(session),
        "trials": trial_options(session),
        "stages": stage_options(),
        "settled": application.permit is not None or bool(application.revisions),
    }


def _vehicles(session: Session, application: Application, draft: ApplicationDraft) -> dict[str, Any]:
    kind, own = _kind(draft.stage), application.holder_id
    return {
        "choices": choices(
            lambda most: find_vehicles(session, "", most, organisation_id=own, kind=kind),
            _typed("vehicles", draft.vehicles),
            lambda ids: vehicle_labels(session, ids, organisation_id=own),
            url_for("choices.vehicles", kind=kind),
        )
    }


def _people(session: Session, application: Application, draft: ApplicationDraft) -> dict[str, Any]:
    stage, own = draft.stage, application.holder_id
    return {
        "choices": choices(
            lambda most: find_officers(session, "", most, organisation_id=own, stage=stage),
            _typed("officers", draft.officers),
            lambda ids: officer_labels(session, ids, organisation_id=own),
            url_for("choices.officers", stage=stage),
        )
    }


def _zones(session: Session, application: Application, draft: ApplicationDraft) -> dict[str, Any]:
    place, stage = application.jurisdiction, draft.stage
    offers = zone_offers(session, place, stage, runtime().clock())
    labels = {offer.zone_id: offer_label(offer) for offer in offers}
    return {
        "choices": choices(
            lambda most: list(labels.items())[:most],
            [zone_id for zone_id in _typed("zones", draft.zones) if zone_id in labels],
            lambda ids: {zone_id: labels[zone_id] for zone_id in ids},
            url_for("choices.zones", jurisdiction=place.code, stage=stage),
        ),
        "lost": sorted(set(draft.zones) - set(labels)),
        "map": drawn_map(),
        "data": map_data(offers=drawn_offers([offer.row for offer in offers])),
    }


def _typed(name: str, saved: list[str]) -> list[str]:
    """What was sent and not taken, or else what is saved."""
    return members(request.form.getlist(name)) if name in request.form else saved


def _terms(session: Session, application: Application, draft: ApplicationDraft) -> dict[str, Any]:
    hours_now = ""
    if draft.lacks_hours and application.permit is not None:
        hours_now = schedule_text(newest_revision(session, application.permit).terms["hours"])
    return {**term_options(len(draft.hours)), "hours_now": hours_now}


def _safety(_session: Session, _application: Application, _draft: ApplicationDraft) -> dict[str, Any]:
    return {"most_files": MOST_ATTACHMENTS, "most_mib": MOST_BYTES // 2**20}


def _kind(stage: Stage | None) -> VehicleKind | None:
    if stage is None:
        return None
    return VehicleKind.AIR if stage in AIR_STAGES else VehicleKind.ROAD


_CONTEXTS = {
    "basics": _basics,
    "vehicles": _vehicles,
    "people": _people,
    "zones": _zones,
    "terms": _terms,
    "safety": _safety,
}
