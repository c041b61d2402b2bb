"""Replay over HTTP: where all vehicles were in a period, and the zones of an instant."""

from __future__ import annotations

from flask import Response

from app.schemas.replay import FleetSectionOut, InstantQuery, PastZones, SectionQuery
from app.services.fleet_trails import fleet_section
from app.web.api.base import Problem, api_blueprint, media
from app.web.gate import identity
from app.web.packed import packed_answer
from app.web.runtime import runtime
from app.web.trail_columns import fleet_section_json

replay_api = api_blueprint("replay", "What was stored, as it was: vehicles and zones. An operator sees its own fleet.")

_GEOJSON = "application/geo+json"


@replay_api.get("/section", responses={"200": FleetSectionOut, "422": Problem})
def samples(query: SectionQuery) -> Response:
    """All vehicles of a period, thinned to `step_ms` and packed; for drawing, not for judging.

    Ends at its `until_ms`, which may be earlier than asked for.
    """
    with runtime().reading() as session:
        found = fleet_section(
            session,
            since_ms=query.since_ms,
            until_ms=query.until_ms,
            step_ms=query.step_ms,
            organisation_id=identity().scope,
        )
        return packed_answer(fleet_section_json(found), "application/json")


@replay_api.get("/zones", responses={"200": media(PastZones, _GEOJSON), "422": Problem})
def zones(query: InstantQuery) -> Response:
    """The zones in force at an instant, also those whose schedule said that they were not active."""
    with runtime().reading() as session:
        return packed_answer(runtime().atlas.past(session, query.at_ms), _GEOJSON)
