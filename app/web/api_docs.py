"""The description of the API, and the page that browses it with Swagger UI from its package."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template
from flask_openapi3 import Info, OpenAPI
from pydantic import ValidationError

from app.web.api.base import Problem
from app.web.problems import invalid_input

api_docs = Blueprint("api_docs", __name__, url_prefix="/api/docs")


def _refuse(error: ValidationError) -> Response:
    return invalid_input(error)


_PRECONDITION_REQUIRED = str(HTTPStatus.PRECONDITION_REQUIRED.value)
_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "description": "The `ETag` of the object as it was read, so that nobody changes what they have not seen.",
    "schema": {"type": "string", "examples": ['"1"']},
}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

#: What flask_openapi3.OpenAPI needs besides Flask's own arguments.
API_DESCRIPTION: dict[str, Any] = {
    "info": Info(
        title="Pilotage",
        version="1",
        description=(
            "Send `Authorization: Bearer TOKEN`; with a login in this browser, operations that are tried out here "
            "are yours. Changes of an object need `If-Match` with its `ETag`. Lists go on with `next_cursor` as "
            "`cursor`. Times are milliseconds UTC, positions WGS 84, longitude first. Errors are problem details "
            "(RFC 9457) with a stable `code`."
        ),
    ),
    "security_schemes": {
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "pilotage_session"},
    },
    "validation_error_status": HTTPStatus.UNPROCESSABLE_ENTITY.value,
    "validation_error_model": Problem,
    "validation_error_callback": _refuse,
    "doc_ui": False,
}


def described(app: OpenAPI) -> dict[str, Any]:
    """The document as the library makes it from the code, with every error answered as a problem.

    What may answer that a precondition is missing demands one (app.web.api.base.require_match).
    """
    document = dict(app.api_doc)
    document["paths"] = {
        path: {method: _completed(operation) for method, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    return document


def _completed(operation: dict[str, Any]) -> dict[str, Any]:
    responses = {
        status: answer | {"content": _PROBLEM} if int(status) >= HTTPStatus.BAD_REQUEST else answer
        for status, answer in operation["responses"].items()
    }
    demanded = [_IF_MATCH] if _PRECONDITION_REQUIRED in responses else []
    return operation | {"responses": responses, "parameters": [*operation.get("parameters", ()), *demanded]}


@api_docs.get("/openapi.json")
def document() -> Response:
    """The OpenAPI 3.1 document."""
    assert isinstance(current_app, OpenAPI)
    return jsonify(described(current_app))


@api_docs.get("")
def page() -> str:
    """Swagger UI."""
    return render_template("api_docs.html")
