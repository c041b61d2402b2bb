"""The session cookie: signed, for this host only, and never sent in the clear over a network."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface

from app.services.logins import ABSOLUTE_MS
from app.settings import Settings

#: How long the browser keeps the cookie: as long as a login may last (app.services.logins).
LIFETIME = timedelta(milliseconds=ABSOLUTE_MS)

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class LocalOrSecure(SecureCookieSessionInterface):
    """The cookie is `Secure` unless the browser itself runs on this machine (localhost, plain HTTP).

    So the demo works without a certificate, and over a network a login needs HTTPS.
    """

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 -- Flask's signature
        """Whether this request's cookie may only travel over HTTPS."""
        return request.is_secure or request.host.rsplit(":", 1)[0] not in _LOCAL_NAMES


def install(app: Flask, settings: Settings) -> None:
    """Give the app its sessions."""
    app.secret_key = settings.key_for("session")
    app.session_interface = LocalOrSecure()
    app.config.update(
        SESSION_COOKIE_NAME="pilotage_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=LIFETIME,
    )
