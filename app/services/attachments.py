"""Uploaded files: checked, named and stored."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import InvalidChange, NotFound
from app.models import Attachment, Organisation, User
from app.services.file_types import ENDINGS, media_type_of

MOST_BYTES = 20 * 1024 * 1024
_ID_BYTES = 16
_LONGEST_NAME = 120


def store_attachment(
    session: Session, *, organisation: Organisation, file_name: str, content: bytes, actor: User, now_ms: int
) -> Attachment:
    """Store a file of one of the types of app.services.file_types.

    Raises InvalidChange for one that is empty, too large, of another type, or a compression bomb.
    """
    if not content:
        raise InvalidChange("the file is empty", code="file_without_content", field="file")
    if len(content) > MOST_BYTES:
        limit = f"{MOST_BYTES // 2**20} MiB"
        raise InvalidChange(f"the file is larger than {limit}", code="file_too_large", field="file", limit=limit)
    media_type = media_type_of(content)
    attachment = Attachment(
        public_id=secrets.token_urlsafe(_ID_BYTES),
        organisation_id=organisation.id,
        file_name=display_name(file_name, media_type),
        media_type=media_type,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).digest(),
        content=content,
        uploaded_by_id=actor.id,
        uploaded_at_ms=now_ms,
    )
    session.add(attachment)
    session.flush()
    subject = Subject("attachment", attachment.public_id)
    record(session, "attachment.stored", subject, actor=actor, now_ms=now_ms, after=state_of(attachment))
    return attachment


def delete_attachment(session: Session, attachment: Attachment, *, actor: User, now_ms: int) -> None:
    """Delete a file that nothing refers to any more."""
    subject = Subject("attachment", attachment.public_id)
    record(session, "attachment.deleted", subject, actor=actor, now_ms=now_ms, before=state_of(attachment))
    session.delete(attachment)
    session.flush()


def attachment_by_public_id(session: Session, public_id: str) -> Attachment:
    """Raises NotFound."""
    attachment = session.scalar(select(Attachment).where(Attachment.public_id == public_id))
    if attachment is None:
        raise NotFound("There is no such file.")
    return attachment


def display_name(given: str, media_type: str) -> str:
    """A name to show and to save under: one line without path, and with the ending of what the file is.

    Invisible characters go too: marks of direction make `gpj.exe` look like an image's name.
    """
    last = given.replace("\\", "/").rsplit("/", 1)[-1]
    visible = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in unicodedata.normalize("NFC", last))
    name = " ".join("".join(c for c in visible if c not in '<>:"|?*').split()).strip(". ")
    endings = ENDINGS[media_type]
    stem, ending = name, endings[0]
    for known in endings:
        if name.lower().endswith(known):
            stem, ending = name[: -len(known)].rstrip(". "), known
    return f"{stem[:_LONGEST_NAME] or 'file'}{ending}"
