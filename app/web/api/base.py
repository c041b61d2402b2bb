"""What every part of the API shares: its blueprint, pages of lists, versions of objects, answers.

A view is a function of pydantic models: `path`, `query` and `body` are parsed and checked before it
is called. An input that does not fit is answered 422 with all its problems (app.web.problems).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from flask import Response, request
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from app.errors import PreconditionFailed, PreconditionMissing
from app.schemas.base import Schema
from app.web.problems import problem

PREFIX = "/api/v1"
#: What an operation may answer, by status: a schema, or a description written out (see `media`).
Responses = dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None]
#: `security` of operations that need no login.
OPEN: list[dict[str, list[str]]] = [{}]
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]


class FieldError(Schema):
    """One field of a bad input."""

    path: str
    code: str
    detail: str


class Problem(Schema):
    """RFC 9457 problem details; `code` is stable, `errors` lists the fields of a bad input."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()


class PageQuery(Schema):
    """Which part of a list: `limit` items after the `cursor` that the page before gave."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str | None, Field(max_length=400, description="`next_cursor` of the page before")] = None


def api_blueprint(noun: str, description: str, prefix: str | None = None) -> APIBlueprint:
    """The blueprint `api_<noun>` at /api/v1/<noun>, or at another `prefix`.

    Its operations need a login unless they say `security=OPEN`.
    """
    made = APIBlueprint(
        f"api_{noun}",
        __name__,
        url_prefix=f"{PREFIX}/{noun}" if prefix is None else prefix,
        abp_tags=[Tag(name=noun, description=description)],
        abp_security=_SECURITY,
        abp_responses={
            "401": Problem,
            "403": Problem,
            "404": Problem,
        },
    )
    made.before_request(_refuse_repeated_parameters)
    return made


def _refuse_repeated_parameters() -> Response | None:
    """No parameter of this API is a list: of two values for one, we would have to guess which is meant."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if not repeated:
        return None
    errors = [{"path": name, "code": "repeated", "detail": "Given more than once."} for name in repeated]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_input", "The input does not fit.", errors=errors)


def media(schema: type[BaseModel], media_type: str) -> dict[str, Any]:
    """The description of an answer of another media type than JSON, with its schema written out in place."""
    whole = schema.model_json_schema(mode="serialization")
    return {"content": {media_type: {"schema": _inlined(whole, whole.pop("$defs", {}))}}}


def answer(body: BaseModel, status: HTTPStatus = HTTPStatus.OK, *, version: int | None = None) -> Response:
    """A JSON answer; `version` is the object's, sent as its ETag for a later If-Match."""
    made = Response(body.model_dump_json(), status, mimetype="application/json")
    if version is not None:
        made.set_etag(str(version))
        if request.method in {"GET", "HEAD"}:
            made.make_conditional(request)
    return made


def require_match(version: int) -> None:
    """Demand If-Match with this version of the object, so that nobody changes what they have not seen.

    Raises PreconditionMissing (428) without the header, PreconditionFailed (412) for another version.
    """
    if not request.if_match:
        raise PreconditionMissing("send If-Match with the ETag of the object as you have read it")
    if not request.if_match.contains(str(version)):
        raise PreconditionFailed("the object has changed since you read it")


def _inlined(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(value, definitions) for name, value in node.items()}
