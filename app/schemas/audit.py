"""The audit log as the API and its page give it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from app.schemas.base import Line, Milliseconds, Schema

_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class AuditSearch(Schema):
    """What to look for; everything that is given must fit.

    `actor` and `subject_id` are parts, `action` and `subject_type` whole words; `text` is looked for in
    all texts and in what was there before and after.
    """

    actor: Line = ""
    action: Line = ""
    subject_type: Line = ""
    subject_id: Line = ""
    text: Line = ""
    since_ms: Milliseconds | None = None
    until_ms: Milliseconds | None = None


class AuditEntryOut(Schema):
    """One change. `hash` is the SHA-256 of the canonical JSON of all other fields."""

    number: int
    recorded_at_ms: Milliseconds
    actor_id: int | None
    actor: str
    action: str
    subject_type: str
    subject_id: str
    reason: str
    before: Annotated[dict[str, Any] | None, Field(description="the state before, without secrets")]
    after: Annotated[dict[str, Any] | None, Field(description="the state after, without secrets")]
    previous_hash: _Hash
    hash: _Hash


class AuditHeadOut(Schema):
    """The newest entry: keep it outside of the platform, and `pilotage verify audit --expect` checks against it."""

    number: int
    hash: _Hash
