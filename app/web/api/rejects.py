"""Rejected messages over HTTP."""

from __future__ import annotations

import base64
from typing import Annotated

from flask import Response
from pydantic import Field

from app.schemas.base import Identifier, Schema
from app.services.rejects import RejectEntry, list_rejects, reject_by_id
from app.web.api.base import PageQuery, Problem, answer, api_blueprint
from app.web.gate import identity
from app.web.runtime import runtime
from telemetry.ports import RejectReason

rejects_api = api_blueprint("rejects", "Messages that were not believed. An operator sees those of its vehicles.")


class RejectPath(Schema):
    """Which message."""

    reject_id: Annotated[int, Field(ge=1, le=2**63 - 1)]


class RejectQuery(PageQuery):
    """Which messages."""

    organisation: Annotated[Identifier | None, Field(description="the operator's code")] = None
    vehicle_id: Identifier | None = None
    reason: RejectReason | None = None


class RejectOut(Schema):
    """A message that was not believed, as it came; of a long one the beginning."""

    id: int
    vehicle_id: str | None
    topic: str
    seq: int | None
    reason: RejectReason
    detail: str
    payload_base64: str
    payload_text: Annotated[str | None, Field(description="the payload, where it is readable text")]
    arrivals: int
    first_received_ms: int
    last_received_ms: int


class RejectList(Schema):
    """One page, the newest arrival first."""

    items: list[RejectOut]
    next_cursor: str | None


@rejects_api.get("", responses={"200": RejectList, "422": Problem})
def rejects(query: RejectQuery) -> Response:
    """One page of rejected messages."""
    with runtime().reading() as database:
        page = list_rejects(
            database,
            organisation_id=identity().scope,
            organisation=query.organisation,
            vehicle_id=query.vehicle_id,
            reason=query.reason,
            limit=query.limit,
            cursor=query.cursor,
        )
    return answer(RejectList(items=page.map(_out).items, next_cursor=page.next_cursor))


@rejects_api.get("/<reject_id>", responses={"200": RejectOut, "422": Problem})
def reject(path: RejectPath) -> Response:
    """One rejected message."""
    with runtime().reading() as database:
        return answer(_out(reject_by_id(database, path.reject_id, organisation_id=identity().scope)))


def _out(entry: RejectEntry) -> RejectOut:
    row = entry.reject
    return RejectOut(
        id=row.id,
        vehicle_id=entry.vehicle.vehicle_id if entry.vehicle else None,
        topic=row.topic,
        seq=row.seq,
        reason=row.reason,
        detail=row.detail,
        payload_base64=base64.b64encode(row.payload).decode(),
        payload_text=entry.text,
        arrivals=row.arrivals,
        first_received_ms=row.first_received_ms,
        last_received_ms=row.last_received_ms,
    )
