"""Alerts as the API gives and takes them: the episode, and what people do about it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.schemas.base import Line, Reason, Schema
from app.schemas.live import LiveAlert

#: A user's number.
UserKey = Annotated[int, Field(ge=1, le=2**31 - 1)]
AlertId = Annotated[str, Field(max_length=100)]


class ListedAlert(LiveAlert):
    """An alert with who did what, and what it was judged against."""

    acknowledged_by: str | None
    note: str | None
    escalated_by: Annotated[str | None, Field(description="null: nobody, or the platform when time was up")]
    escalation: Annotated[str | None, Field(description="why a person escalated it")]
    resolved_by: str | None
    resolution: Annotated[str | None, Field(description="why a person closed it")]
    zone_revision: int | None
    permit_revision: int | None


class AlertList(Schema):
    """One page of alerts, newest first."""

    items: list[ListedAlert]
    next_cursor: str | None


class Acknowledgement(Schema):
    """What the person who has seen it says."""

    note: Annotated[Line | None, Field(max_length=2_000)] = None


class Acknowledgements(Acknowledgement):
    """Which alerts a person has seen: a whole flood is one action."""

    alert_ids: Annotated[list[AlertId], Field(min_length=1, max_length=10_000)]


class SeenAlert(Schema):
    """An alert that somebody has seen; `version` is its ETag now."""

    id: str
    acknowledged_at_ms: int
    version: int


class SeenAlerts(Schema):
    """What an acknowledgement of many has come to: each of them, in no order."""

    alerts: list[SeenAlert]


class Assignment(Schema):
    """Who takes care of it; null: nobody any more."""

    assignee_id: UserKey | None


class AlertReason(Schema):
    """Why an alert is escalated or closed."""

    reason: Reason


class NewComment(Schema):
    """A comment, which everybody reads who may see the alert."""

    text: Reason


class CommentOut(Schema):
    """What a person wrote about an alert."""

    id: int
    author: str
    written_at_ms: int
    text: str


class CommentList(Schema):
    """One page of comments, the oldest first."""

    items: list[CommentOut]
    next_cursor: str | None
