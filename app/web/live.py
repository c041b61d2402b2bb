"""The live picture over HTTP: GeoJSON snapshots and event streams, for staff and for everybody."""

from __future__ import annotations

from flask import Blueprint, Response

from app.live.views import View
from app.web.gate import identity
from app.web.runtime import runtime
from app.web.slots import Audience
from app.web.streams import stream

live_api = Blueprint("api_live", __name__, url_prefix="/api/v1")


@live_api.get("/live")
def live() -> Response:
    """True positions; an operator sees its own fleet only."""
    return _snapshot(runtime().live.staff, identity().scope)


@live_api.get("/live/stream")
def live_stream() -> Response:
    """The same as events."""
    return stream(runtime().live.staff, Audience.STAFF, identity().scope)


@live_api.get("/public/live")
def public_live() -> Response:
    """The late, coarse and pseudonymous view."""
    return _snapshot(runtime().live.public, None)


@live_api.get("/public/live/stream")
def public_live_stream() -> Response:
    """The same as events."""
    return stream(runtime().live.public, Audience.PUBLIC, None)


def _snapshot(view: View, organisation: int | None) -> Response:
    return Response(view.snapshot(organisation), mimetype="application/geo+json")
