"""Vehicles over HTTP: the register, statuses, credentials and the last position."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models import ServiceStatus, Vehicle
from app.schemas.base import Identifier, Line, Schema
from app.schemas.geojson import Feature, Geometry
from app.schemas.vehicles import (
    CredentialOut,
    RegisteredVehicleOut,
    StatusChange,
    StatusOut,
    VehicleDetails,
    VehicleOut,
)
from app.services.vehicle_lists import (
    VehicleFilter,
    VehicleRow,
    last_position,
    vehicle_page,
    vehicle_row,
)
from app.services.vehicle_status import StatusEntry, status_page
from app.services.vehicles import change_vehicle, vehicle_by_id
from app.web import vehicle_credentials
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, media, require_match
from app.web.gate import identity
from app.web.ownership import actor, require_own
from app.web.runtime import runtime
from telemetry.messages import telemetry_topic
from telemetry.samples import AltitudeDatum, VehicleKind

vehicles_api = api_blueprint("vehicles", "The register of vehicles. An operator sees and changes its own.")

_GEOJSON = "application/geo+json"
_REFUSED: Responses = {"409": Problem, "422": Problem, "503": Problem}
_CHANGED: Responses = {"409": Problem, "412": Problem, "422": Problem, "428": Problem}
_TOLD: Responses = {**_CHANGED, "503": Problem}


class VehiclePath(Schema):
    """Which vehicle."""

    vehicle_id: Identifier


class VehicleQuery(PageQuery):
    """Which vehicles; `q` is looked for in ids, plates, VINs, registration marks, makes and models."""

    kind: VehicleKind | None = None
    status: ServiceStatus | None = None
    organisation: Identifier | None = None
    q: Line | None = None


class VehicleList(Schema):
    """One page of vehicles, by id."""

    items: list[VehicleOut]
    next_cursor: str | None


class StatusList(Schema):
    """One page of the changes of a vehicle's status, the newest first. Before the first it was in service."""

    items: list[StatusOut]
    next_cursor: str | None


class PositionProperties(Schema):
    """What else the newest sample says."""

    kind: VehicleKind
    timestamp_ms: int
    heading_deg: float | None
    speed_mps: float | None
    altitude_m: float | None
    altitude_datum: Annotated[str | None, Field(description="AGL, AMSL or WGS84; null: not stated")]
    horizontal_accuracy_m: Annotated[float | None, Field(description="68 % radius")]


class PositionOut(Feature[PositionProperties]):
    """The true position of the newest sample on time."""


@vehicles_api.get("", responses={"200": VehicleList, "422": Problem})
def vehicles(query: VehicleQuery) -> Response:
    """One page of the register."""
    wanted = VehicleFilter(
        organisation_id=identity().scope,
        organisation=query.organisation,
        kind=query.kind,
        status=query.status,
        text=query.q,
    )
    with runtime().reading() as database:
        page = vehicle_page(database, wanted, now_ms=runtime().clock(), limit=query.limit, cursor=query.cursor)
        return answer(VehicleList(items=page.map(out).items, next_cursor=page.next_cursor))


@vehicles_api.post("", responses={"201": RegisteredVehicleOut, **_REFUSED})
def register(body: VehicleDetails) -> Response:
    """Register a vehicle of the caller's organisation. The answer tells its credential, this once."""
    with runtime().changing() as database:
        vehicle, credential = vehicle_credentials.register(database, body)
        registered = RegisteredVehicleOut(vehicle=_described(database, vehicle), credential=credential)
    return answer(registered, HTTPStatus.CREATED, version=registered.vehicle.version)


@vehicles_api.get("/<vehicle_id>", responses={"200": VehicleOut, "422": Problem})
def vehicle(path: VehiclePath) -> Response:
    """One vehicle."""
    with runtime().reading() as database:
        described = _described(database, _own(database, path))
    return answer(described, version=described.version)


@vehicles_api.put("/<vehicle_id>", responses={"200": VehicleOut, **_CHANGED})
def change(path: VehiclePath, body: VehicleDetails) -> Response:
    """Replace what the operator states of a vehicle; its id and kind never change."""
    with runtime().changing() as database:
        found = _matched(database, path)
        change_vehicle(database, found, body, now_ms=runtime().clock(), actor=actor(database))
        described = _described(database, found)
    return answer(described, version=described.version)


@vehicles_api.get("/<vehicle_id>/statuses", responses={"200": StatusList, "422": Problem})
def statuses(path: VehiclePath, query: PageQuery) -> Response:
    """When the vehicle was in service."""
    with runtime().reading() as database:
        page = status_page(database, _own(database, path), limit=query.limit, cursor=query.cursor)
    return answer(StatusList(items=page.map(_status).items, next_cursor=page.next_cursor))


@vehicles_api.post("/<vehicle_id>/statuses", responses={"200": VehicleOut, **_TOLD})
def change_status(path: VehiclePath, body: StatusChange) -> Response:
    """Another status from now on. `retired` is final and revokes the credential."""
    with runtime().changing() as database:
        found = _matched(database, path)
        vehicle_credentials.decide_status(database, found, body)
        described = _described(database, found)
    return answer(described, version=described.version)


@vehicles_api.post("/<vehicle_id>/credential", responses={"200": CredentialOut, **_TOLD})
def rotate(path: VehiclePath) -> Response:
    """A new credential in the place of the old one, told this once."""
    with runtime().changing() as database:
        found = _matched(database, path)
        credential = vehicle_credentials.rotate(database, found)
    return answer(credential, version=found.version)


@vehicles_api.delete("/<vehicle_id>/credential", responses={"200": VehicleOut, **_TOLD})
def revoke(path: VehiclePath) -> Response:
    """No credential any more: the vehicle is disconnected."""
    with runtime().changing() as database:
        found = _matched(database, path)
        vehicle_credentials.revoke(database, found)
        described = _described(database, found)
    return answer(described, version=described.version)


@vehicles_api.get("/<vehicle_id>/position", responses={"200": media(PositionOut, _GEOJSON), "422": Problem})
def position(path: VehiclePath) -> Response:
    """Where the vehicle was last, as a GeoJSON feature; 404 before its first sample."""
    with runtime().reading() as database:
        found = _own(database, path)
        sample = last_position(database, found)
    if sample is None:
        raise NotFound(f"vehicle {path.vehicle_id} has sent no sample yet")
    feature = PositionOut(
        id=found.vehicle_id,
        geometry=Geometry(type="Point", coordinates=[sample.lon, sample.lat]),
        properties=PositionProperties(
            kind=found.kind,
            timestamp_ms=sample.timestamp_ms,
            heading_deg=sample.heading_deg,
            speed_mps=sample.speed_mps,
            altitude_m=sample.altitude_m,
            altitude_datum=AltitudeDatum(sample.altitude_datum).name if sample.altitude_datum >= 0 else None,
            horizontal_accuracy_m=sample.horizontal_accuracy_m,
        ),
    )
    return Response(feature.model_dump_json(), mimetype=_GEOJSON)


def out(row: VehicleRow) -> VehicleOut:
    """A row of the register as the API shows it."""
    stated = {name: getattr(row.vehicle, name) for name in VehicleDetails.model_fields}
    return VehicleOut(
        **stated,
        organisation=row.vehicle.organisation.code,
        status=row.status,
        topic=telemetry_topic(row.vehicle.vehicle_id),
        has_credential=row.vehicle.credential_hash is not None,
        credential_issued_at_ms=row.vehicle.credential_issued_at_ms,
        registered_at_ms=row.vehicle.registered_at_ms,
        last_message_at_ms=row.last_message_at_ms,
        version=row.vehicle.version,
    )


def _status(entry: StatusEntry) -> StatusOut:
    return StatusOut(status=entry.status, starts_at_ms=entry.starts_at_ms, reason=entry.reason, actor=entry.actor)


def _own(database: Session, path: VehiclePath) -> Vehicle:
    found = vehicle_by_id(database, path.vehicle_id)
    require_own(found.organisation_id)
    return found


def _matched(database: Session, path: VehiclePath) -> Vehicle:
    """The vehicle to be changed, in the version that the caller has seen."""
    found = _own(database, path)
    require_match(found.version)
    return found


def _described(database: Session, found: Vehicle) -> VehicleOut:
    return out(vehicle_row(database, found, runtime().clock()))
