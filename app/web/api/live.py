"""The live picture over HTTP: GeoJSON snapshots and event streams, for staff and for everybody."""

from __future__ import annotations

from flask import Response

from app.live.views import View
from app.schemas.live import LivePicture, PublicPicture
from app.web.api.base import OPEN, PREFIX, Problem, Responses, api_blueprint, media
from app.web.gate import identity
from app.web.runtime import runtime
from app.web.slots import Audience
from app.web.streams import stream

live_api = api_blueprint("live", "What drives and flies now: docs/api.md explains the events.", PREFIX)

_EVENTS = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
_STREAM: Responses = {"200": _EVENTS, "503": Problem}
_GEOJSON = "application/geo+json"


@live_api.get("/live", responses={"200": media(LivePicture, _GEOJSON)})
def live() -> Response:
    """True positions; an operator sees its own fleet only."""
    return _snapshot(runtime().live.staff, identity().scope)


@live_api.get("/live/stream", responses=_STREAM)
def live_stream() -> Response:
    """The same as server-sent events."""
    return stream(runtime().live.staff, Audience.STAFF, identity().scope)


@live_api.get("/public/live", responses={"200": media(PublicPicture, _GEOJSON)}, security=OPEN)
def public_live() -> Response:
    """The late, coarse and pseudonymous view."""
    return _snapshot(runtime().live.public, None)


@live_api.get("/public/live/stream", responses=_STREAM, security=OPEN)
def public_live_stream() -> Response:
    """The same as server-sent events."""
    return stream(runtime().live.public, Audience.PUBLIC, None)


def _snapshot(view: View, organisation: int | None) -> Response:
    return Response(view.snapshot(organisation), mimetype=_GEOJSON)
