"""Directives at the desk: the list, one with everything that happened to it, and the form of an order."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import Cause, DirectiveRow, Vehicle
from app.schemas.directives import Order, ReleaseReason
from app.schemas.emergencies import LARGEST_RADIUS_M, SMALLEST_RADIUS_M
from app.services.directive_register import DirectiveFilter, Standing, directives_of, progress_of
from app.services.directives import directive_by_id
from app.services.orders import order_vehicles, release_vehicle
from app.web import access
from app.web.access import Action
from app.web.choices import choices, find_vehicles, find_zones, vehicle_labels
from app.web.desk.zone_maps import drawn_map, map_data
from app.web.directive_page import cause_url, timeline
from app.web.directive_words import CAUSES, KINDS, MEANINGS, demanded, progress_badge
from app.web.drawn_places import USUAL_RADIUS_M, as_typed, drawing_words, without_blank_circle
from app.web.forms import Form, blank, members, read_form, with_error
from app.web.gate import identity
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, require_decider, require_own
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.tables import Column, DatabaseRows, Filter, Kind, Table, table_answer
from telemetry.directives import DirectiveKind

directives = Blueprint("directives", __name__, url_prefix="/desk/directives")

_Page = Response | WerkzeugResponse | tuple[str, int] | str
_DEADLINE_S = 120


@directives.get("")
def index() -> Response | str:
    """Every directive; those of an operator's own vehicles."""
    with runtime().reading() as session:
        return table_answer(_table(session), "directives/index.html", may_order=_may_order())


@directives.route("/new", methods=["GET", "POST"])
def new() -> _Page:
    """Order vehicles; `?vehicle=` names the first."""
    if request.method == "GET":
        chosen = members(request.args.get("vehicle"))
        return _form_page(blank({"vehicles": chosen, "deadline_s": _DEADLINE_S, "circle.radius_m": USUAL_RADIUS_M}))
    order, form = read_form(Order, without_blank_circle(request.form))
    if order is None:
        return _form_page(as_typed(form, request.form)), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            rows = order_vehicles(session, order, actor=actor(session), now_ms=runtime().clock())
            ordered = [row.directive_id for row in rows]
    except REFUSALS as error:
        return _form_page(as_typed(with_error(form, error), request.form)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Ordered. The vehicles hear it as soon as they are connected."))
    if len(ordered) == 1:
        return redirect(url_for("directives.show", directive_id=ordered[0]), HTTPStatus.SEE_OTHER)
    return redirect(url_for("directives.index", state=Standing.STANDING.value), HTTPStatus.SEE_OTHER)


@directives.get("/<directive_id>")
def show(directive_id: str) -> str:
    """One directive."""
    return _page(directive_id)


@directives.post("/<directive_id>/release")
def release(directive_id: str) -> _Page:
    """End it: the vehicle may go on, as far as it goes."""
    said, form = read_form(ReleaseReason, request.form)
    if said is None:
        return _page(directive_id, form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            row = _own(session, directive_id)
            require_decider(row.jurisdiction)
            require_seen(row.version)
            release_vehicle(
                session,
                row,
                reason=said.reason,
                expected_version=row.version,
                actor=actor(session),
                now_ms=runtime().clock(),
            )
    except REFUSALS as error:
        return _page(directive_id, with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Released. The vehicle is told until it says that it knows."))
    return redirect(url_for("directives.show", directive_id=directive_id), HTTPStatus.SEE_OTHER)


def _own(session: Session, directive_id: str) -> DirectiveRow:
    row = directive_by_id(session, directive_id)
    require_own(row.vehicle.organisation_id)
    return row


def _may_order() -> bool:
    return access.may(identity().role, Action.ORDER_VEHICLES)


def _page(directive_id: str, form: Form | None = None) -> str:
    with runtime().reading() as session:
        row = _own(session, directive_id)
        is_standing = row.settled_at_ms is None
        return render_template(
            "directives/show.html",
            row=row,
            title=demanded(row),
            badge=progress_badge(progress_of(row)),
            cause=CAUSES[row.cause],
            cause_url=cause_url(row),
            operator=organisation_name(row.vehicle.organisation),
            timeline=timeline(row),
            is_standing=is_standing,
            now_ms=runtime().clock(),
            may_release=is_standing
            and row.cause is not Cause.EMERGENCY
            and _may_order()
            and identity().decides_in(row.jurisdiction_id),
            form=form,
        )


def _form_page(form: Form) -> str:
    with runtime().reading() as session:
        return render_template(
            "directives/form.html",
            form=form,
            vehicles=choices(
                lambda most: find_vehicles(session, "", most, organisation_id=None),
                members(form.values.get("vehicles")),
                lambda ids: vehicle_labels(session, ids, organisation_id=None),
                url_for("choices.vehicles"),
            ),
            kinds=[(kind.value, name, MEANINGS[kind]) for kind, name in KINDS.items()],
            zones=choices(
                lambda most: find_zones(session, "", most),
                members(form.values.get("zone")),
                lambda ids: {zone_id: zone_id for zone_id in ids},
                url_for("choices.zones"),
            ),
            smallest_m=round(SMALLEST_RADIUS_M),
            largest_m=round(LARGEST_RADIUS_M),
            map=drawn_map(),
            data=map_data(words=drawing_words(), position_url=url_for("api_vehicles.position", vehicle_id="HERE")),
        )


def _table(session: Session) -> Table[DirectiveRow]:
    states = {Standing.STANDING.value: _("Standing"), Standing.SETTLED.value: _("Settled")}
    return Table(
        name="directives",
        caption=_("Directives"),
        columns=[
            Column("issued", _("Issued"), lambda row: row.issued_at_ms, kind=Kind.WHEN, link=_url),
            Column("vehicle", _("Vehicle"), lambda row: row.vehicle.vehicle_id, note=_operator),
            Column("kind", _("Directive"), demanded),
            Column("progress", _("Progress"), lambda row: progress_badge(progress_of(row)), kind=Kind.BADGE),
            Column("deadline", _("Deadline"), lambda row: row.deadline_ms, kind=Kind.WHEN),
            Column("cause", _("Cause"), lambda row: str(CAUSES[row.cause]), note=lambda row: row.cause_id),
            Column("reason", _("Reason"), lambda row: row.reason),
        ],
        rows=DatabaseRows(
            session,
            directives_of(DirectiveFilter(organisation_id=identity().scope)),
            tiebreak=DirectiveRow.id,
            sort={
                "issued": DirectiveRow.issued_at_ms,
                "deadline": DirectiveRow.deadline_ms,
                "vehicle": Vehicle.vehicle_id,
            },
            search=[Vehicle.vehicle_id, DirectiveRow.reason, DirectiveRow.cause_id],
            where={
                "state": lambda value: DirectiveRow.settled_at_ms.is_(None) == (value == Standing.STANDING),
                "kind": lambda value: DirectiveRow.kind == DirectiveKind(value),
                "cause": lambda value: DirectiveRow.cause == Cause(value),
            },
        ),
        filters=[
            Filter("state", _("State"), list(states.items())),
            Filter("kind", _("Directive"), [(kind.value, str(name)) for kind, name in KINDS.items()]),
            Filter("cause", _("Cause"), [(cause.value, str(name)) for cause, name in CAUSES.items()]),
        ],
        order="-issued",
        empty_text=_("No directives"),
    )


def _operator(row: DirectiveRow) -> str:
    return organisation_name(row.vehicle.organisation)


def _url(row: DirectiveRow) -> str:
    return url_for("directives.show", directive_id=row.directive_id)
