"""Where a vehicle was, over HTTP."""

from __future__ import annotations

from flask import Response

from app.schemas.base import Identifier, Schema
from app.schemas.replay import SectionOut, TrailQuery
from app.services.trails import DEFAULT_MS, trail
from app.services.vehicles import vehicle_by_id
from app.web.api.base import PREFIX, Problem, api_blueprint
from app.web.ownership import require_own
from app.web.packed import packed_answer
from app.web.runtime import runtime
from app.web.trail_columns import section_json

trails_api = api_blueprint("trails", "Where vehicles were.", f"{PREFIX}/vehicles")


class TrailPath(Schema):
    """Which vehicle."""

    vehicle_id: Identifier


@trails_api.get("/<vehicle_id>/trail", responses={"200": SectionOut, "422": Problem})
def vehicle_trail(path: TrailPath, query: TrailQuery) -> Response:
    """The samples of a period, thinned to `most`, in a section with one trail, or none without samples."""
    until_ms = runtime().clock() if query.until_ms is None else query.until_ms
    since_ms = until_ms - DEFAULT_MS if query.since_ms is None else query.since_ms
    with runtime().reading() as session:
        vehicle = vehicle_by_id(session, path.vehicle_id)
        require_own(vehicle.organisation_id)
        found = trail(session, vehicle, since_ms=since_ms, until_ms=until_ms, most=query.most)
        return packed_answer(section_json(found), "application/json")
