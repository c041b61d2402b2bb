"""Zone files over HTTP: GeoJSON and GeoPackage in, checked or published whole; the zones in force out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from flask_openapi3 import RawModel
from pydantic import Field

from app.schemas.base import Identifier, Milliseconds, Reason, Schema
from app.schemas.zone_revisions import FeatureProblem, ImportedFeature, ZoneImportOut
from app.schemas.zones import ZoneImport
from app.services.jurisdictions import jurisdictions
from app.services.zone_features import ReadFeature
from app.services.zone_files import zone_file
from app.services.zone_imports import publish_import, read_zone_file
from app.web.api.base import PREFIX, Problem, Responses, answer, api_blueprint
from app.web.gate import identity
from app.web.ownership import actor
from app.web.runtime import runtime

zone_imports_api = api_blueprint("zone_imports", "Zone files, checked or published whole.", PREFIX)

_GEOJSON, _GEOPACKAGE = "application/geo+json", "application/geopackage+sqlite3"
_FILE: Responses = {"200": {"content": {_GEOJSON: {"schema": {"type": "object"}}}}}
_READ: Responses = {"200": ZoneImportOut, "201": ZoneImportOut, "409": Problem, "413": Problem, "422": Problem}


class ZoneFileBody(RawModel):
    """The file as it is; which of the two it is, is told by its content."""

    mimetypes = [_GEOJSON, _GEOPACKAGE]  # noqa: RUF012 -- flask-openapi3 reads a class attribute


class ZoneImportQuery(Schema):
    """How to publish: one start (absent: now) and one reason for all; `jurisdiction` of features that name none."""

    dry_run: Annotated[bool, Field(description="answer what the file would do")] = False
    jurisdiction: Identifier | None = None
    starts_at_ms: Milliseconds | None = None
    reason: Reason


@zone_imports_api.post("/zone-imports", responses=_READ)
def publish(query: ZoneImportQuery, raw: ZoneFileBody) -> Response:
    """Publish every new and changed feature of a file, or nothing."""
    data, now_ms = raw.get_data(), runtime().clock()
    with runtime().reading() as session:  # a file is read slowly: nobody waits for a write lock meanwhile
        own = {place.code for place in jurisdictions(session) if identity().decides_in(place.id)}
        features = read_zone_file(session, data, decides_in=own, jurisdiction=query.jurisdiction or "")
    if query.dry_run:
        return answer(_told(features, 0))
    details = ZoneImport(starts_at_ms=query.starts_at_ms, reason=query.reason)
    with runtime().changing() as session:
        published = publish_import(session, features, details, now_ms=now_ms, actor=actor(session))
    return answer(_told(features, len(published)), HTTPStatus.CREATED)


@zone_imports_api.get("/zone-file", responses=_FILE)
def export() -> Response:
    """The zones in force as a zone file, which the import reads back."""
    with runtime().reading() as session:
        return Response(zone_file(session, runtime().clock()), mimetype=_GEOJSON)


def _told(features: list[ReadFeature], published: int) -> ZoneImportOut:
    return ZoneImportOut(
        published=published,
        features=[
            ImportedFeature(
                place=each.place,
                zone_id=each.zone_id,
                state=each.state,
                problems=[
                    FeatureProblem(path=found.path, code=found.code, detail=found.message) for found in each.problems
                ],
            )
            for each in features
        ],
    )
