"""The app as a WSGI server wants it: settings from the environment, background threads running."""

from __future__ import annotations

from flask import Flask

from app.settings import Settings
from app.web.factory import create_app
from app.web.server import Background


def application() -> Flask:
    """Make the app and start what feeds it; call it in the serving process, after any fork."""
    app = create_app(Settings.from_environment())
    Background(app).start()
    return app
