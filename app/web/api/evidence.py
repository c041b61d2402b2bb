"""Evidence bundles over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field

from app.models import EvidenceBundle
from app.schemas.base import Identifier, Schema
from app.schemas.evidence import EvidenceOut, EvidenceRequest
from app.services.evidence import bundle_page
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint
from app.web.evidence_files import bundle_answer, export_for_caller, own_bundle
from app.web.gate import identity
from app.web.runtime import runtime

evidence_api = api_blueprint("evidence", "Evidence bundles: what was recorded around one vehicle and one moment.")

_FILE: Responses = {
    "200": {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
    "422": Problem,
}


class EvidencePath(Schema):
    """Which bundle."""

    bundle_id: Annotated[str, Field(max_length=64)]


class EvidenceQuery(PageQuery):
    """Which bundles."""

    vehicle_id: Identifier | None = None


class EvidenceList(Schema):
    """One page, the newest first."""

    items: list[EvidenceOut]
    next_cursor: str | None


@evidence_api.get("", responses={"200": EvidenceList, "422": Problem})
def bundles(query: EvidenceQuery) -> Response:
    """One page of bundles. An operator sees those that it exported."""
    with runtime().reading() as session:
        page = bundle_page(
            session, identity().scope, vehicle_id=query.vehicle_id, limit=query.limit, cursor=query.cursor
        )
        return answer(EvidenceList(items=page.map(_out).items, next_cursor=page.next_cursor))


@evidence_api.post("", responses={"201": EvidenceOut, "422": Problem, "503": Problem})
def export(body: EvidenceRequest) -> Response:
    """Export the evidence around a moment of a vehicle: an operator of its own, without others' identities."""
    bundle_id = export_for_caller(body)
    with runtime().reading() as session:
        return answer(_out(own_bundle(session, bundle_id)), HTTPStatus.CREATED)


@evidence_api.get("/<bundle_id>", responses={"200": EvidenceOut, "422": Problem})
def bundle(path: EvidencePath) -> Response:
    """One bundle, without its content."""
    with runtime().reading() as session:
        return answer(_out(own_bundle(session, path.bundle_id)))


@evidence_api.get("/<bundle_id>/file", responses=_FILE)
def download(path: EvidencePath) -> Response:
    """The bundle itself: a ZIP archive."""
    with runtime().reading() as session:
        return bundle_answer(own_bundle(session, path.bundle_id))


def _out(row: EvidenceBundle) -> EvidenceOut:
    return EvidenceOut(
        bundle_id=row.bundle_id,
        vehicle_id=row.vehicle.vehicle_id,
        moment_ms=row.moment_ms,
        since_ms=row.since_ms,
        until_ms=row.until_ms,
        samples=row.samples,
        size_bytes=row.size_bytes,
        sha256=row.sha256.hex(),
        names_neighbours=row.organisation_id is None,
        faults=row.faults,
        reason=row.reason,
        exported_by=row.exported_by.email,
        exported_at_ms=row.exported_at_ms,
    )
