"""Notices in words, each with the page that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from app.models import Notice
from app.web.findings_text import FINDING_TEXTS
from app.web.language import language
from app.web.navigation import url_if
from app.web.times import day, shanghai
from telemetry.findings import Finding

#: The text of each kind, filled in with the notice's params; `ends_at_ms` as the day `ends_on`, `due_at_ms` as the
#: time `due_at`.
NOTICE_TEXTS: Mapping[str, LazyString] = {
    "alert.escalated": _("An alert of %(vehicle)s was escalated."),
    "permit.issued": _("Permit %(number)s was issued."),
    "permit.restricted": _("Permit %(number)s was restricted."),
    "permit.extended": _("Permit %(number)s was extended."),
    "permit.amended": _("Permit %(number)s was amended."),
    "permit.suspended": _("Permit %(number)s was suspended: its vehicles must stop."),
    "permit.reinstated": _("Permit %(number)s was reinstated."),
    "permit.surrendered": _("Permit %(number)s was given back by its holder."),
    "permit.revoked": _("Permit %(number)s was revoked: its vehicles must stop."),
    "permit.expired": _("Permit %(number)s has expired."),
    "application.submitted": _("Application %(number)s waits for review."),
    "application.withdrawn": _("Application %(number)s was withdrawn."),
    "application.under_review": _("Application %(number)s is under review."),
    "application.changes_requested": _("Changes of application %(number)s are asked for."),
    "application.rejected": _("Application %(number)s was rejected."),
    "application.granted": _("Application %(number)s was granted."),
    "incident.reported": _("Incident %(number)s of %(vehicle)s was reported."),
    "incident.opened": _("Regulators opened incident %(number)s of %(vehicle)s: report it until %(due_at)s."),
    "incident.proposed": _(
        "Telemetry shows an incident of %(vehicle)s: report %(number)s until %(due_at)s, or dismiss it."
    ),
    "incident.amended": _("Incident %(number)s of %(vehicle)s was amended."),
    "incident.dismissed": _("The operator dismissed %(number)s, which telemetry showed of %(vehicle)s."),
    "incident.review_begun": _("Incident %(number)s of %(vehicle)s is under review."),
    "incident.closed": _("Incident %(number)s of %(vehicle)s was closed."),
    "incident.reopened": _("Incident %(number)s of %(vehicle)s was opened again."),
    "incident.first_due": _("The report on incident %(number)s of %(vehicle)s is due at %(due_at)s."),
    "incident.full_due": _("The full report on incident %(number)s of %(vehicle)s is due at %(due_at)s."),
    "incident.first_overdue": _("The report on incident %(number)s of %(vehicle)s was due at %(due_at)s."),
    "incident.full_overdue": _("The full report on incident %(number)s of %(vehicle)s was due at %(due_at)s."),
    "incident.fault_decided": _("The fault in incident %(number)s was decided."),
    "emergency.declared": _("Emergency %(number)s was declared: vehicles must leave, and keep out."),
    "emergency.prolonged": _("Emergency %(number)s lasts longer than planned."),
    "emergency.ended": _("Emergency %(number)s is over."),
    "directive.refused": _("%(vehicle)s refuses directive %(directive)s."),
    "directive.unanswered": _("%(vehicle)s has not answered directive %(directive)s."),
    "directive.overdue": _("%(vehicle)s has not complied with directive %(directive)s in time."),
    "sanction.proposed": _("A sanction is proposed against permit %(permit)s."),
    "sanction.noticed": _("A sanction against permit %(permit)s is intended: a hearing is set."),
    "sanction.decided": _("A sanction against permit %(permit)s was decided."),
    "sanction.dismissed": _("The intended sanction against permit %(permit)s was dismissed."),
    "sanction.appealed": _("An appeal in sanction %(number)s waits for a ruling."),
    "sanction.upheld": _("The appeal in sanction %(number)s was rejected: the decision stands."),
    "sanction.overturned": _("The appeal in sanction %(number)s succeeded: the permit is again what it was."),
    "alert.critical": _("Critical alert: %(summary)s"),
    "alert.warning": _("Warning: %(summary)s"),
    "alert.notice": _("Remark: %(summary)s"),
    "alert.escalated_critical": _("Nobody has taken care of this critical alert: %(summary)s"),
    "alert.escalated_warning": _("Nobody has taken care of this warning: %(summary)s"),
    "alert.escalated_notice": _("Nobody has taken care of this remark: %(summary)s"),
    "alert.assigned_critical": _("Critical alert of %(vehicle)s: %(person)s is in charge of it. %(found)s"),
    "alert.assigned_warning": _("Warning of %(vehicle)s: %(person)s is in charge of it. %(found)s"),
    "alert.assigned_notice": _("Remark of %(vehicle)s: %(person)s is in charge of it. %(found)s"),
    "channel.paused": _("The channel %(name)s fails again and again: it is tried once an hour."),
    "channel.disabled": _("The receiver of the channel %(name)s has gone: the channel is switched off."),
    "delivery.given_up": _("A message on the channel %(name)s was given up."),
    "permit.ending": _("Permit %(name)s ends on %(ends_on)s."),
    "licence.ending": _("The licence of %(name)s ends on %(ends_on)s."),
    "insurance.ending": _("The insurance of %(name)s ends on %(ends_on)s."),
}
#: The pages of subjects: endpoint and the name of its argument.
_PAGES: Mapping[str, tuple[str, str]] = {
    "alert": ("duty.index", "alert"),
    "permit": ("permits.show", "number"),
    "application": ("applications.show", "number"),
    "directive": ("directives.show", "directive_id"),
    "vehicle": ("vehicles.show", "vehicle_id"),
    "officer": ("officers.show", "officer_id"),
    "emergency": ("emergencies.show", "number"),
    "incident": ("incidents.show", "number"),
    "sanction": ("sanctions.show", "number"),
    "trial": ("trials.show", "trial_id"),
    "channel": ("notifications.show", "channel_id"),
}
#: The page of alerts, whichever they are.
_BOARD = "duty.index"


@dataclass(frozen=True, slots=True)
class ToldNotice:
    """A notice as a person reads it; `url` is empty where there is no page."""

    id: int
    text: str
    reason: str
    url: str
    created_at_ms: int
    is_read: bool


def told(notice: Notice, read_at_ms: int | None) -> ToldNotice:
    """The notice in the request's language. A kind without a text is shown by its name."""
    params: dict[str, Any] = dict(notice.params)
    if "ends_at_ms" in params:
        params["ends_on"] = day(params["ends_at_ms"])
    if "findings" in params:
        params["summary"] = _alerts_in_words(params)
    if "finding" in params:
        params["found"] = _finding_name(params["finding"])
    if "due_at_ms" in params:
        params["due_at"] = shanghai(params["due_at_ms"])
    text = NOTICE_TEXTS.get(notice.kind)
    return ToldNotice(
        id=notice.id,
        text=str(text) % params if text is not None else f"{notice.kind} {notice.subject_id}",
        reason=str(params.get("reason", "")),
        url=_url(notice),
        created_at_ms=notice.created_at_ms,
        is_read=read_at_ms is not None,
    )


def _alerts_in_words(params: Mapping[str, Any]) -> str:
    """`Outside area 12, Overspeed: N-1, N-2 and 7 more vehicles (North Mobility)`."""
    counts = params["findings"]
    names = [(_finding_name(code), count) for code, count in counts.items()]
    findings = str(_(", ")).join(f"{name} × {count}" if count > 1 else name for name, count in names)
    named, others = params["vehicles"], params["vehicle_count"] - len(params["vehicles"])
    vehicles = str(_(", ")).join(named)
    if others:
        vehicles = str(_("%(vehicles)s and %(count)s more vehicles", vehicles=vehicles, count=others))
    operator = params["operator"][language()]
    return str(_("%(findings)s – %(vehicles)s (%(operator)s)", findings=findings, vehicles=vehicles, operator=operator))


def _finding_name(code: str) -> str:
    return FINDING_TEXTS[Finding[code.upper()]].wording(language()).name


def _url(notice: Notice) -> str:
    if notice.subject_type == "alerts":
        return url_if(_BOARD)
    if notice.subject_type not in _PAGES:
        return ""
    endpoint, argument = _PAGES[notice.subject_type]
    return url_if(endpoint, **{argument: notice.subject_id})
