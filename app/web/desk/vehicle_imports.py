"""Import of vehicles at the desk: choose a file, look at every cell, confirm."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, render_template, request, url_for
from flask import redirect as flask_redirect
from werkzeug.wrappers import Response

from app.imports.headings import VEHICLE_COLUMNS
from app.imports.reading import MAX_FILE_BYTES
from app.imports.sheets import UnreadableFile
from app.schemas.vehicles import CredentialOut
from app.services.imports import ImportRow, Preview, draft_preview, keep_draft, preview_of
from app.web import vehicle_credentials
from app.web.error_text import field_text
from app.web.forms import Form, blank, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.ownership import actor
from app.web.refusals import REFUSALS
from app.web.runtime import runtime

vehicle_imports = Blueprint("vehicle_imports", __name__, url_prefix="/desk/vehicle-imports")

_ROWS_ON_A_PAGE = 50


@vehicle_imports.route("", methods=["GET", "POST"])
def upload() -> Response | tuple[str, int] | str:
    """Choose a file; what it holds is kept as a draft and shown."""
    if request.method == "GET":
        return _upload_page(blank())
    try:
        file_name, content = _uploaded()
        with runtime().reading() as database:  # a file is read slowly: nobody waits for a write lock meanwhile
            found = preview_of(database, content)
        with runtime().changing() as database:
            public_id = keep_draft(
                database, found, file_name=file_name, actor=actor(database), now_ms=runtime().clock()
            )
    except REFUSALS as error:
        return _upload_page(with_error(blank(), error)), HTTPStatus.UNPROCESSABLE_ENTITY
    return flask_redirect(url_for("vehicle_imports.preview", public_id=public_id), HTTPStatus.SEE_OTHER)


@vehicle_imports.get("/<public_id>")
def preview(public_id: str) -> str:
    """Every row, the bad ones first, with what is wrong in each cell."""
    return _preview_page(public_id)


@vehicle_imports.post("/<public_id>/confirm")
def confirm(public_id: str) -> tuple[str, int] | str:
    """Register every vehicle of the file; the answer hands out their credentials once."""
    try:
        credentials = vehicle_credentials.register_draft(public_id)
    except REFUSALS as error:
        return _preview_page(public_id, with_error(blank(), error)), HTTPStatus.UNPROCESSABLE_ENTITY
    return render_template("vehicles/imported.html", credentials=credentials, sheet=credential_sheet(credentials))


@vehicle_imports.get("/template.csv")
def template() -> Response:
    """An empty file with every heading, in the request's language."""
    names = [names[1] if language() == "zh" else names[0] for names in VEHICLE_COLUMNS.values()]
    answer = Response("\ufeff" + _csv([names]), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="vehicles.csv"'
    return answer


def credential_sheet(credentials: Sequence[CredentialOut]) -> str:
    """The credentials as CSV. Ids begin with a letter or digit and tokens with `pv_`: none can be a formula."""
    header = ["vehicle_id", "username", "token", "topic", "broker"]
    return _csv([header, *([getattr(each, name) for name in header] for each in credentials)])


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _uploaded() -> tuple[str, bytes]:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise UnreadableFile("no file was chosen", code="file_missing")
    return file.filename[:200], file.stream.read(MAX_FILE_BYTES + 1)


def _upload_page(form: Form) -> str:
    columns = [(names[0], names[1], field) for field, names in VEHICLE_COLUMNS.items()]
    return render_template("vehicles/upload.html", form=form, columns=columns)


def _preview_page(public_id: str, form: Form | None = None) -> str:
    with runtime().reading() as database:
        found, file_name = draft_preview(database, public_id, user_id=identity().user_id, now_ms=runtime().clock())
    rows = sorted(found.rows, key=lambda row: (row.is_good, row.line))
    pages = max(1, -(-len(rows) // _ROWS_ON_A_PAGE))
    page = min(max(request.args.get("page", 1, type=int), 1), pages)
    shown = rows[(page - 1) * _ROWS_ON_A_PAGE : page * _ROWS_ON_A_PAGE]
    return render_template(
        "vehicles/preview.html",
        public_id=public_id,
        file_name=file_name,
        preview=found,
        headings=_headings(found),
        rows=[(row, _wordings(row)) for row in shown],
        page=page,
        pages=pages,
        form=form or blank(),
    )


def _headings(found: Preview) -> list[tuple[str, str]]:
    """(field, heading) of each column, and of those that the file lacks although a row needs them."""
    lacking = {name for row in found.rows for name in row.problems} - {*found.fields, ""}
    fields = [*found.fields, *(name for name in VEHICLE_COLUMNS if name in lacking)]
    return [(field, VEHICLE_COLUMNS[field][language() == "zh"]) for field in fields]


def _wordings(row: ImportRow) -> dict[str, str]:
    return {name: field_text(problem) for name, problem in row.problems.items()}
