"""A message in words, in both languages, and what the other side answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.models import Failure

#: So much of an answer is kept.
_KEPT_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Told:
    """One notice in both languages; `url` is absolute, or empty where there is no page."""

    notice_id: int
    kind: str
    topic: str
    severity: str
    subject_type: str
    subject_id: str
    params: Mapping[str, Any]
    zh: str
    en: str
    reason: str
    url: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class Message:
    """What one delivery says: notices, the oldest first; a test has none. `delivery_id` stays over all attempts."""

    delivery_id: str
    channel_id: str
    channel_name: str
    is_test: bool
    told: Sequence[Told]
    settings_url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended. `status` is the protocol's number, None where nothing was answered."""

    failure: Failure | None
    status: int | None
    text: str
    is_gone: bool = False

    @property
    def is_accepted(self) -> bool:
        """Whether the other side has taken the message."""
        return self.failure is None


def failed(failure: Failure, text: str = "", status: int | None = None) -> Answer:
    """An attempt that did not succeed, with what was said, by whomever."""
    return Answer(failure, status, safe_text(text))


def safe_text(text: str) -> str:
    """A stranger's answer as it may be kept and shown: cut, one line, no control characters."""
    shown = "".join(c if c.isprintable() else " " for c in text[: 4 * _KEPT_CHARACTERS])
    return " ".join(shown.split())[:_KEPT_CHARACTERS]
