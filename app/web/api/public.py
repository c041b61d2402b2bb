"""The public pages over HTTP: the same answers, without a login."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import shapely
from flask import Response
from pydantic import BaseModel, Field

from app.models import Stage, TrialDomain
from app.public.now import now as now_in_words
from app.public.operators import operators as list_operators
from app.public.operators import trial_page
from app.public.places import Drawn, kind_totals
from app.public.places import places as list_places
from app.public.registry import permit_page
from app.public.safety import safety as safety_months
from app.public.street import street as street_of
from app.schemas.base import Identifier, Schema
from app.schemas.geojson import Geometry
from app.schemas.public import (
    KindTotal,
    PublicNow,
    PublicOperator,
    PublicPermit,
    PublicPlace,
    PublicTrial,
    SafetyMonth,
    Street,
)
from app.services.trials import TrialState
from app.web.api.base import OPEN, PageQuery, Problem, answer, api_blueprint, media
from app.web.public.blueprint import PAGE_SECONDS, registry_now
from app.web.runtime import runtime
from geofences.drawing import outline

public_api = api_blueprint("public", "What anybody may know: docs/privacy.md says what leaves and what does not.")

_GEOJSON = "application/geo+json"
_PRECISION_DEG = 1e-6


class PublicPermitQuery(PageQuery):
    """Which permits."""

    stage: Stage | None = None


class PublicPermitList(Schema):
    """One page of the permits in force, by number."""

    items: list[PublicPermit]
    next_cursor: str | None


class PublicTrialQuery(PageQuery):
    """Which trials."""

    domain: TrialDomain | None = None
    state: TrialState | None = None


class PublicTrialList(Schema):
    """One page of trials, the newest first."""

    items: list[PublicTrial]
    next_cursor: str | None


class PublicOperatorList(Schema):
    """The holders of permits in force, all of them: a city has dozens."""

    items: list[PublicOperator]


class PublicSafetyList(Schema):
    """The last twelve complete months, the newest first; what is small is withheld."""

    items: list[SafetyMonth]


class PublicPlaceFeature(Schema):
    """A place; lines are lines."""

    type: Literal["Feature"]
    id: str
    geometry: Geometry
    properties: PublicPlace


class PublicPlaceCollection(Schema):
    """The places in force with their totals as a foreign member."""

    type: Literal["FeatureCollection"]
    totals: list[KindTotal]
    features: list[PublicPlaceFeature]


class PublicStreetPath(Schema):
    """Which place."""

    zone_id: Annotated[Identifier, Field(description="id of a place in force")]


@public_api.get("/permits", responses={"200": PublicPermitList, "422": Problem}, security=OPEN)
def permits(query: PublicPermitQuery) -> Response:
    """Permits in force."""
    state = runtime()
    with state.reading() as session:
        page = permit_page(
            session,
            registry_now(),
            stage=query.stage,
            now_ms=state.clock(),
            limit=query.limit,
            cursor=query.cursor,
        )
    return _kept(PublicPermitList(items=page.items, next_cursor=page.next_cursor))


@public_api.get("/trials", responses={"200": PublicTrialList, "422": Problem}, security=OPEN)
def trials(query: PublicTrialQuery) -> Response:
    """Trials that are coming, running or over."""
    state = runtime()
    with state.reading() as session:
        page = trial_page(
            session,
            domain=query.domain,
            state=query.state,
            now_ms=state.clock(),
            limit=query.limit,
            cursor=query.cursor,
        )
    return _kept(PublicTrialList(items=page.items, next_cursor=page.next_cursor))


@public_api.get("/operators", responses={"200": PublicOperatorList}, security=OPEN)
def operators() -> Response:
    """Companies that hold permits in force."""
    state = runtime()
    with state.reading() as session:
        return _kept(PublicOperatorList(items=list_operators(session, registry_now(), state.clock())))


@public_api.get("/places", responses={"200": media(PublicPlaceCollection, _GEOJSON)}, security=OPEN)
def places() -> Response:
    """Roads, areas, corridors and vertiports with their true measures, GeoJSON in EPSG:4326."""
    state = runtime()
    with state.reading() as session:
        drawn = list_places(session, registry_now(), state.clock())
    body = {
        "type": "FeatureCollection",
        "totals": [total.model_dump(mode="json") for total in kind_totals(drawn)],
        "features": [_feature(each) for each in drawn],
    }
    return _for_a_while(Response(json.dumps(body, ensure_ascii=False), mimetype=_GEOJSON))


@public_api.get("/safety", responses={"200": PublicSafetyList}, security=OPEN)
def safety() -> Response:
    """Kilometres, hours and alerts by complete month and kind."""
    state = runtime()
    with state.reading() as session:
        return _kept(PublicSafetyList(items=safety_months(session, state.clock())))


@public_api.get("/street/<zone_id>", responses={"200": Street}, security=OPEN)
def street(path: PublicStreetPath) -> Response:
    """One place: what moves there now, who may, how fast, and whom to call."""
    state = runtime()
    with state.reading() as session:
        found, _drawn = street_of(
            session,
            registry_now(),
            state.live.public,
            path.zone_id,
            now_ms=state.clock(),
            step_m=state.settings.public_snap_m,
        )
    return answer(found)


@public_api.get("/now", responses={"200": PublicNow}, security=OPEN)
def now() -> Response:
    """The public map counted by place, with its open alerts."""
    state = runtime()
    with state.reading() as session:
        drawn = list_places(session, registry_now(), state.clock())
    return answer(now_in_words(state.live.public, drawn, state.settings.public_snap_m))


def _feature(each: Drawn) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": each.place.id,
        "geometry": json.loads(shapely.to_geojson(outline(each.geometry, None, precision_deg=_PRECISION_DEG))),
        "properties": each.place.model_dump(mode="json"),
    }


def _kept(body: BaseModel) -> Response:
    return _for_a_while(answer(body))


def _for_a_while(made: Response) -> Response:
    """The same for everybody, so anything on the way may keep it for a moment."""
    made.headers["Cache-Control"] = f"public, max-age={PAGE_SECONDS}"
    return made
