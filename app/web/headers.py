"""Headers of every answer: what the browser may load, and who may frame or keep the page."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from app.settings import Settings


def nonce() -> str:
    """The token of this request's inline scripts and styles under the content security policy."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def install(app: Flask, settings: Settings) -> None:
    """Add the headers to every answer of the app."""
    images = " ".join(["'self'", "data:", *_tile_origin(settings.tile_url)])

    @app.after_request
    def add_headers(answer: Response) -> Response:
        if "Content-Security-Policy" not in answer.headers:
            answer.headers["Content-Security-Policy"] = _policy(nonce(), images)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["X-Frame-Options"] = "DENY"
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if request.is_secure:
            answer.headers["Strict-Transport-Security"] = "max-age=31536000"
        if "Cache-Control" not in answer.headers:
            answer.headers["Cache-Control"] = "no-store"
        return answer


def _policy(token: str, images: str) -> str:
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{token}'",
            f"style-src 'self' 'nonce-{token}'",
            f"img-src {images}",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _tile_origin(tile_url: str | None) -> list[str]:
    """The one foreign origin that is allowed: the base map's tiles, when the settings name some."""
    if tile_url is None:
        return []
    parts = urlsplit(tile_url)
    if not parts.netloc:
        return []
    return [f"{parts.scheme or 'https'}://{parts.netloc.replace('{s}', '*')}"]
