"""What the pages are given of the rest of the web edge."""

from __future__ import annotations

from app.settings import Settings
from app.web.basemap import shipped_city
from app.web.csrf import csrf_token
from app.web.gate import identity_or_none
from app.web.headers import nonce
from app.web.pages import PageSources, Viewer
from app.web.zones import zones_now


def page_sources(settings: Settings) -> PageSources:
    """The sources of one app; each is asked within a request."""
    return PageSources(
        zones=zones_now,
        city=shipped_city,
        viewer=_viewer,
        illustrative=lambda: settings.demo,
        csrf_token=csrf_token,
        nonce=nonce,
        demo_logins=(),
    )


def _viewer() -> Viewer | None:
    caller = identity_or_none()
    return None if caller is None else Viewer(name=caller.display_name, role=caller.role.value)
