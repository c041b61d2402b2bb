"""Serves the app with gunicorn: one process, many threads, and a stop that open streams cannot delay."""

# gunicorn has no annotations, so that every call into it counts as untyped.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import logging
from types import FrameType
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from app.chores import ChoreThread, chores_of, long_chores_of
from app.live.feed import LiveFeed
from app.live.subscriber import bus_listener
from app.outgoing.sender import DeliveryThread, carriers
from app.processes import broker_address, start_logging
from app.settings import Settings
from app.web.factory import create_app
from app.web.notification_words import composer
from app.web.runtime import runtime_of

logger = logging.getLogger(__name__)

#: How long requests may take to end when the server stops.
_GRACE_S = 5
_CONNECTIONS = 1_000
#: Long enough for the parts of one page; a stopping server waits for idle connections that long.
_KEEPALIVE_S = 2


class Background:
    """The threads that feed one app, the bus and the database, and the one that does the chores."""

    def __init__(self, app: Flask) -> None:
        state = runtime_of(app)
        self._live = state.live
        self._feed = LiveFeed(state.live, state.engine, state.clock, escalate_after_s=state.settings.alert_escalation_s)
        self._listener = bus_listener(
            broker_address(state.settings),
            self._feed,
            on_heartbeat=state.heartbeats.beat,
            on_connection=state.heartbeats.set_connected,
        )
        self._deliveries = DeliveryThread(
            state.engine, state.clock, composer(app, state.settings), carriers(state.settings)
        )
        chores = chores_of(state.settings, state.heartbeats.listening_since_ms)
        self._chores = ChoreThread(chores, state.engine, state.clock, state.chores)
        self._long_chores = ChoreThread(long_chores_of(state.settings), state.engine, state.clock, state.chores)

    def start(self) -> None:
        """Start all, after the fork: threads do not survive one."""
        self._feed.start()
        self._listener.start()
        self._chores.start()
        self._long_chores.start()
        self._deliveries.start()

    def end_streams(self) -> None:
        """Let every open event stream come to its end."""
        self._live.close()

    def stop(self) -> None:
        """Stop all."""
        self.end_streams()
        self._long_chores.stop(is_patient=False)
        self._chores.stop()
        self._deliveries.stop()
        self._listener.stop()
        self._feed.stop()


class StreamingWorker(ThreadWorker):
    """gunicorn's threaded worker that ends the event streams before it waits for open requests."""

    def init_process(self) -> None:
        """Load the app, start its background, serve until told to stop."""
        try:
            super().init_process()
        finally:
            background = self.app.background
            if background is not None:
                background.stop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: finish what is being answered."""
        super().handle_exit(sig, frame)
        self._end_streams()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """SIGINT or SIGQUIT: leave at once."""
        self._end_streams()
        super().handle_quit(sig, frame)

    def _end_streams(self) -> None:
        if self.app.background is not None:
            self.app.background.end_streams()


class Server(BaseApplication):
    """gunicorn, configured by our settings alone: no command line, no configuration file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.background: Background | None = None
        super().__init__()

    def load_config(self) -> None:
        """Hand our settings to gunicorn."""
        options: dict[str, Any] = {
            "bind": f"{_bracketed(self._settings.host)}:{self._settings.port}",
            "workers": 1,
            "threads": self._settings.web_threads,
            "worker_class": StreamingWorker,
            "worker_connections": max(_CONNECTIONS, 2 * self._settings.web_threads),
            "keepalive": _KEEPALIVE_S,
            "graceful_timeout": _GRACE_S,
            "accesslog": None,
            "loglevel": "warning",
            "proc_name": "pilotage-web",
            "control_socket_disable": True,
        }
        config = self.cfg
        assert config is not None
        for name, value in options.items():
            if name in config.settings:  # the control socket is newer than our oldest gunicorn
                config.set(name, value)

    def load(self) -> Flask:
        """Make the app in the serving process and start what feeds it."""
        app = create_app(self._settings)
        self.background = Background(app)
        self.background.start()
        return app


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def run_web(settings: Settings) -> None:
    """The web server, until SIGTERM or SIGINT; ends the process the way gunicorn does (SystemExit)."""
    start_logging(settings)
    Server(settings).run()
