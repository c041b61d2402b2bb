"""A small OpenID Connect provider on the loopback: real HTTP, signed ID tokens, and lies on request."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from authlib.common.encoding import to_unicode, urlsafe_b64encode
from flask import Flask, Response, request
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import make_server

CLIENT_ID, CLIENT_SECRET = "pilotage", "the client's secret"


@dataclass
class Provider:
    """What it says about whom; `lies` overrides claims of the next ID tokens."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    signing_key: RSAKey | OctKey | None = None
    algorithm: str = "RS256"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def authorize(self, location: str) -> str:
        """The browser follows our redirect to the provider; returns the code that it brings back."""
        code = secrets.token_urlsafe(8)
        self.codes[code] = _query(location)
        return code

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce}
        told = {name: value for name, value in (claims | self.claims | self.lies).items() if value is not None}
        header, key = {"alg": self.algorithm, "kid": "k1"}, self.signing_key or self.key
        return jwt.encode(header, told, key, algorithms=[self.algorithm])


@contextmanager
def running_provider() -> Iterator[Provider]:
    """The provider on a free port."""
    app = Flask("provider")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    provider = Provider(f"http://127.0.0.1:{server.port}")
    _add_routes(app, provider)
    thread = threading.Thread(target=server.serve_forever, name="provider")
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _add_routes(app: Flask, provider: Provider) -> None:
    @app.get("/.well-known/openid-configuration")
    def metadata() -> dict[str, Any]:
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "jwks_uri": f"{provider.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    @app.get("/jwks")
    def jwks() -> dict[str, Any]:
        return {"keys": [provider.key.as_dict(private=False)]}

    @app.post("/token")
    def token() -> Response:
        asked = provider.codes.pop(request.form.get("code", ""), None)
        given = request.authorization
        is_client = given is not None and (given.username, given.password) == (CLIENT_ID, CLIENT_SECRET)
        if asked is None or not is_client or not _is_verifier(request.form.get("code_verifier", ""), asked):
            return Response(json.dumps({"error": "invalid_grant"}), 400, mimetype="application/json")
        body = {"access_token": "a", "token_type": "Bearer", "id_token": provider.id_token(asked["nonce"])}
        return Response(json.dumps(body), mimetype="application/json")


def _is_verifier(verifier: str, asked: dict[str, str]) -> bool:
    challenge = to_unicode(urlsafe_b64encode(sha256(verifier.encode()).digest()))
    return asked["code_challenge_method"] == "S256" and challenge == asked["code_challenge"]


def _query(location: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(location).query))
