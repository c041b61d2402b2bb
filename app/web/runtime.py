"""What the web process holds besides Flask: handed to the factory, found again by the views."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.chores import ChoreBook
from app.database import changing_session, reading_session
from app.documents.press import NoticePress
from app.live.atlas import ZoneAtlas
from app.live.views import LiveViews
from app.services.emergency_board import Board
from app.settings import Settings
from app.web.heartbeats import Heartbeats
from app.web.metrics import WebMetrics
from app.web.shared_readings import SharedReadings
from app.web.slots import StreamSlots
from app.web.throttle import LoginThrottle
from telemetry.ports import Clock

_KEY = "pilotage"


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything that views reach for. Views open their sessions through it."""

    settings: Settings
    engine: Engine
    clock: Clock
    live: LiveViews
    atlas: ZoneAtlas
    heartbeats: Heartbeats
    slots: StreamSlots
    throttle: LoginThrottle
    metrics: WebMetrics
    chores: ChoreBook
    press: NoticePress
    boards: SharedReadings[str, Board]
    shown_boards: SharedReadings[tuple[str, int | None, str], bytes]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading."""
        with reading_session(self.engine) as session:
            yield session

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """A session that commits at the end of the block."""
        with changing_session(self.engine) as session:
            yield session


def install(app: Flask, runtime: Runtime) -> None:
    """Attach the runtime to the app."""
    app.extensions[_KEY] = runtime


def runtime_of(app: Flask) -> Runtime:
    """The runtime of an app."""
    runtime = app.extensions[_KEY]
    assert isinstance(runtime, Runtime)
    return runtime


def runtime() -> Runtime:
    """The runtime of the app that serves this request."""
    return runtime_of(current_app)
