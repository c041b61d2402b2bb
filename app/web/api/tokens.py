"""One's own bearer tokens over HTTP. They are managed with a session: no token makes another."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from flask import Response
from pydantic import Field

from app.models import ApiToken
from app.schemas.accounts import TokenDetails, TokenOut
from app.schemas.base import Schema
from app.services.tokens import issue_token, own_token, revoke_token, token_page, tokens_of
from app.web.api.base import PageQuery, Problem, answer, api_blueprint
from app.web.ownership import actor
from app.web.runtime import runtime

_DAY_MS = 86_400_000
#: What these operations need: a session, never a token.
_SESSION: list[dict[str, list[Any]]] = [{"session": []}]

tokens_api = api_blueprint("tokens", "Your own tokens for programs. Only a session may manage them, no token.")


class TokenPath(Schema):
    """Which token."""

    token_id: Annotated[int, Field(ge=1, le=2**31 - 1)]


class TokenList(Schema):
    """One page of the caller's tokens, newest first, expired and revoked ones too."""

    items: list[TokenOut]
    next_cursor: str | None


class IssuedToken(Schema):
    """A new token, which is shown this once."""

    token: str
    details: TokenOut


@tokens_api.get("", responses={"200": TokenList, "422": Problem}, security=_SESSION)
def tokens(query: PageQuery) -> Response:
    """Your tokens."""
    with runtime().reading() as database:
        page = token_page(database, actor(database), limit=query.limit, cursor=query.cursor)
        return answer(TokenList(items=page.map(_out).items, next_cursor=page.next_cursor))


@tokens_api.post("", responses={"201": IssuedToken, "400": Problem, "422": Problem}, security=_SESSION)
def issue(body: TokenDetails) -> Response:
    """Issue a token."""
    with runtime().changing() as database:
        user, now_ms = actor(database), runtime().clock()
        expires_at_ms = now_ms + body.days * _DAY_MS
        token = issue_token(
            database, user, actor=user, name=body.name, now_ms=now_ms, expires_at_ms=expires_at_ms, scopes=body.scopes
        )
        details = _out(tokens_of(database, user)[0])
    return answer(IssuedToken(token=token, details=details), HTTPStatus.CREATED)


@tokens_api.delete("/<int:token_id>", responses={"200": TokenOut, "400": Problem}, security=_SESSION)
def revoke(path: TokenPath) -> Response:
    """Revoke a token: it ends now."""
    with runtime().changing() as database:
        user = actor(database)
        token = own_token(database, user, path.token_id)
        revoke_token(database, token, actor=user, now_ms=runtime().clock())
    return answer(_out(token))


def _out(row: ApiToken) -> TokenOut:
    return TokenOut(
        id=row.id,
        name=row.name,
        scopes=tuple(row.scopes),
        created_at_ms=row.created_at_ms,
        expires_at_ms=row.expires_at_ms,
        last_used_at_ms=row.last_used_at_ms,
        revoked_at_ms=row.revoked_at_ms,
    )
