"""Downloads of uploaded files: always saved, never shown by the browser as a page of ours."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response

from app.models import Attachment
from app.services.attachments import attachment_by_public_id
from app.web.ownership import require_own
from app.web.runtime import runtime

attachments = Blueprint("attachments", __name__, url_prefix="/desk/attachments")

#: Whatever a browser makes of the content: no scripts, no forms, nothing loaded.
SANDBOX = "sandbox; default-src 'none'"


@attachments.get("/<public_id>")
def download(public_id: str) -> Response:
    """The file, for its owner and for those who see everything."""
    with runtime().reading() as session:
        attachment = attachment_by_public_id(session, public_id)
        require_own(attachment.organisation_id)
        return file_answer(attachment, attachment.content)


def file_answer(attachment: Attachment, content: bytes) -> Response:
    """The answer that makes a browser save the file under its display name (RFC 6266)."""
    answer = Response(content, mimetype=attachment.media_type)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(attachment.file_name, safe='')}"
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
