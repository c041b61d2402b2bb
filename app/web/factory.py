"""The Flask app: made from settings, with nothing global and nothing started."""

from __future__ import annotations

from flask import Flask
from flask_openapi3 import OpenAPI
from sqlalchemy import Engine

from app.chores import ChoreBook
from app.database import open_engine
from app.documents.press import NoticePress
from app.live.atlas import ZoneAtlas
from app.live.views import LiveViews, build_views
from app.settings import Settings
from app.web import (
    api_docs,
    assets,
    body_limits,
    gate,
    headers,
    keys,
    kit,
    language,
    metrics,
    openid,
    problems,
    proxies,
    runtime,
    sessions,
)
from app.web.api import API
from app.web.api_docs import API_DESCRIPTION
from app.web.auth import auth
from app.web.desk import DESK
from app.web.health import health
from app.web.heartbeats import Heartbeats
from app.web.page_sources import page_sources
from app.web.pages import create_pages
from app.web.public import PUBLIC_PAGES
from app.web.runtime import Runtime
from app.web.shared_readings import SharedReadings
from app.web.slots import StreamSlots
from app.web.throttle import LoginThrottle
from telemetry.clock import system_clock
from telemetry.ports import Clock

#: Nothing that this server takes is larger: forms and notes.
_LARGEST_BODY_BYTES = 64 * 1024


def create_app(
    settings: Settings, *, engine: Engine | None = None, live: LiveViews | None = None, clock: Clock = system_clock
) -> Flask:
    """The whole web edge over a database (default: the settings') and a live picture (default: empty).

    The picture is fed by app.live.feed, which app.web.server starts once the process has forked.
    """
    app = OpenAPI(__name__, **API_DESCRIPTION, static_folder="static", template_folder="templates")
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY_BYTES
    state = _state(settings, engine or open_engine(settings.database_url), live or build_views(settings, clock), clock)
    runtime.install(app, state)
    keys.install(app)
    proxies.install(app, settings.trusted_proxies)
    sessions.install(app, settings)
    openid.install(app, settings)
    language.install(app, settings.locale)
    problems.install(app)
    body_limits.install(app)
    gate.install(app)
    headers.install(app, settings)
    metrics.install(app, state.metrics)
    kit.install(app)
    _add_routes(app, settings)
    return app


def _state(settings: Settings, engine: Engine, live: LiveViews, clock: Clock) -> Runtime:
    heartbeats, slots, chores = Heartbeats(clock), StreamSlots(settings.web_threads), ChoreBook()
    return Runtime(
        settings=settings,
        engine=engine,
        clock=clock,
        live=live,
        atlas=ZoneAtlas(),
        heartbeats=heartbeats,
        slots=slots,
        throttle=LoginThrottle(clock),
        metrics=metrics.WebMetrics(heartbeats, live.picture, slots, chores),
        chores=chores,
        press=NoticePress(),
        boards=SharedReadings(),
        shown_boards=SharedReadings(),
    )


def _add_routes(app: OpenAPI, settings: Settings) -> None:
    app.register_blueprint(create_pages(settings, page_sources()))
    for blueprint in (auth, openid.openid, health, assets.assets, api_docs.api_docs):
        app.register_blueprint(blueprint)
    for part in API:
        app.register_api(part)
    for pages in (*DESK, *PUBLIC_PAGES):
        app.register_blueprint(pages)
