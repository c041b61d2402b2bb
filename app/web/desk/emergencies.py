"""Emergencies at the desk: declaring one, its live board, its end and its report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import Concern, Emergency, Jurisdiction
from app.schemas.base import Schema
from app.schemas.emergencies import (
    LARGEST_RADIUS_M,
    SMALLEST_RADIUS_M,
    USUAL_MIN,
    ClosedArea,
    Declaration,
    EmergencyEnd,
    Prolongation,
)
from app.services.emergencies import declare, emergencies_of, end, order_again, prolong
from app.services.emergency_board import Board, BoardRow
from app.services.emergency_watch import place_revision
from app.services.emergency_watch import would_be_told as told_if_closed
from app.services.jurisdictions import jurisdictions
from app.web import access
from app.web.access import Action
from app.web.desk.application_pages import name_of
from app.web.desk.zone_maps import drawn_map, drawn_revision, map_data
from app.web.drawn_places import CIRCLE, USUAL_RADIUS_M, as_typed, drawing_words, without_blank_circle
from app.web.emergency_access import own_board, own_emergency, require_declarer, senses, shared_board
from app.web.emergency_answers import emergency_out, totals_out, vehicle_out
from app.web.emergency_words import CONCERNS, board_words
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, require_decider, signature
from app.web.page_text import datum_names
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.tables import Column, DatabaseRows, Filter, Kind, Table, table_answer
from geofences.zones import Datum

emergencies = Blueprint("emergencies", __name__, url_prefix="/desk/emergencies")

_Page = Response | WerkzeugResponse | tuple[str, int] | str
_Said = TypeVar("_Said", bound=Schema)
#: Of those who would be told so many are named; all are counted.
_MOST_SHOWN = 40


@emergencies.get("")
def index() -> Response | str:
    """Every emergency; an operator's: those of which its vehicles were told."""
    with runtime().reading() as session:
        return table_answer(_table(session), "emergencies/index.html", may_declare=_may_declare())


@emergencies.get("/new")
def new() -> str:
    """Declare one, perhaps around a place that another page names."""
    own = _own_jurisdictions()
    given = {name: request.args.get(name.removeprefix("circle."), "") for name in CIRCLE}
    values = {
        "jurisdiction": own[0].code if own else "",
        "duration_min": USUAL_MIN,
        **given,
        "circle.radius_m": given["circle.radius_m"] or USUAL_RADIUS_M,
    }
    return _form_page(blank(values))


@emergencies.post("/new")
def create() -> _Page:
    """Close the place from this instant on."""
    declaration, form = read_form(Declaration, without_blank_circle(request.form))
    if declaration is None:
        return _form_page(as_typed(form, request.form)), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            require_declarer(session, declaration.jurisdiction)
            made = declare(session, declaration, senses=senses(), actor=actor(session), now_ms=runtime().clock())
            number = made.number
    except REFUSALS as error:
        return _form_page(as_typed(with_error(form, error), request.form)), HTTPStatus.UNPROCESSABLE_ENTITY
    return redirect(url_for("emergencies.show", number=number), HTTPStatus.SEE_OTHER)


@emergencies.get("/<number>")
def show(number: str) -> str:
    """The board."""
    return _page(number)


@emergencies.get("/<number>/board")
def board(number: str) -> Response:
    """What the board shows now: asked for every second by each page that shows it."""
    found = shared_board(number)
    key = (number, identity().scope, language())
    shown = runtime().shown_boards.get(key, runtime().clock(), lambda: json.dumps(_shown(found)).encode())
    return Response(shown, mimetype="application/json")


@emergencies.post("/told")
def would_be_told() -> Response:
    """Who would be told if what the form shows were closed now; nobody, for what is no place yet."""
    area, form = read_form(ClosedArea, without_blank_circle(_only_area(request.form)))
    if area is None:
        return jsonify(told=None)
    try:
        with runtime().reading() as session:
            found = told_if_closed(session, area.area, area.band, senses(), runtime().clock())
            rows = [{"id": each.vehicle_id, "concern": concern.value} for each, concern in found.items()]
    except REFUSALS as error:
        return jsonify(told=None, problem=" ".join(with_error(form, error).problems.values()))
    counts = Counter(row["concern"] for row in rows)
    return jsonify(told=len(rows), counts=counts, rows=sorted(rows, key=_by_concern)[:_MOST_SHOWN])


@emergencies.post("/<number>/prolong")
def prolong_now(number: str) -> _Page:
    """It ends later than was planned."""
    return _act(number, "prolong", Prolongation, prolong, _("The emergency lasts longer. Its vehicles are told."))


@emergencies.post("/<number>/end")
def end_now(number: str) -> _Page:
    """It is over."""
    return _act(
        number,
        "end",
        EmergencyEnd,
        lambda session, emergency, said, **by: end(session, emergency, reason=said.reason, **by),
        _("The emergency is over. All of its vehicles are released."),
    )


@emergencies.post("/<number>/vehicles/<vehicle_id>/order")
def order(number: str, vehicle_id: str) -> _Page:
    """Tell one of its vehicles once more."""
    try:
        with runtime().changing() as session:
            emergency = own_emergency(session, number)
            require_decider(emergency.jurisdiction)
            order_again(session, emergency, vehicle_id, actor=actor(session), now_ms=runtime().clock())
    except REFUSALS as error:
        return _page(number, with_error(blank(), error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("%(vehicle)s was told once more.", vehicle=vehicle_id))
    return redirect(url_for("emergencies.show", number=number), HTTPStatus.SEE_OTHER)


def _act(number: str, step: str, schema: type[_Said], act: Callable[..., None], done: str) -> _Page:
    """Let `act(session, emergency, said, **signature)` do what the form of the step says."""
    said, form = read_form(schema, request.form)
    if said is None:
        return _page(number, form, step), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            emergency = own_emergency(session, number)
            require_decider(emergency.jurisdiction)
            require_seen(emergency.version)
            act(session, emergency, said, **signature(session, emergency.version))
    except REFUSALS as error:
        return _page(number, with_error(form, error), step), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(done)
    return redirect(url_for("emergencies.show", number=number), HTTPStatus.SEE_OTHER)


def _may_declare() -> bool:
    return access.may(identity().role, Action.DECLARE_EMERGENCIES)


def _decides(emergency: Emergency) -> bool:
    return _may_declare() and identity().decides_in(emergency.jurisdiction_id)


def _own_jurisdictions() -> list[Jurisdiction]:
    with runtime().reading() as session:
        return [place for place in jurisdictions(session) if identity().decides_in(place.id)]


def _only_area(sent: MultiDict[str, str]) -> MultiDict[str, str]:
    """Of the form only what says which place: the rest may be missing yet."""
    names = {*CIRCLE, *ClosedArea.model_fields}
    return MultiDict((name, value) for name, value in sent.items(multi=True) if name in names)


def _by_concern(row: dict[str, str]) -> tuple[int, str]:
    return list(Concern).index(Concern(row["concern"])), row["id"]


def _form_page(form: Form) -> str:
    return render_template(
        "emergencies/form.html",
        form=form,
        places=[(place.code, name_of(place)) for place in _own_jurisdictions()],
        datums=[(value, label) for value, label in datum_names().items() if value in {Datum.AGL, Datum.AMSL}],
        smallest_m=round(SMALLEST_RADIUS_M),
        largest_m=round(LARGEST_RADIUS_M),
        map=drawn_map(),
        data=map_data(
            words=drawing_words()
            | {
                "told": _("Would be told now: {n}"),
                "told_nobody": _("Nobody would be told now. Who comes near is told while it lasts."),
                "no_place": _("Choose a place, and here stands who would be told."),
                "unknown": _("The platform does not answer: who would be told is not known."),
                "others": _("and {n} more"),
                "concern": {concern.value: str(text) for concern, text in CONCERNS.items()},
            },
            told_url=url_for("emergencies.would_be_told"),
            vehicle_url=url_for("vehicles.show", vehicle_id="HERE"),
        ),
    )


def _page(number: str, form: Form | None = None, attempted: str = "") -> str:
    """The board; `form` is what was not done, of the step `attempted`, with what is wrong."""
    steps = {"end": blank(), "prolong": blank({"duration_min": USUAL_MIN})}
    with runtime().reading() as session:
        shown = own_board(session, number)
        emergency = shown.emergency
        place = place_revision(session, emergency)
        return render_template(
            "emergencies/show.html",
            emergency=emergency,
            recorded=emergency_out(emergency, place),
            jurisdiction=name_of(emergency.jurisdiction),
            totals=totals_out(shown),
            decides=_decides(emergency),
            may_suspend=access.may(identity().role, Action.DECIDE_PERMITS),
            form=form or blank(),
            forms_of=steps | ({attempted: form} if form is not None else {}),
            map=drawn_map(),
            data=map_data(
                shapes=[drawn_revision(place, "emergency")],
                board=_shown(shown),
                board_url=url_for("emergencies.board", number=number),
                words=board_words(),
            ),
        )


def _shown(found: Board) -> dict[str, Any]:
    return {
        "at_ms": found.at_ms,
        "is_over": found.emergency.ended_at_ms is not None,
        "totals": totals_out(found).model_dump(),
        "rows": [_shown_row(found.emergency, row) for row in found.rows],
    }


def _shown_row(emergency: Emergency, row: BoardRow) -> dict[str, Any]:
    vehicle = row.told.vehicle
    return vehicle_out(row).model_dump(mode="json") | {
        "kind": vehicle.kind.value,
        "operator": organisation_name(vehicle.organisation),
        "vehicle_url": url_for("vehicles.show", vehicle_id=vehicle.vehicle_id),
        "order_url": url_for("emergencies.order", number=emergency.number, vehicle_id=vehicle.vehicle_id),
        "permits": [{"number": number, "url": url_for("permits.show", number=number)} for number in row.permits],
    }


def _table(session: Session) -> Table[Emergency]:
    return Table(
        name="emergencies",
        caption=_("Emergencies"),
        columns=[
            Column("number", _("Number"), lambda e: e.number, link=_url),
            Column("state", _("State"), _state, kind=Kind.BADGE, sort=False),
            Column("declared", _("Declared"), lambda e: e.declared_at_ms, kind=Kind.WHEN),
            Column("ended", _("Ended"), lambda e: e.ended_at_ms, kind=Kind.WHEN),
            Column("jurisdiction", _("Jurisdiction"), lambda e: name_of(e.jurisdiction), sort=False),
            Column("reason", _("Reason"), lambda e: e.reason, sort=False),
        ],
        rows=DatabaseRows(
            session,
            emergencies_of(identity().scope),
            tiebreak=Emergency.id,
            sort={"number": Emergency.number, "declared": Emergency.declared_at_ms, "ended": Emergency.ended_at_ms},
            search=[Emergency.number, Emergency.reason],
            where={"state": lambda state: (Emergency.ended_at_ms.is_(None)) == (state == "ongoing")},
        ),
        filters=[Filter("state", _("State"), [("ongoing", _("Ongoing")), ("ended", _("Ended"))])],
        order="-declared",
        empty_text=_("No emergencies"),
    )


def _state(emergency: Emergency) -> str:
    return "ended" if emergency.ended_at_ms is not None else "ongoing"


def _url(emergency: Emergency) -> str:
    return url_for("emergencies.show", number=emergency.number)
