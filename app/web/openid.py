"""Logging in through an OpenID Connect provider: authorization code with PKCE, state and nonce."""

from __future__ import annotations

import logging
from http import HTTPStatus

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, Response, abort, current_app, request, session, url_for
from flask_babel import gettext as _
from joserfc.errors import JoseError
from werkzeug.wrappers import Response as WerkzeugResponse

from app.errors import Forbidden
from app.services.oidc import user_of_claims
from app.settings import OpenIdProvider, Settings
from app.web.auth import arrival, start_session
from app.web.login_pages import login_page, wanted_page
from app.web.runtime import runtime

logger = logging.getLogger(__name__)

openid = Blueprint("openid", __name__)

_KEY = "pilotage_openid"
_TIMEOUT_S = 5
#: How far the provider's clock may be from ours.
_LEEWAY_S = 60
_WANTED = "openid_next"


def install(app: Flask, settings: Settings) -> None:
    """Register the provider of the settings, if they name one."""
    if settings.openid is None:
        return
    logging.getLogger("authlib").setLevel(logging.INFO)  # below that it logs the code's verifier
    oauth = OAuth(app)  # type: ignore[no-untyped-call]  # Authlib has no annotations
    oauth.register(  # type: ignore[no-untyped-call]
        "provider",
        client_id=settings.openid.client_id,
        client_secret=settings.openid.client_secret,
        server_metadata_url=f"{settings.openid.issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email",
            "code_challenge_method": "S256",
            "default_timeout": _TIMEOUT_S,
        },
    )
    app.extensions[_KEY] = oauth


@openid.get("/login/openid")
def begin() -> WerkzeugResponse:
    """Send the browser to the provider."""
    oauth, _provider = _registered()
    session[_WANTED] = wanted_page()
    try:
        redirected = oauth.provider.authorize_redirect(url_for("openid.answered", _external=True))
    except (requests.RequestException, ValueError, RuntimeError) as error:
        return _failed(error)
    assert isinstance(redirected, WerkzeugResponse)
    return redirected


@openid.get("/login/openid/callback")
def answered() -> Response | WerkzeugResponse:
    """The provider sends the browser back: log in whom it vouches for."""
    oauth, provider = _registered()
    options = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
    }
    try:
        token = oauth.provider.authorize_access_token(claims_options=options, leeway=_LEEWAY_S)
        claims = token["userinfo"]
    except (AuthlibBaseError, JoseError, requests.RequestException, ValueError, KeyError, RuntimeError) as error:
        return _failed(error)
    wanted = str(session.get(_WANTED, ""))
    try:
        with runtime().changing() as database:
            user = user_of_claims(database, provider.issuer, claims, now_ms=runtime().clock())
            start_session(database, user, is_federated=True)
    except Forbidden:
        problem = _("Nobody here is known by this login. Ask your administrator.")
        return Response(login_page(problem=problem), HTTPStatus.FORBIDDEN)
    return arrival(user, wanted)


def _registered() -> tuple[OAuth, OpenIdProvider]:
    provider = runtime().settings.openid
    if provider is None:
        abort(HTTPStatus.NOT_FOUND)
    oauth = current_app.extensions[_KEY]
    assert isinstance(oauth, OAuth)
    return oauth, provider


def _failed(error: Exception) -> Response:
    """Told without what the provider sent: a code or a token could be in it."""
    logger.warning("a login through the provider failed: %s at %s", type(error).__name__, request.endpoint)
    problem = _("The login through the provider did not work. Please try again.")
    return Response(login_page(problem=problem), HTTPStatus.UNAUTHORIZED)
