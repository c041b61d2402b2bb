"""What pages show of directives: rows of those that stand, and the life of one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from app.models import Cause, DirectiveAnswer, DirectiveRow, Outcome
from app.services.directive_register import progress_of
from app.web.directive_words import demanded, progress_badge
from app.web.navigation import url_if
from telemetry.directives import Reply

_CLOCKS_AGREE_MS = 2_000


@dataclass(frozen=True, slots=True)
class StandingRow:
    """A directive that binds a vehicle now, in words; `deadline_ms` is None once it is complied with."""

    vehicle_id: str
    title: str
    url: str
    badge: str
    reason: str
    deadline_ms: int | None


def standing_rows(rows: Iterable[DirectiveRow]) -> list[StandingRow]:
    """Each in the request's language."""
    return [
        StandingRow(
            vehicle_id=row.vehicle.vehicle_id,
            title=demanded(row),
            url=url_for("directives.show", directive_id=row.directive_id),
            badge=progress_badge(progress_of(row)),
            reason=row.reason,
            deadline_ms=row.deadline_ms if row.complied_at_ms is None else None,
        )
        for row in rows
    ]


def cause_url(row: DirectiveRow) -> str:
    """The page of the permit or the emergency that caused it; empty where there is none."""
    pages = {Cause.PERMIT: "permits.show", Cause.EMERGENCY: "emergencies.show"}
    return url_if(pages[row.cause], number=row.cause_id) if row.cause in pages else ""


def timeline(row: DirectiveRow) -> Sequence[dict[str, Any]]:
    """Everything that happened to it, newest first."""
    return sorted(_events(row), key=lambda event: event["at_ms"], reverse=True)


def _events(row: DirectiveRow) -> Iterator[dict[str, Any]]:
    if row.settled_at_ms is not None and row.outcome is not None:
        yield _settled(row, row.outcome, row.settled_at_ms)
    if row.complied_at_ms is not None:
        text = _("Sample %(seq)s shows it.", seq=row.complied_seq)
        yield {"at_ms": row.complied_at_ms, "title": _("The vehicle complies"), "text": text, "state": "passed"}
    if row.overdue_at_ms is not None:
        text = _("Operator and regulators were told.")
        yield {"at_ms": row.overdue_at_ms, "title": _("Overdue"), "text": text, "state": "failed"}
    if row.unanswered_at_ms is not None:
        text = _("Operator and regulators were told.")
        yield {"at_ms": row.unanswered_at_ms, "title": _("No answer"), "text": text, "state": "missing"}
    for answer in reversed(row.answers):
        yield _answered(answer)
    if row.sent_at_ms is not None:
        text = _("The broker keeps it for the vehicle until it is over.")
        yield {"at_ms": row.sent_at_ms, "title": _("Sent"), "text": text, "state": "running"}
    who = _("The platform") if row.issued_by is None else row.issued_by.display_name
    yield {"at_ms": row.issued_at_ms, "title": _("Issued"), "who": who, "text": row.reason, "state": "running"}


def _settled(row: DirectiveRow, outcome: Outcome, at_ms: int) -> dict[str, Any]:
    titles = {
        Outcome.RELEASED: _("Released: the vehicle may go on"),
        Outcome.WITHDRAWN: _("Withdrawn: the vehicle may go on"),
        Outcome.REPLACED: _("Replaced by a newer directive"),
    }
    who = _("The platform") if row.settled_by is None else row.settled_by.display_name
    state = "passed" if outcome is Outcome.RELEASED else "closed"
    return {"at_ms": at_ms, "title": titles[outcome], "who": who, "text": row.settled_reason, "state": state}


def _answered(answer: DirectiveAnswer) -> dict[str, Any]:
    titles = {
        Reply.RECEIVED: (_("Delivered: the vehicle's agent has it"), "running"),
        Reply.ACCEPTED: (_("Accepted by the vehicle"), "passed"),
        Reply.REFUSED: (_("Refused by the vehicle"), "failed"),
        Reply.RELEASED: (_("The vehicle knows that it may go on"), "passed"),
    }
    title, state = titles[answer.reply]
    apart_ms = answer.received_at_ms - answer.answered_at_ms
    said = answer.detail
    if abs(apart_ms) > _CLOCKS_AGREE_MS:
        clocks = _("Answered %(seconds)s s earlier by the vehicle's clock.", seconds=f"{apart_ms / 1000:.1f}")
        said = f"{said} {clocks}".strip()
    return {"at_ms": answer.received_at_ms, "title": title, "text": said, "state": state}
