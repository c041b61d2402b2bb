"""Errors as answers: problem details (RFC 9457) for the API, a plain page for people."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from flask import Flask, Response, request
from pydantic import ValidationError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from werkzeug.exceptions import HTTPException

from app.errors import (
    AlreadyRegistered,
    AppError,
    BrokerUnavailable,
    Conflict,
    Forbidden,
    InvalidChange,
    NotFound,
    Overloaded,
    PreconditionFailed,
    PreconditionMissing,
)
from app.schemas.base import problems_of
from app.web.problem_page import problem_page

logger = logging.getLogger(__name__)

API_PREFIX = "/api/"


#: The status of each kind of failure; the first that fits counts.
_STATUS: tuple[tuple[type[AppError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (PreconditionMissing, HTTPStatus.PRECONDITION_REQUIRED),
    (PreconditionFailed, HTTPStatus.PRECONDITION_FAILED),
    (Conflict, HTTPStatus.CONFLICT),
    (AlreadyRegistered, HTTPStatus.CONFLICT),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (InvalidChange, HTTPStatus.UNPROCESSABLE_ENTITY),
    (BrokerUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (Overloaded, HTTPStatus.SERVICE_UNAVAILABLE),
)


def problem(
    status: HTTPStatus,
    code: str,
    detail: str = "",
    headers: dict[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
    *,
    params: Mapping[str, object] | None = None,
) -> Response:
    """An answer that says what went wrong; `code` is stable, `detail` for people, `errors` names fields."""
    if not request.path.startswith(API_PREFIX):
        return Response(problem_page(status, code, params), status, headers, mimetype="text/html")
    body: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return Response(msgspec.json.encode(body), status, headers, mimetype="application/problem+json")


def install(app: Flask) -> None:
    """Answer every error of the app."""

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        code = status.phrase.lower().replace(" ", "_").replace("-", "_")
        return problem(status, code, str(error.description or ""), _kept_headers(error))

    @app.errorhandler(AppError)
    def app_error(error: AppError) -> Response:
        params = error.params if isinstance(error, InvalidChange) else None
        return problem(_status_of(error), error.code, str(error), errors=_fields_of(error), params=params)

    @app.errorhandler(IntegrityError)
    def broken_rule(error: IntegrityError) -> Response:
        """No lost race, which app.database tells apart: something passed our checks that breaks a rule."""
        logger.error("a constraint refused a change", exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong here.")

    @app.errorhandler(DataError)
    def impossible_value(error: DataError) -> Response:
        """PostgreSQL takes no zero byte in a text and no number beyond its column's."""
        logger.warning("the database refused a value", exc_info=error)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_input", "The database cannot hold such a value.")

    @app.errorhandler(DBAPIError)
    def database_error(error: DBAPIError) -> Response:
        logger.error("the database failed", exc_info=error)
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "database_unavailable", "The database cannot be reached.")

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        logger.error("unexpected error at %s", request.endpoint, exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong here.")


def invalid_input(error: ValidationError) -> Response:
    """An input that its schema refused: 422 with every field."""
    errors = [{"path": found.path, "code": found.code, "detail": found.message} for found in problems_of(error)]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_input", "The input does not fit.", errors=errors)


def _status_of(error: AppError) -> HTTPStatus:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)


def _fields_of(error: AppError) -> list[dict[str, str]]:
    return [{"path": field, "code": error.code, "detail": str(error)} for field in error.fields]


def _kept_headers(error: HTTPException) -> dict[str, str]:
    kept = {"Allow", "Retry-After", "Location"}
    return {name: value for name, value in error.get_headers() if name in kept}
