"""What each kind of notice is about, and how urgent it is: what channels choose by."""

from __future__ import annotations

from collections.abc import Mapping

from app.models import NotificationChannel, Topic
from telemetry.findings import Severity

#: By the beginning of a kind, the longest that fits. What begins otherwise is told in the page alone.
_TOPICS: Mapping[str, Topic] = {
    "alert.": Topic.ALERTS,
    "directive.": Topic.DIRECTIVES,
    "emergency.": Topic.DIRECTIVES,
    "permit.": Topic.PERMITS,
    "application.": Topic.PERMITS,
    "sanction.": Topic.PERMITS,
    "incident.": Topic.INCIDENTS,
    "permit.ending": Topic.REMINDERS,
    "licence.ending": Topic.REMINDERS,
    "insurance.ending": Topic.REMINDERS,
}
#: What wakes people: quiet hours and digests do not hold it back.
_CRITICAL = frozenset({"alert.escalated", "permit.suspended", "permit.revoked", "emergency.declared"})
_CRITICAL_BEGINNINGS = ("directive.",)
#: Of alerts, whose kinds say how severe they are.
_ALERTS: Mapping[str, Severity] = {f"alert.{severity}": severity for severity in Severity} | {
    f"alert.escalated_{severity}": severity for severity in Severity
}
#: Of alerts with which somebody was charged: a person waits for them, so no chain holds them back.
_ASSIGNMENTS: Mapping[str, Severity] = {f"alert.assigned_{severity}": severity for severity in Severity}
#: What is on the board of alerts anyhow: the page's notices are for what must not be missed there.
NOT_IN_PAGE = ("alert.warning", "alert.notice", "alert.escalated_notice")
_RANKS = list(Severity)


def topic_of(kind: str) -> Topic | None:
    """What channels know it under; None: it concerns the page alone."""
    fitting = [beginning for beginning in _TOPICS if kind.startswith(beginning)]
    return _TOPICS[max(fitting, key=len)] if fitting else None


def severity_of(kind: str) -> Severity:
    """How urgent it is."""
    if kind in _CRITICAL or kind.startswith(_CRITICAL_BEGINNINGS):
        return Severity.CRITICAL
    return _ALERTS.get(kind) or _ASSIGNMENTS.get(kind, Severity.NOTICE)


def alert_kind(severity: Severity, *, is_escalation: bool) -> str:
    """The kind of a notice about alerts of this severity: new ones, or such that nobody took care of."""
    return f"alert.escalated_{severity}" if is_escalation else f"alert.{severity}"


def assignment_kind(severity: Severity) -> str:
    """The kind of a notice about an alert of this severity with which somebody was charged."""
    return f"alert.assigned_{severity}"


def is_chained(kind: str) -> bool:
    """Whether channels are told one after another: of alerts, unless a person calls for attention."""
    return kind in _ALERTS


def wants(channel: NotificationChannel, kind: str) -> bool:
    """Whether the channel's owner chose to be told of this on it."""
    topic = topic_of(kind)
    is_severe_enough = _RANKS.index(severity_of(kind)) >= _RANKS.index(channel.minimum_severity)
    return topic is not None and topic in channel.topics and (topic is not Topic.ALERTS or is_severe_enough)
