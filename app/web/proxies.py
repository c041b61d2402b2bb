"""Believes what trusted reverse proxies say about the client, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.proxies import TrustedProxies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class ForwardedRequests:
    """WSGI middleware: the client's address, scheme and host, where a trusted proxy handed the request on."""

    def __init__(self, app: WSGIApplication, trusted: TrustedProxies) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        forwarded_for = environ.get("HTTP_X_FORWARDED_FOR", "")
        entries = [part for part in forwarded_for.split(",") if part.strip()]
        hops = self._trusted.hops(environ.get("REMOTE_ADDR", ""), entries)
        if not hops:
            return self._app(environ, start_response)
        # Each proxy adds itself to X-Forwarded-For; the others are set once, by the first that is ours.
        return ProxyFix(self._app, x_for=hops, x_proto=1, x_host=1)(environ, start_response)


def install(app: Flask, trusted: TrustedProxies) -> None:
    """Put the middleware before the app, where there are proxies."""
    if trusted.count or trusted.networks:
        app.wsgi_app = ForwardedRequests(app.wsgi_app, trusted)  # type: ignore[method-assign]  # Flask's own way
