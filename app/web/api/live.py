"""The live picture over HTTP: GeoJSON snapshots and event streams, for staff and for everybody."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from app.live.board import Window
from app.live.views import View
from app.schemas.base import Schema
from app.schemas.live import LivePicture, PublicPicture
from app.web.api.base import OPEN, PREFIX, Problem, Responses, api_blueprint, media
from app.web.gate import identity
from app.web.runtime import runtime
from app.web.slots import Audience
from app.web.streams import Interest, stream

live_api = api_blueprint("live", "What drives and flies now: docs/api.md explains the events.", PREFIX)

_EVENTS = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
_STREAM: Responses = {"200": _EVENTS, "503": Problem}
_GEOJSON = "application/geo+json"


@live_api.get("/live", responses={"200": media(LivePicture, _GEOJSON)})
def live() -> Response:
    """True positions; an operator sees its own fleet only."""
    return _snapshot(runtime().live.staff, identity().scope)


class StreamQuery(Schema):
    """Which positions are told at once (those elsewhere come every few seconds), and how shortly."""

    bbox: Annotated[
        str | None,
        Field(
            max_length=120,
            pattern=r"^-?\d{1,3}(\.\d{1,20})?(,-?\d{1,3}(\.\d{1,20})?){3}$",
            description="west,south,east,north in degrees",
        ),
    ] = None

    moves: Annotated[
        bool, Field(description="vehicles of which only the motion has changed are told shortly: docs/api.md")
    ] = False

    def window(self) -> Window | None:
        """The same as numbers."""
        if self.bbox is None:
            return None
        west, south, east, north = map(float, self.bbox.split(","))
        return Window(west, south, east, north)


@live_api.get("/live/stream", responses={**_STREAM, "422": Problem})
def live_stream(query: StreamQuery) -> Response:
    """The same as server-sent events."""
    return stream(runtime().live.staff, Audience.STAFF, Interest(identity().scope, query.window(), query.moves))


@live_api.get("/public/live", responses={"200": media(PublicPicture, _GEOJSON)}, security=OPEN)
def public_live() -> Response:
    """The late, coarse and pseudonymous view."""
    return _snapshot(runtime().live.public, None)


@live_api.get("/public/live/stream", responses=_STREAM, security=OPEN)
def public_live_stream() -> Response:
    """The same as server-sent events."""
    return stream(runtime().live.public, Audience.PUBLIC, Interest())


def _snapshot(view: View, organisation: int | None) -> Response:
    return Response(view.snapshot(organisation), mimetype=_GEOJSON)
