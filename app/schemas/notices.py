"""Notices: what an organisation or a jurisdiction's regulators are told."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.schemas.base import Schema


class NoticeOut(Schema):
    """One notice. `params` are what its text says; `text` is in the language of the request."""

    id: int
    kind: str
    subject_type: str
    subject_id: str
    text: str
    params: Annotated[dict[str, Any], Field(description="by kind, e.g. number and reason of a decision")]
    created_at_ms: int
    read_at_ms: int | None


class NoticeList(Schema):
    """One page, newest first."""

    items: list[NoticeOut]
    unread: int
    next_cursor: str | None
