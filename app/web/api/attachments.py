"""Uploaded files over HTTP."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from app.schemas.base import Schema
from app.services.attachments import attachment_by_public_id
from app.web.api.base import Problem, Responses, api_blueprint
from app.web.desk.attachments import file_answer
from app.web.ownership import require_own
from app.web.runtime import runtime

attachments_api = api_blueprint("attachments", "Uploaded files of applications.")

_FILE: Responses = {
    "200": {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    "422": Problem,
}


class AttachmentPath(Schema):
    """Which file."""

    file: Annotated[str, Field(max_length=64)]


@attachments_api.get("/<file>", responses=_FILE)
def download(path: AttachmentPath) -> Response:
    """The content of a file, always as a download."""
    with runtime().reading() as session:
        found = attachment_by_public_id(session, path.file)
        require_own(found.organisation_id)
        return file_answer(found, found.content)
