"""What the pages are given of the rest of the web edge."""

from __future__ import annotations

from app.live.atlas import ZonePicture
from app.showcase.seed import is_seeded
from app.web.csrf import csrf_token
from app.web.gate import identity_or_none
from app.web.headers import nonce
from app.web.pages import PageSources, Viewer
from app.web.runtime import runtime


def page_sources() -> PageSources:
    """The sources of one app; each is asked within a request."""
    return PageSources(
        zones=_zones_now,
        viewer=_viewer,
        illustrative=_is_illustrative,
        csrf_token=csrf_token,
        nonce=nonce,
    )


def _zones_now() -> ZonePicture:
    with runtime().reading() as database:
        return runtime().atlas.picture(database, runtime().clock())


def _viewer() -> Viewer | None:
    caller = identity_or_none()
    return None if caller is None else Viewer(name=caller.display_name, role=caller.role.value)


def _is_illustrative() -> bool:
    with runtime().reading() as database:
        return is_seeded(database)
