"""The names and colours of states: of permits, applications, vehicles, people and alerts."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext

#: Colours that a badge can have, by what they say.
CALM, GOOD, BUSY, WARNING, BAD = "calm", "good", "busy", "warning", "bad"

_STATES: Mapping[str, tuple[object, str]] = {
    "draft": (_("Draft"), CALM),
    "submitted": (_("Submitted"), BUSY),
    "under_review": (_("Under review"), BUSY),
    "changes_requested": (_("Changes requested"), WARNING),
    "issued": (_("In force"), GOOD),
    "suspended": (_("Suspended"), WARNING),
    "expired": (_("Expired"), CALM),
    "revoked": (_("Revoked"), BAD),
    "surrendered": (_("Surrendered"), CALM),
    "granted": (_("Granted"), GOOD),
    "rejected": (_("Rejected"), BAD),
    "withdrawn": (_("Withdrawn"), CALM),
    "planned": (_("Planned"), BUSY),
    "running": (_("Running"), GOOD),
    "paused": (_("Paused"), WARNING),
    "finished": (_("Finished"), CALM),
    "active": (_("Active"), GOOD),
    "inactive": (_("Inactive"), CALM),
    "disabled": (_("Disabled"), CALM),
    "retired": (_("Retired"), CALM),
    "in_service": (_("In service"), GOOD),
    "out_of_service": (_("Out of service"), WARNING),
    "expiring": (_("Expires soon"), WARNING),
    "licence_expired": (_("Expired"), BAD),
    "licence_withdrawn": (_("Withdrawn"), BAD),
    "directive_issued": (_("Not sent yet"), BUSY),
    "directive_sent": (_("Sent"), BUSY),
    "directive_delivered": (_("Delivered"), BUSY),
    "directive_accepted": (_("Accepted"), BUSY),
    "directive_refused": (_("Refused"), BAD),
    "directive_overdue": (_("Overdue"), BAD),
    "directive_complied": (_("Complied with"), GOOD),
    "directive_released": (_("Released"), CALM),
    "directive_withdrawn": (_("Withdrawn"), CALM),
    "directive_replaced": (_("Replaced"), CALM),
    "alert_new": (_("New"), BAD),
    "alert_seen": (_("Seen"), BUSY),
    "alert_escalated": (_("Escalated"), WARNING),
    "open": (_("Open"), BAD),
    "acknowledged": (_("Acknowledged"), WARNING),
    "closed": (_("Closed"), CALM),
    "incident_proposed": (_("Proposed"), WARNING),
    "incident_dismissed": (_("Dismissed"), CALM),
    "incident_reported": (lazy_pgettext("incident", "Reported"), BUSY),
    "incident_under_review": (_("Under review"), BUSY),
    "incident_closed": (_("Closed"), GOOD),
    "overdue": (_("Overdue"), BAD),
    "in_force": (_("In force"), GOOD),
    "valid": (_("Valid"), GOOD),
    "upcoming": (_("Upcoming"), BUSY),
    "ended": (_("Ended"), CALM),
    "passed": (_("Passed"), GOOD),
    "failed": (_("Failed"), BAD),
    "missing": (_("Missing"), WARNING),
    "waiting": (_("Waiting"), BUSY),
    "retrying": (_("Failed, will be tried again"), WARNING),
    "sent": (_("Sent"), GOOD),
    "given_up": (_("Given up"), BAD),
    "yes": (_("Yes"), GOOD),
    "too_late": (_("No"), BAD),
    "kept_out": (_("Kept out"), GOOD),
    "not_shown": (_("Not shown"), WARNING),
    "not_decided": (_("Time not over"), CALM),
    "ongoing": (_("Ongoing"), BAD),
    "no": (_("No"), CALM),
    "proposed": (_("Proposed"), BUSY),
    "noticed": (_("Notice served"), WARNING),
    "dismissed": (_("Dismissed"), CALM),
    "appealed": (_("Under appeal"), BUSY),
    "upheld": (_("Upheld"), BAD),
    "overturned": (_("Overturned"), GOOD),
    "notice": (_("Notice"), CALM),
    "warning": (_("Warning"), WARNING),
    "critical": (_("Critical"), BAD),
}


def state_label(state: str) -> str:
    """The state's name in the request's language; of an unknown one the state itself, readably."""
    known = _STATES.get(str(state))
    return str(known[0]) if known is not None else str(state).replace("_", " ")


def state_tone(state: str) -> str:
    """The colour of the state's badge."""
    known = _STATES.get(str(state))
    return known[1] if known is not None else CALM


_ROLES: Mapping[str, object] = {
    "administrator": _("Administrator"),
    "regulator": _("Regulator"),
    "operator_manager": _("Operator manager"),
    "operator_staff": _("Operator staff"),
    "auditor": _("Auditor"),
}


def role_label(role: str) -> str:
    """The name of a user's role in the request's language."""
    return str(_ROLES.get(str(role), role))
