"""What the registry and the records say of a bundle's vehicle in its window: as JSON values, complete."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from app.audit import state_of
from app.evidence.measures import emergencies, encounters, sanctions
from app.evidence.scope import Scope
from app.evidence.seals import told_entry
from app.evidence.track import Row, value_of
from app.models import (
    Alert,
    AuditEntry,
    DirectiveRow,
    Incident,
    Permit,
    PermitRevisionRow,
    RejectRow,
    Vehicle,
    VehicleStatusRevision,
    Zone,
    ZoneRevisionRow,
)
from app.services.alert_ids import alert_public_id
from app.services.revisions import in_force
from geofences.zones import FOREVER_MS, ZoneKind
from telemetry.findings import Finding

Facts = dict[str, Any]
#: Kinds that no permit grants: they bind every vehicle.
_BINDING = (ZoneKind.RESTRICTED, ZoneKind.SPEED_LIMIT)
#: Zones that bind everybody are listed within about this distance of the track, whether they were entered or not.
_AROUND_DEG = 0.01


@dataclass(frozen=True, slots=True)
class Record:
    """Lists of facts in the order of time; zones as GeoJSON features in EPSG:4326."""

    vehicle: Facts
    permits: Sequence[Facts]
    zones: Sequence[Facts]
    alerts: Sequence[Facts]
    directives: Sequence[Facts]
    incidents: Sequence[Facts]
    encounters: Sequence[Facts]
    emergencies: Sequence[Facts]
    sanctions: Sequence[Facts]
    rejects: Sequence[Facts]
    audit: Sequence[Facts]


def read_record(session: Session, scope: Scope, rows: Sequence[Row]) -> Record:
    """Everything about the vehicle that applied or happened in the window; `rows` are its samples."""
    vehicle = session.get_one(Vehicle, scope.vehicle)
    alerts = session.scalars(_alerts(scope)).unique().all()
    permits = _permits(session, scope, _named(rows, "permit_revision") | {a.permit_revision_id for a in alerts})
    zones = _zones(session, scope, rows, permits, _named(rows, "zone_revision") | {a.zone_revision_id for a in alerts})
    directives = session.scalars(_directives(scope)).unique().all()
    incidents = session.scalars(_incidents(scope)).unique().all()
    rejects = session.scalars(_rejects(scope)).all()
    subjects = [("vehicle", vehicle.vehicle_id)]
    subjects += [("permit", number) for number in sorted({revision.permit.number for revision, _, _ in permits})]
    subjects += [("zone", zone_id) for zone_id in sorted({revision.zone.zone_id for revision, _, _ in zones})]
    told = [("directive", row.directive_id) for row in directives] + [("alert", _alert_id(row)) for row in alerts]
    told += [("incident", row.incident_id) for row in incidents]
    held = {revision.permit_id for revision, _, _ in permits}
    closed, punished = emergencies(session, scope), sanctions(session, scope, held, set(told))
    told += [("emergency", each["number"]) for each in closed] + [
        ("sanction", each["sanction_id"]) for each in punished
    ]
    decided_ms = {row.recorded_at_ms for row, _, _ in permits} | {row.recorded_at_ms for row, _, _ in zones}
    return Record(
        vehicle=_vehicle(session, vehicle, scope),
        permits=[_permit(*dated) for dated in permits],
        zones=[_zone(*dated) for dated in zones],
        alerts=[_alert(row) for row in alerts],
        directives=[_directive(row) for row in directives],
        incidents=[state_of(row) for row in incidents],
        encounters=encounters(session, scope),
        emergencies=closed,
        sanctions=punished,
        rejects=[_reject(row) for row in rejects],
        audit=_audit(session, scope, subjects, told, decided_ms) if scope.is_for_city else [],
    )


# --- what was in force ----------------------------------------------------------------------


def _vehicle(session: Session, vehicle: Vehicle, scope: Scope) -> Facts:
    wanted = select(VehicleStatusRevision).where(
        VehicleStatusRevision.vehicle_id == vehicle.id, VehicleStatusRevision.starts_at_ms < scope.until_ms
    )
    statuses = in_force(session.scalars(wanted).all(), lambda row: row.vehicle_id)
    told = [
        {"status": row.status.value, "from_ms": start, "until_ms": _bounded(end), "reason": row.reason}
        for row, start, end in sorted(statuses, key=lambda dated: dated[1])
        if end > scope.since_ms
    ]
    operator = vehicle.organisation
    names = {"code": operator.code, "name_zh": operator.name_zh, "name_en": operator.name_en}
    return state_of(vehicle) | {"operator": names, "statuses": told}


def _permits(
    session: Session, scope: Scope, judged: Collection[int | None]
) -> list[tuple[PermitRevisionRow, int, int]]:
    """Revisions that name the vehicle and were in force in the window, and those that samples were judged by."""
    naming = select(PermitRevisionRow.permit_id).where(PermitRevisionRow.vehicles.any(Vehicle.id == scope.vehicle))
    wanted = select(PermitRevisionRow).where(
        or_(PermitRevisionRow.permit_id.in_(naming), PermitRevisionRow.id.in_(_keys(judged))),
        PermitRevisionRow.starts_at_ms < scope.until_ms,
    )
    rows = session.scalars(wanted.order_by(PermitRevisionRow.id)).all()
    dated = in_force(rows, lambda row: row.permit_id)
    kept = [each for each in dated if each[2] > scope.since_ms or each[0].id in judged]
    return sorted(kept, key=lambda each: (each[0].permit.number, each[0].number))


def _permit(row: PermitRevisionRow, start_ms: int, end_ms: int) -> Facts:
    permit: Permit = row.permit
    return state_of(row) | {
        "permit": permit.number,
        "stage": permit.stage.value,
        "jurisdiction": permit.jurisdiction.code,
        "holder": permit.holder.code,
        "in_force_from_ms": start_ms,
        "in_force_until_ms": _bounded(end_ms),
        "vehicles": sorted(each.vehicle_id for each in row.vehicles),
        "zones": sorted(each.zone_id for each in row.zones),
        "officers": sorted(each.officer_id for each in row.officers),
    }


def _zones(
    session: Session,
    scope: Scope,
    rows: Sequence[Row],
    permits: Sequence[tuple[PermitRevisionRow, int, int]],
    judged: Collection[int | None],
) -> list[tuple[ZoneRevisionRow, int, int]]:
    """Of the permits' zones, of those that bind everybody near the track, and of those that samples were judged by."""
    granted = {zone.id for revision, _, _ in permits for zone in revision.zones}
    chosen = or_(ZoneRevisionRow.zone_id.in_(granted), ZoneRevisionRow.id.in_(_keys(judged)))
    wanted = select(ZoneRevisionRow).join(Zone, Zone.id == ZoneRevisionRow.zone_id)
    wanted = wanted.where(
        or_(chosen, Zone.kind.in_(_BINDING)),
        ZoneRevisionRow.starts_at_ms < scope.until_ms,
        or_(ZoneRevisionRow.ends_at_ms.is_(None), ZoneRevisionRow.ends_at_ms > scope.since_ms, chosen),
    )
    around = _around(rows)
    found = []
    for row, start, end in in_force(session.scalars(wanted.order_by(ZoneRevisionRow.id)).all(), lambda r: r.zone_id):
        applied = end > scope.since_ms and (row.zone_id in granted or _meets(row, around))
        if applied or row.id in judged:
            found.append((row, start, end))
    return sorted(found, key=lambda each: (each[0].zone.zone_id, each[0].id))


def _zone(row: ZoneRevisionRow, start_ms: int, end_ms: int) -> Facts:
    terms = state_of(row)
    geometry = json.loads(terms.pop("geometry"))
    properties = terms | {
        "zone": row.zone.zone_id,
        "kind": row.zone.kind.value,
        "in_force_from_ms": start_ms,
        "in_force_until_ms": _bounded(end_ms),
    }
    return {"type": "Feature", "id": f"{row.zone.zone_id}/{row.id}", "properties": properties, "geometry": geometry}


def _around(rows: Sequence[Row]) -> BaseGeometry | None:
    if not rows:
        return None
    lon, lat = ([value_of(row, name) for row in rows] for name in ("lon", "lat"))
    around: BaseGeometry = shapely.box(
        min(lon) - _AROUND_DEG, min(lat) - _AROUND_DEG, max(lon) + _AROUND_DEG, max(lat) + _AROUND_DEG
    )
    return around


def _meets(row: ZoneRevisionRow, around: BaseGeometry | None) -> bool:
    return around is not None and bool(shapely.from_geojson(row.geometry).intersects(around))


# --- what happened --------------------------------------------------------------------------


def _alerts(scope: Scope) -> Select[Alert]:
    wanted = select(Alert).where(
        Alert.vehicle_key == scope.vehicle,
        Alert.first_seen_ms < scope.until_ms,
        or_(Alert.closed_at_ms.is_(None), Alert.closed_at_ms >= scope.since_ms),
    )
    return wanted.order_by(Alert.first_seen_ms, Alert.id)


def _alert_id(row: Alert) -> str:
    return alert_public_id(row.vehicle_key, Finding(row.finding), row.opened_at_ms, row.opened_seq)


def _alert(row: Alert) -> Facts:
    by = row.acknowledged_by.email if row.acknowledged_by else None
    return state_of(row) | {"alert_id": _alert_id(row), "finding": Finding(row.finding).code, "acknowledged_by": by}


def _directives(scope: Scope) -> Select[DirectiveRow]:
    wanted = select(DirectiveRow).where(
        DirectiveRow.vehicle_key == scope.vehicle,
        DirectiveRow.issued_at_ms < scope.until_ms,
        or_(DirectiveRow.settled_at_ms.is_(None), DirectiveRow.settled_at_ms >= scope.since_ms),
    )
    return wanted.options(joinedload(DirectiveRow.answers)).order_by(DirectiveRow.issued_at_ms, DirectiveRow.id)


def _directive(row: DirectiveRow) -> Facts:
    by = row.issued_by.email if row.issued_by else None
    return state_of(row) | {"issued_by": by, "answers": [state_of(answer) for answer in row.answers]}


def _incidents(scope: Scope) -> Select[Incident]:
    wanted = select(Incident).where(
        Incident.vehicle_key == scope.vehicle,
        Incident.occurred_at_ms >= scope.since_ms,
        Incident.occurred_at_ms < scope.until_ms,
    )
    return wanted.order_by(Incident.occurred_at_ms, Incident.id)


def _rejects(scope: Scope) -> Select[RejectRow]:
    """By the worker's clock: what was not believed may have no time of its own."""
    wanted = select(RejectRow).where(
        RejectRow.vehicle == scope.vehicle,
        RejectRow.first_received_ms < scope.until_ms,
        RejectRow.last_received_ms >= scope.since_ms,
    )
    return wanted.order_by(RejectRow.first_received_ms, RejectRow.id).limit(1_000)


def _reject(row: RejectRow) -> Facts:
    return state_of(row) | {"payload_text": row.payload.decode("utf-8", "replace")}


def _audit(
    session: Session,
    scope: Scope,
    standing: Iterable[tuple[str, str]],
    told: Iterable[tuple[str, str]],
    decided_ms: Collection[int],
) -> list[Facts]:
    """All entries about what happened; about what was in force those of the window, and those that made it so."""
    is_of_window = and_(AuditEntry.recorded_at_ms >= scope.since_ms, AuditEntry.recorded_at_ms < scope.until_ms)
    is_in_time = or_(is_of_window, AuditEntry.recorded_at_ms.in_(decided_ms))
    chosen = [and_(_is_about(subject), is_in_time) for subject in standing] + [_is_about(each) for each in told]
    wanted = select(AuditEntry).where(or_(*chosen)).order_by(AuditEntry.number)
    return [told_entry(entry) for entry in session.scalars(wanted)]


def _is_about(subject: tuple[str, str]) -> Any:
    return and_(AuditEntry.subject_type == subject[0], AuditEntry.subject_id == subject[1])


def _named(rows: Iterable[Row], column: str) -> set[int | None]:
    return {value_of(row, column) for row in rows if value_of(row, column) >= 0}


def _keys(keys: Iterable[int | None]) -> list[int]:
    return sorted(key for key in keys if key is not None)


def _bounded(end_ms: int) -> int | None:
    return None if end_ms >= FOREVER_MS else end_ms
