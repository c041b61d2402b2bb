"""What if, at the desk: a past period, a draft that is never published, and what would have been different."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.documents.wording import MODES, OFFICERS
from app.errors import NotFound, Overloaded
from app.models import Officer, PermitRevisionRow, ZoneRevisionRow
from app.schemas.what_if import PermitQuestion, WhatIf, WhatIfOut, WhatIfStart, ZoneQuestion
from app.services.conditions import Conditions
from app.services.permit_register import standing_permits
from app.services.what_if import question_of
from app.services.zones import newest_zone_revision, zone_by_id, zone_titles, zones_in_force
from app.stages import ladder_of
from app.units import kmh_of
from app.web.choices import choices, find_vehicles, find_zones, title_label, vehicle_labels
from app.web.desk.permit_page import own_permit
from app.web.desk.zone_drawing import drawing_options, drawing_words, outline_of
from app.web.desk.zone_forms import read_zone_form, shown, values_of
from app.web.desk.zone_maps import drawn_map, map_data
from app.web.findings_text import FINDING_TEXTS
from app.web.forms import Form, blank, members, read_form, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.permit_texts import stage_label, zone_names
from app.web.refusals import REFUSALS
from app.web.runtime import runtime
from app.web.schedule_text import day_names
from app.web.what_if import answered

what_if = Blueprint("what_if", __name__, url_prefix="/replay/what-if")

_USUAL_MS = 3_600_000
_REFUSALS = (*REFUSALS, Overloaded)


@what_if.get("")
def index() -> str:
    """What to ask about: a zone that is there, a new one, or a permit."""
    with runtime().reading() as session:
        titles = zone_titles(session, runtime().clock())
        permits = standing_permits(session, now_ms=runtime().clock(), organisation_id=identity().scope)
        return render_template(
            "replay/what_if.html",
            form=blank(_period()),
            zones=[(title.zone_id, title_label(title)) for title in titles],
            permits=[(each.permit.number, f"{each.permit.number} · {_holder(each.newest)}") for each in permits],
        )


@what_if.get("/zone")
def zone() -> str:
    """The form of a draft zone, filled in with the zone as it was at the beginning of the period."""
    period, zone_id = _period(), request.args.get("zone_id", "")
    values: dict[str, Any] = {"kind": "restricted", "band.unit": "m", "zone_id": "draft"}
    if zone_id:
        with runtime().reading() as session:
            values = {**values_of(_revision_then(session, zone_id, period["since_ms"])), "zone_id": zone_id}
    return _zone_page(blank(values | period), None)


@what_if.post("/zone")
def ask_zone() -> Response:
    """Judge the period against the draft zone."""
    made, form = read_zone_form(ZoneQuestion, request.form)
    if made is None:
        return make_response(_zone_page(form, None), HTTPStatus.UNPROCESSABLE_ENTITY)
    return _answer(made.asked(), form, lambda told, found: _zone_page(shown(told), found))


@what_if.post("/zone/check")
def check() -> Response:
    """What is wrong with the form as it is now; nothing is judged yet."""
    made, form = read_zone_form(ZoneQuestion, request.form)
    if made is not None:
        try:
            with runtime().reading() as session:
                question_of(session, made.asked(), organisation_id=identity().scope)
        except REFUSALS as error:
            form = shown(with_error(form, error))
    return jsonify(outline=outline_of(request.form), effects=None, problems=dict(form.problems), general=form.general)


@what_if.get("/permit/<number>")
def permit(number: str) -> str:
    """The form of other terms, filled in with the newest ones."""
    with runtime().reading() as session:
        terms = _terms(own_permit(session, number).newest)
    return _permit_page(number, blank(terms | _period()), None)


@what_if.post("/permit/<number>")
def ask_permit(number: str) -> Response:
    """Judge the period against the other terms."""
    made, form = read_form(PermitQuestion, request.form)
    if made is None:
        return make_response(_permit_page(number, form, None), HTTPStatus.UNPROCESSABLE_ENTITY)
    return _answer(made.asked(number), form, lambda told, found: _permit_page(number, told, found))


def _answer(asked: WhatIf, form: Form, page: Callable[[Form, WhatIfOut | None], str]) -> Response:
    try:
        found = answered(asked)
    except _REFUSALS as error:
        status = HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, Overloaded) else HTTPStatus.UNPROCESSABLE_ENTITY
        return make_response(page(with_error(form, error), None), status)
    return make_response(page(form, found))


def _period() -> dict[str, int]:
    """The period of the link, or the last hour."""
    view, _form = read_form(WhatIfStart, request.args)
    now_ms = runtime().clock()
    since_ms = view.since_ms if view is not None else None
    until_ms = view.until_ms if view is not None else None
    return {
        "since_ms": now_ms - _USUAL_MS if since_ms is None else since_ms,
        "until_ms": now_ms if until_ms is None else until_ms,
    }


def _revision_then(session: Session, zone_id: str, at_ms: int) -> ZoneRevisionRow:
    """The zone as it was, or where it was not in force: as it is by now. Raises NotFound."""
    then = [row for row in zones_in_force(session, at_ms) if row.zone.zone_id == zone_id]
    return then[0] if then else newest_zone_revision(session, zone_by_id(session, zone_id))


def _zone_page(form: Form, found: WhatIfOut | None) -> str:
    vehicles = members(form.values.get("vehicles"))
    with runtime().reading() as session:
        scope = identity().scope
        offered = choices(
            lambda limit: find_vehicles(session, "", limit, organisation_id=scope),
            vehicles,
            lambda ids: vehicle_labels(session, ids, organisation_id=scope),
            url_for("choices.vehicles"),
        )
        is_known = _is_zone(session, str(form.values.get("zone_id", "")))
    return render_template(
        "replay/what_if_zone.html",
        form=Form({**form.values, "vehicles": vehicles}, form.problems, form.general),
        found=found,
        vehicles=offered,
        is_known=is_known,
        findings=_finding_names(),
        map=drawn_map(),
        data=map_data(
            zone_id=form.values.get("zone_id", ""),
            check=url_for(".check"),
            circle=url_for("zone_editor.round_shape"),
            words=drawing_words() | {"ready": _("This can be asked."), "problems": _("This cannot be asked yet.")},
        ),
        **drawing_options(),
    )


def _is_zone(session: Session, zone_id: str) -> bool:
    try:
        zone_by_id(session, zone_id)
    except NotFound:
        return False
    return True


def _permit_page(number: str, form: Form, found: WhatIfOut | None) -> str:
    with runtime().reading() as session:
        standing = own_permit(session, number)
        newest = standing.newest
        names = zone_names(zones_in_force(session, runtime().clock()))
        chosen = members(form.values.get("zones"))
        zones = choices(
            lambda limit: find_zones(session, "", limit),
            [*chosen, *(each.zone_id for each in newest.zones)],
            lambda ids: {zone_id: f"{zone_id} {names.get(zone_id, '')}" for zone_id in ids},
            url_for("choices.zones"),
        )
        return render_template(
            "replay/what_if_permit.html",
            permit=standing.permit,
            form=form,
            found=found,
            findings=_finding_names(),
            officers=_officers(session, newest),
            vehicles=sorted((each.vehicle_id, f"{each.vehicle_id} {each.plate or ''}") for each in newest.vehicles),
            zones=zones,
            modes=[(mode.name.lower(), words.said(language())) for mode, words in MODES.items()],
            stages=[(stage.value, stage_label(stage)) for stage in ladder_of(standing.permit.stage)],
            places=[(place.name.lower(), words.said(language())) for place, words in OFFICERS.items()],
            days=list(day_names().items()),
        )


def _officers(session: Session, newest: PermitRevisionRow) -> list[tuple[str, str]]:
    own = select(Officer).where(Officer.organisation_id == newest.permit.holder_id).order_by(Officer.officer_id)
    return [(each.officer_id, f"{each.officer_id} {each.name}") for each in session.scalars(own)]


def _terms(newest: PermitRevisionRow) -> dict[str, Any]:
    """The terms in the fields of the form; hours are left empty, as windows of other forms do not fit into one."""
    conditions = Conditions.from_dict(newest.terms)
    cap = conditions.speed_cap_mps
    return {
        "vehicles": [vehicle.vehicle_id for vehicle in newest.vehicles],
        "zones": [each.zone_id for each in newest.zones],
        "officers": [officer.officer_id for officer in newest.officers],
        "modes": [mode.name.lower() for mode in conditions.modes],
        "safety_officers": [place.name.lower() for place in conditions.safety_officers],
        "speed_cap_kmh": "" if cap is None else f"{round(kmh_of(cap), 2):g}",
        "vehicles_per_remote_officer": conditions.vehicles_per_remote_officer or "",
        "passengers_allowed": "1" if conditions.passengers_allowed else "0",
        "minimum_accuracy_m": conditions.minimum_accuracy_m or "",
    }


def _holder(newest: PermitRevisionRow) -> str:
    holder = newest.permit.holder
    return holder.name_zh if language() == "zh" else holder.name_en


def _finding_names() -> dict[str, str]:
    return {finding.code: text.wording(language()).name for finding, text in FINDING_TEXTS.items()}
