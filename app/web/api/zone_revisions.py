"""Zones over HTTP: the register of all of them, their revisions, and publishing the next one."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.schemas.base import Identifier, Line, Schema
from app.schemas.geojson import Feature, Geometry
from app.schemas.live import Names
from app.schemas.zone_features import BandOut
from app.schemas.zone_revisions import (
    AffectedPermitOut,
    ZoneEffects,
    ZoneRevisionCollection,
    ZoneRevisionProperties,
    ZoneState,
)
from app.schemas.zones import NewZone, ZoneDetails, ZoneEnd
from app.services.zone_effects import effects_of
from app.services.zone_history import (
    DatedRevision,
    ZoneFilter,
    ZoneHistory,
    end_zone,
    revision_page,
    zone_history,
    zone_page,
)
from app.services.zones import NO_REVISION, check_zone, publish_zone
from app.web.api.base import PREFIX, PageQuery, Problem, Responses, answer, api_blueprint, media, require_match
from app.web.api.zones_in_force import zones_in_force_api
from app.web.ownership import actor, require_zone_decider
from app.web.runtime import runtime
from geofences.zones import FOREVER_MS, ZoneKind

zone_revisions_api = api_blueprint("zone_revisions", "Zones and their immutable revisions.", PREFIX)

_GEOJSON = "application/geo+json"
_REVISION = Feature[ZoneRevisionProperties]
_ONE: Responses = {"200": media(_REVISION, _GEOJSON), "422": Problem}
_MANY: Responses = {"200": media(ZoneRevisionCollection, _GEOJSON), "422": Problem}
_MADE: Responses = {"200": ZoneEffects, "201": media(_REVISION, _GEOJSON), "409": Problem, "422": Problem}
_CHANGED: Responses = {"412": Problem, "428": Problem}


class ZonePath(Schema):
    """Which zone."""

    zone_id: Identifier


class ZoneQuery(PageQuery):
    """Which zones; `q` is looked for in their identifiers."""

    kind: ZoneKind | None = None
    jurisdiction: Identifier | None = None
    state: ZoneState | None = None
    q: Line | None = None


class TrialRun(Schema):
    """Whether to publish."""

    dry_run: Annotated[bool, Field(description="check everything and answer what would be touched")] = False


@zone_revisions_api.get("/zone-register", responses=_MANY)
def zone_register(query: ZoneQuery) -> Response:
    """One page of every zone that ever was, with the revision in force now, else the next, else the last."""
    wanted = ZoneFilter(kind=query.kind, jurisdiction=query.jurisdiction, state=query.state, text=query.q)
    with runtime().reading() as session:
        page = zone_page(session, wanted, now_ms=runtime().clock(), limit=query.limit, cursor=query.cursor)
        features = [_feature(each, each.shown) for each in page.items]
    return _geojson(ZoneRevisionCollection(features=features, next_cursor=page.next_cursor))


@zone_revisions_api.get("/zones/<zone_id>", responses=_ONE)
def zone(path: ZonePath) -> Response:
    """One zone as in `zone-register`. The ETag is its newest revision's, whether or not that has started."""
    with runtime().reading() as session:
        history = zone_history(session, path.zone_id, runtime().clock())
    return _geojson(_feature(history, history.shown), version=history.newest.row.id)


@zone_revisions_api.get("/zones/<zone_id>/revisions", responses=_MANY)
def revisions(path: ZonePath, query: PageQuery) -> Response:
    """One page of a zone's revisions, oldest first."""
    with runtime().reading() as session:
        history, page = revision_page(
            session, path.zone_id, now_ms=runtime().clock(), limit=query.limit, cursor=query.cursor
        )
    features = [_feature(history, revision) for revision in page.items]
    return _geojson(ZoneRevisionCollection(features=features, next_cursor=page.next_cursor))


# On the blueprint of GET /zones: the description keeps the operations of one path together.
@zones_in_force_api.post("/zones", responses=_MADE)
def create(query: TrialRun, body: NewZone) -> Response:
    """Publish the first revision of a zone."""
    return _published(body.zone_id, body, NO_REVISION, dry_run=query.dry_run)


@zone_revisions_api.post("/zones/<zone_id>/revisions", responses={**_MADE, **_CHANGED})
def publish(path: ZonePath, query: TrialRun, body: ZoneDetails) -> Response:
    """Publish the next revision; If-Match names the newest one that the caller has seen."""
    return _published(path.zone_id, body, _matched(path.zone_id), dry_run=query.dry_run)


@zone_revisions_api.post("/zones/<zone_id>/end", responses={**_ONE, **_CHANGED, "409": Problem})
def end(path: ZonePath, body: ZoneEnd) -> Response:
    """End a zone, now or later; If-Match as for a revision."""
    seen = _matched(path.zone_id)
    with runtime().changing() as session:
        end_zone(
            session,
            zone_id=path.zone_id,
            details=body,
            seen=seen,
            now_ms=runtime().clock(),
            actor=actor(session),
        )
        history = zone_history(session, path.zone_id, runtime().clock())
    return _geojson(_feature(history, history.newest), version=history.newest.row.id)


def _matched(zone_id: str) -> int:
    """The newest revision, which the caller has seen and may follow with another."""
    with runtime().reading() as session:
        newest = zone_history(session, zone_id, runtime().clock()).newest.row
        require_zone_decider(session, newest.jurisdiction)
    require_match(newest.id)
    return newest.id


def _published(zone_id: str, details: ZoneDetails, seen: int, *, dry_run: bool) -> Response:
    now_ms = runtime().clock()
    if dry_run:
        with runtime().reading() as session:
            check_zone(session, zone_id=zone_id, details=details, seen=seen, now_ms=now_ms)
            _require_decider(session, details)
            return answer(_effects(session, zone_id, details, now_ms))
    with runtime().changing() as session:
        publish_zone(session, zone_id=zone_id, details=details, seen=seen, now_ms=now_ms, actor=actor(session))
        _require_decider(session, details)
        history = zone_history(session, zone_id, now_ms)
    made = _feature(history, history.newest)
    return _geojson(made, HTTPStatus.CREATED, version=history.newest.row.id)


def _require_decider(session: Session, details: ZoneDetails) -> None:
    # After the service, which knows an unknown jurisdiction as bad input; what it did is rolled back.
    require_zone_decider(session, details.jurisdiction)


def _effects(session: Session, zone_id: str, details: ZoneDetails, now_ms: int) -> ZoneEffects:
    found = effects_of(
        session,
        zone_id=zone_id,
        kind=details.kind,
        geometry=details.geometry,
        half_width_m=details.half_width_m,
        now_ms=now_ms,
    )
    permits = [AffectedPermitOut(number=permit.number, vehicles=permit.vehicles) for permit in found.permits]
    return ZoneEffects(permits=permits, vehicles=found.vehicles)


def _geojson(body: BaseModel, status: HTTPStatus = HTTPStatus.OK, *, version: int | None = None) -> Response:
    made = answer(body, status, version=version)
    made.mimetype = _GEOJSON
    return made


def _feature(history: ZoneHistory, revision: DatedRevision) -> Feature[ZoneRevisionProperties]:
    row = revision.row
    return _REVISION(
        id=history.zone.zone_id,
        geometry=Geometry.model_validate(json.loads(row.geometry)),
        properties=ZoneRevisionProperties(
            zone_id=history.zone.zone_id,
            kind=history.zone.kind,
            state=history.state,
            revision=revision.number,
            revision_id=row.id,
            names=Names(zh=row.name_zh, en=row.name_en),
            half_width_m=row.half_width_m,
            band=_band(revision),
            speed_limit_mps=row.speed_limit_mps,
            schedule=row.schedule,
            authority=row.authority,
            jurisdiction=row.jurisdiction,
            starts_at_ms=row.starts_at_ms,
            ends_at_ms=row.ends_at_ms,
            in_force_from_ms=revision.from_ms,
            in_force_until_ms=None if revision.until_ms == FOREVER_MS else revision.until_ms,
            reason=row.reason,
            actor=revision.actor,
            recorded_at_ms=row.recorded_at_ms,
        ),
    )


def _band(revision: DatedRevision) -> BandOut | None:
    row = revision.row
    if row.band_datum is None or row.band_unit is None:
        return None
    return BandOut(lower=row.band_lower, upper=row.band_upper, datum=row.band_datum, unit=row.band_unit)
