"""Import of vehicles over HTTP: a spreadsheet in, its problems or the credentials out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response, request
from flask_openapi3 import RawModel
from pydantic import Field

from app.imports.reading import MAX_FILE_BYTES
from app.imports.sheets import UnreadableFile
from app.schemas.base import Schema
from app.schemas.vehicles import CredentialOut
from app.services.imports import Preview, preview_of
from app.web import vehicle_credentials
from app.web.api.base import PREFIX, Problem, answer, api_blueprint
from app.web.runtime import runtime

vehicle_imports_api = api_blueprint(
    "vehicle_imports", "Many vehicles at once, from a spreadsheet: all of them, or none.", f"{PREFIX}/vehicles/import"
)

_CSV = "text/csv"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORM = "multipart/form-data"


class ImportFile(RawModel):
    """The file as the body, or as the field `file` of a form."""

    mimetypes = [_CSV, _XLSX, _FORM]  # noqa: RUF012 -- read from the class by flask_openapi3


class ImportQuery(Schema):
    """Whether to look only."""

    dry_run: Annotated[bool, Field(description="check every cell, register nothing")] = False


class CellProblem(Schema):
    """What is wrong with one cell; an empty field: with the row."""

    line: int
    field: str
    code: str
    detail: str


class ImportOut(Schema):
    """What the file holds. Credentials are told once, and only when everything was registered."""

    rows: int
    problems: list[CellProblem]
    registered: bool
    credentials: list[CredentialOut]


@vehicle_imports_api.post(
    "", responses={"200": ImportOut, "201": ImportOut, "409": Problem, "413": Problem, "422": Problem, "503": Problem}
)
def import_vehicles(query: ImportQuery, raw: ImportFile) -> Response:  # noqa: ARG001 -- `raw` describes the body
    """Register every vehicle of a CSV or XLSX file, or, with a problem in any cell or with `dry_run`, none."""
    content = _content()
    with runtime().reading() as database:  # a file is read slowly: nobody waits for a write lock meanwhile
        preview = preview_of(database, content)
    if query.dry_run or preview.bad or not preview.rows:
        return answer(_out(preview))
    credentials = vehicle_credentials.register_preview(preview)
    made = _out(preview).model_copy(update={"registered": True, "credentials": list(credentials)})
    return answer(made, HTTPStatus.CREATED)


def _content() -> bytes:
    if request.mimetype != _FORM:
        return request.get_data(cache=False)
    file = request.files.get("file")
    if file is None:
        raise UnreadableFile("send the file as the field `file`", code="file_missing")
    return file.stream.read(MAX_FILE_BYTES + 1)


def _out(preview: Preview) -> ImportOut:
    problems = [
        CellProblem(line=row.line, field=name, code=problem.code, detail=problem.message)
        for row in preview.bad
        for name, problem in row.problems.items()
    ]
    return ImportOut(rows=len(preview.rows), problems=problems, registered=False, credentials=[])
