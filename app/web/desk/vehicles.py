"""Vehicles at the desk: the list, each one's page, its forms, its status and its credentials."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.models import ServiceStatus, Vehicle
from app.schemas.vehicles import FOREIGN, StatusChange, VehicleDetails
from app.services.alerts import WantedAlerts, list_alerts
from app.services.directive_register import standing_directives
from app.services.rejects import list_rejects
from app.services.vehicle_lists import (
    SEARCHED,
    VehicleFilter,
    VehicleRow,
    last_position,
    permits_naming,
    read_vehicle_row,
    vehicle_row,
    vehicle_rows,
)
from app.services.vehicle_status import current_status, status_history
from app.services.vehicles import change_vehicle, vehicle_by_id
from app.web import access, vehicle_credentials
from app.web.access import Action
from app.web.desk.zone_maps import drawn_map, map_data
from app.web.directive_page import standing_rows
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, require_own
from app.web.refusals import REFUSALS, require_seen
from app.web.register_words import KINDS, REJECT_REASONS, STATUSES
from app.web.runtime import runtime
from app.web.stage_text import stage_names
from app.web.tables import Column, DatabaseRows, Filter, Kind, Table, table_answer
from app.web.vehicle_page import alert_rows, place, position_facts, status_timeline
from telemetry.messages import telemetry_topic
from telemetry.samples import VehicleKind

vehicles = Blueprint("vehicles", __name__, url_prefix="/desk/vehicles")

_NEWEST = 5


@vehicles.get("")
def index() -> Response | str:
    """The register: an operator's own vehicles, or all."""
    with runtime().reading() as database:
        return table_answer(_table(database), "vehicles/index.html", may_register=_may(Action.CHANGE_VEHICLES))


@vehicles.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | str:
    """Register a vehicle; the answer shows its credentials once."""
    if request.method == "GET":
        return _form_page(blank({"kind": VehicleKind.ROAD.value}))
    details, form = read_form(VehicleDetails, _of_its_kind(request.form))
    if details is None:
        return _form_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            vehicle, credential = vehicle_credentials.register(database, details)
    except REFUSALS as error:
        return _form_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    return render_template("vehicles/credentials.html", vehicle=vehicle, credential=credential, is_new=True)


@vehicles.get("/<vehicle_id>")
def show(vehicle_id: str) -> str:
    """One vehicle: its details, where it was last, what stands against it."""
    return _page(vehicle_id)


@vehicles.route("/<vehicle_id>/edit", methods=["GET", "POST"])
def edit(vehicle_id: str) -> Response | tuple[str, int] | str:
    """Change what the operator states of a vehicle."""
    if request.method == "GET":
        with runtime().reading() as database:
            vehicle = _own(database, vehicle_id)
            return _form_page(blank(_stated(vehicle)), vehicle)
    details, form = read_form(VehicleDetails, _of_its_kind(request.form))
    with runtime().reading() as database:
        before = _own(database, vehicle_id)
    if details is None:
        return _form_page(form, before), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            vehicle = _own(database, vehicle_id)
            require_seen(vehicle.version)
            change_vehicle(database, vehicle, details, now_ms=runtime().clock(), actor=actor(database))
    except REFUSALS as error:
        return _form_page(with_error(form, error), before), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Saved."))
    return redirect(url_for("vehicles.show", vehicle_id=vehicle_id), HTTPStatus.SEE_OTHER)


@vehicles.post("/<vehicle_id>/status")
def change_status(vehicle_id: str) -> Response | tuple[str, int]:
    """Take a vehicle out of service, put it back, or retire it."""
    change, form = read_form(StatusChange, request.form)
    if change is None:
        return _page(vehicle_id, form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as database:
            vehicle = _own(database, vehicle_id)
            require_seen(vehicle.version)
            vehicle_credentials.decide_status(database, vehicle, change)
    except REFUSALS as error:
        return _page(vehicle_id, with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The status is changed. It counts for every message from now on."))
    return redirect(url_for("vehicles.show", vehicle_id=vehicle_id), HTTPStatus.SEE_OTHER)


@vehicles.post("/<vehicle_id>/credentials")
def rotate(vehicle_id: str) -> tuple[str, int] | str:
    """New credentials in the place of the old ones; the answer shows them once."""
    try:
        with runtime().changing() as database:
            vehicle = _own(database, vehicle_id)
            require_seen(vehicle.version)
            credential = vehicle_credentials.rotate(database, vehicle)
    except REFUSALS as error:
        return _page(vehicle_id, with_error(blank(), error)), HTTPStatus.UNPROCESSABLE_ENTITY
    return render_template("vehicles/credentials.html", vehicle=vehicle, credential=credential, is_new=False)


@vehicles.post("/<vehicle_id>/credentials/revoke")
def revoke(vehicle_id: str) -> Response | tuple[str, int]:
    """Leave the vehicle without credentials."""
    try:
        with runtime().changing() as database:
            vehicle = _own(database, vehicle_id)
            require_seen(vehicle.version)
            vehicle_credentials.revoke(database, vehicle)
    except REFUSALS as error:
        return _page(vehicle_id, with_error(blank(), error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The credentials are revoked. The vehicle is disconnected."))
    return redirect(url_for("vehicles.show", vehicle_id=vehicle_id), HTTPStatus.SEE_OTHER)


def _own(database: Session, vehicle_id: str) -> Vehicle:
    vehicle = vehicle_by_id(database, vehicle_id)
    require_own(vehicle.organisation_id)
    return vehicle


def _may(action: Action) -> bool:
    return access.may(identity().role, action)


def _form_page(form: Form, vehicle: Vehicle | None = None) -> str:
    kinds = [(kind.value, str(name)) for kind, name in KINDS.items()]
    return render_template("vehicles/form.html", form=form, vehicle=vehicle, kinds=kinds, levels=range(6))


def _page(vehicle_id: str, form: Form | None = None) -> str:
    with runtime().reading() as database:
        vehicle = _own(database, vehicle_id)
        row = vehicle_row(database, vehicle, runtime().clock())
        sample = last_position(database, vehicle)
        return render_template(
            "vehicles/show.html",
            row=row,
            vehicle=vehicle,
            operator=organisation_name(vehicle.organisation),
            kind=KINDS[vehicle.kind],
            topic=telemetry_topic(vehicle.vehicle_id),
            broker=runtime().settings.broker_url,
            command=vehicle_credentials.agent_command(vehicle.vehicle_id),
            sample=sample,
            position=None if sample is None else position_facts(sample),
            map=None if sample is None else drawn_map(),
            map_data=None if sample is None else map_data(place=place(vehicle, sample)),
            has_credential=vehicle.credential_hash is not None,
            permits=permits_naming(database, vehicle),
            alerts=alert_rows(list_alerts(database, WantedAlerts(vehicle_id=vehicle.vehicle_id), limit=_NEWEST).items),
            rejects=list_rejects(database, vehicle_id=vehicle.vehicle_id, limit=_NEWEST).items,
            reasons=REJECT_REASONS,
            directives=standing_rows(standing_directives(database, [vehicle.id])),
            may_order=_may(Action.ORDER_VEHICLES) and row.status != ServiceStatus.RETIRED,
            history=status_timeline(vehicle, status_history(database, vehicle)),
            stages=stage_names(),
            form=form,
            no_form=blank(),
            next_statuses=[(status.value, str(STATUSES[status])) for status in ServiceStatus if status != row.status],
            may_edit=_may(Action.CHANGE_VEHICLES) and row.status != ServiceStatus.RETIRED,
            may_decide=_may(Action.CHANGE_VEHICLE_STATUS) and row.status != ServiceStatus.RETIRED,
            may_rotate=_may(Action.MANAGE_CREDENTIALS) and row.status != ServiceStatus.RETIRED,
        )


def _of_its_kind(sent: MultiDict[str, str]) -> MultiDict[str, str]:
    """The fields that the form shows for the chosen kind; those of the other kind are out of sight."""
    if sent.get("kind") not in set(VehicleKind):
        return sent
    hidden = FOREIGN[VehicleKind(sent["kind"])]
    return MultiDict((name, value) for name, value in sent.items(multi=True) if name not in hidden)


def _stated(vehicle: Vehicle) -> dict[str, Any]:
    return {name: getattr(vehicle, name) for name in VehicleDetails.model_fields}


def _table(database: Session) -> Table[VehicleRow]:
    now_ms, scope = runtime().clock(), identity().scope
    status = current_status(now_ms)
    columns = [
        Column[VehicleRow](
            "id",
            _("Vehicle"),
            lambda row: row.vehicle.vehicle_id,
            link=lambda row: url_for("vehicles.show", vehicle_id=row.vehicle.vehicle_id),
            note=lambda row: row.vehicle.plate or row.vehicle.registration_mark or "",
        ),
        Column("kind", _("Kind"), lambda row: str(KINDS[row.vehicle.kind])),
        Column("model", _("Make and model"), lambda row: f"{row.vehicle.make} {row.vehicle.model or ''}".strip()),
        Column("status", _("Status"), lambda row: row.status.value, kind=Kind.BADGE),
        Column("insured", _("Insured until"), lambda row: row.vehicle.insured_until, kind=Kind.DAY),
        Column("seen", _("Last message"), lambda row: row.last_message_at_ms, kind=Kind.WHEN),
    ]
    if scope is None:
        columns.insert(2, Column("operator", _("Operator"), lambda row: organisation_name(row.vehicle.organisation)))
    return Table(
        name="vehicles",
        caption=_("Vehicles"),
        columns=columns,
        rows=DatabaseRows(
            database,
            vehicle_rows(now_ms, VehicleFilter(organisation_id=scope)),
            tiebreak=Vehicle.vehicle_id,
            sort={
                "id": Vehicle.vehicle_id,
                "kind": Vehicle.kind,
                "status": status,
                "insured": Vehicle.insured_until,
            },
            search=SEARCHED,
            where={
                "kind": lambda value: Vehicle.kind == VehicleKind(value),
                "status": lambda value: status == value,
            },
            read=read_vehicle_row,
        ),
        filters=[
            Filter("kind", _("Kind"), [(kind.value, str(name)) for kind, name in KINDS.items()]),
            Filter("status", _("Status"), [(each.value, str(name)) for each, name in STATUSES.items()]),
        ],
        order="id",
        empty_text=_("No vehicles yet"),
    )
