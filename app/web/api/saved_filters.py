"""Saved filters of the alert board over HTTP: the caller's own."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field

from app.models import SavedFilter
from app.schemas.base import Schema
from app.schemas.saved_filters import Criteria, NewFilter, SavedFilterOut
from app.services.saved_filters import delete_filter, filter_page, own_filter, save_filter
from app.web.api.base import PageQuery, Problem, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.runtime import runtime

saved_filters_api = api_blueprint("saved-filters", "Filters of the alert board, each person's own.")

_LARGEST_KEY = 2**63 - 1


class FilterPath(Schema):
    """Which filter."""

    filter_id: Annotated[int, Field(ge=1, le=_LARGEST_KEY)]


class FilterList(Schema):
    """One page of filters, by name."""

    items: list[SavedFilterOut]
    next_cursor: str | None


@saved_filters_api.get("", responses={"200": FilterList, "422": Problem})
def filters(query: PageQuery) -> Response:
    """One page of the caller's filters."""
    with runtime().reading() as session:
        page = filter_page(session, identity().user_id, limit=query.limit, cursor=query.cursor)
        return answer(FilterList(items=page.map(_out).items, next_cursor=page.next_cursor))


@saved_filters_api.post("", responses={"201": SavedFilterOut, "409": Problem, "422": Problem})
def save(body: NewFilter) -> Response:
    """Save a filter under a name that the caller does not use yet."""
    with runtime().changing() as session:
        saved = save_filter(session, identity().user_id, body, now_ms=runtime().clock())
        return answer(_out(saved), HTTPStatus.CREATED, version=saved.version)


@saved_filters_api.get("/<int:filter_id>", responses={"200": SavedFilterOut, "422": Problem})
def saved_filter(path: FilterPath) -> Response:
    """One filter."""
    with runtime().reading() as session:
        found = own_filter(session, identity().user_id, path.filter_id)
        return answer(_out(found), version=found.version)


@saved_filters_api.delete(
    "/<int:filter_id>", responses={"204": None, "409": Problem, "412": Problem, "422": Problem, "428": Problem}
)
def forget(path: FilterPath) -> Response:
    """Delete a filter."""
    with runtime().changing() as session:
        found = own_filter(session, identity().user_id, path.filter_id)
        require_match(found.version)
        delete_filter(session, found, expected_version=found.version)
    return Response(status=HTTPStatus.NO_CONTENT)


def _out(saved: SavedFilter) -> SavedFilterOut:
    criteria = Criteria.model_validate(saved.criteria)
    return SavedFilterOut(id=saved.id, name=saved.name, criteria=criteria, version=saved.version)
