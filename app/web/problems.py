"""Errors as answers: problem details (RFC 9457) for the API, a plain page for people."""

from __future__ import annotations

import logging
from http import HTTPStatus

import msgspec
from flask import Flask, Response, request
from markupsafe import escape
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from app.errors import AppError, InvalidChange, NotFound

logger = logging.getLogger(__name__)

API_PREFIX = "/api/"


def problem(status: HTTPStatus, code: str, detail: str = "", headers: dict[str, str] | None = None) -> Response:
    """An answer that says what went wrong; `code` is stable, `detail` for people."""
    if not request.path.startswith(API_PREFIX):
        title = escape(f"{status.value} {status.phrase}")
        page = f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{escape(detail)}</p>"
        return Response(page, status, headers, mimetype="text/html")
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "code": code, "detail": detail}
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
        return problem(_status_of(error), error.code, str(error))

    @app.errorhandler(DBAPIError)
    def database_error(error: DBAPIError) -> Response:
        logger.error("the database failed", exc_info=error)
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "database_unavailable", "The database cannot be reached.")

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        logger.error("unexpected error at %s", request.endpoint, exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong here.")


def _status_of(error: AppError) -> HTTPStatus:
    if isinstance(error, NotFound):
        return HTTPStatus.NOT_FOUND
    if isinstance(error, InvalidChange):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.BAD_REQUEST


def _kept_headers(error: HTTPException) -> dict[str, str]:
    kept = {"Allow", "Retry-After", "Location"}
    return {name: value for name, value in error.get_headers() if name in kept}
