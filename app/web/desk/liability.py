"""The liability view: who or what was in control of a vehicle around an instant, to be read and printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.calendar import CITY
from app.models import TrackRow, Vehicle
from app.services.liability import LiabilityView, Span, control_at, liability_view
from app.services.liability_questions import open_questions
from app.services.vehicles import vehicle_by_id
from app.web.directive_page import standing_rows
from app.web.directive_words import demanded
from app.web.findings_text import FINDING_TEXTS
from app.web.forms import blank
from app.web.language import language
from app.web.liability_words import (
    RULES,
    control_text,
    findings_text,
    person_text,
    question_detail,
    speed_text,
)
from app.web.organisation_names import organisation_name
from app.web.ownership import require_own
from app.web.runtime import runtime
from app.web.states import state_label
from app.web.vehicle_page import alert_rows
from telemetry.findings import RULES as FINDING_RULES

liability = Blueprint("liability", __name__, url_prefix="/liability")

_LAST_MS = 7_258_118_399_999
_STEP_MS = 10_000
#: Units of the drawn strip from its beginning to its end.
_WIDTH = 1_000.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a lane: from `x`, `width` wide, in units of the strip; `tone` is its class, `title` its words."""

    x: float
    width: float
    tone: str
    title: str


@liability.get("/<vehicle_id>")
def show(vehicle_id: str) -> tuple[str, int] | str:
    """The record around `?at=`: milliseconds, or wall time in Beijing; without it, around the newest sample."""
    now_ms = runtime().clock()
    with runtime().reading() as session:
        vehicle = vehicle_by_id(session, vehicle_id)
        require_own(vehicle.organisation_id)
        asked = request.args.get("at", "").strip()
        at_ms = _instant(asked)
        is_bad = bool(asked) and at_ms is None
        chosen_ms = _newest(session, vehicle, now_ms) if at_ms is None else at_ms
        view = liability_view(session, vehicle, chosen_ms, now_ms=now_ms)
        page = _page(view, now_ms, is_bad=is_bad)
    return (page, 422) if is_bad else page


def _page(view: LiabilityView, now_ms: int, *, is_bad: bool) -> str:
    at = control_at(view.spans, view.at_ms)
    return render_template(
        "liability/show.html",
        view=view,
        now_ms=now_ms,
        vehicle=view.vehicle,
        operator=organisation_name(view.vehicle.organisation),
        is_bad=is_bad,
        form=blank({"at": view.at_ms}),
        earlier_url=_url(view, -_STEP_MS),
        later_url=_url(view, _STEP_MS),
        at=None if at is None else _row(view, at),
        rows=[_row(view, span) for span in view.spans],
        lanes=_lanes(view),
        at_x=_x(view, view.at_ms),
        terms=[
            {
                "name": FINDING_TEXTS[each.finding].wording(language()).name,
                "reads": FINDING_RULES[each.finding].reads,
                "record": each,
            }
            for each in view.terms
        ],
        questions=[
            {"title": RULES[each.rule][0], "rule": RULES[each.rule][1], "detail": question_detail(each), "found": each}
            for each in open_questions(view)
        ],
        alerts=alert_rows(view.alerts),
        titles={row.directive_id: demanded(row) for row in view.directives},
        directives=standing_rows(view.directives),
    )


def _row(view: LiabilityView, span: Span) -> dict[str, object]:
    permit = None if span.permit_revision is None else view.permits.get(span.permit_revision)
    return {
        "span": span,
        "control": control_text(span),
        "person": person_text(span),
        "speed": speed_text(span),
        "permit": permit,
        "permit_state": "" if permit is None else state_label(permit.state.value),
        "broken": findings_text(span.broken),
        "undecided": findings_text(span.undecided),
    }


def _lanes(view: LiabilityView) -> list[tuple[str, list[Bar]]]:
    """Each lane with its name; what has no bar there was not, or was not told."""
    return [
        (_("Control"), [_bar(view, span, _mode_tone(span), control_text(span)) for span in view.spans]),
        (_("Person"), [_bar(view, span, _person_tone(span), person_text(span)) for span in view.spans if span.samples]),
        (_("Terms"), [_bar(view, span, *_terms(span)) for span in view.spans if span.samples]),
        (
            _("Directives"),
            [_between(view, row.issued_at_ms, row.settled_at_ms, "directive", row.reason) for row in view.directives],
        ),
        (
            _("Alerts"),
            [
                _between(view, alert.first_seen_ms, alert.closed_at_ms, f"alert-{alert.severity}", shown.name)
                for alert, shown in zip(view.alerts, alert_rows(view.alerts), strict=True)
            ],
        ),
    ]


def _mode_tone(span: Span) -> str:
    return "unknown" if span.mode is None else span.mode.name.lower().replace("_", "-")


def _person_tone(span: Span) -> str:
    if span.officer is None:
        return "unknown"
    return f"officer-{span.officer.name.lower()}"


def _terms(span: Span) -> tuple[str, str]:
    if span.broken:
        return "broken", findings_text(span.broken)
    if span.undecided:
        return "undecided", findings_text(span.undecided)
    return "kept", _("Kept")


def _bar(view: LiabilityView, span: Span, tone: str, title: str) -> Bar:
    return _between(view, span.from_ms, span.until_ms, tone, title)


def _between(view: LiabilityView, from_ms: int, until_ms: int | None, tone: str, title: str) -> Bar:
    begin = _x(view, max(from_ms, view.from_ms))
    end = _x(view, min(view.until_ms if until_ms is None else until_ms, view.until_ms))
    return Bar(begin, max(end - begin, 2.0), tone, title)


def _x(view: LiabilityView, at_ms: int) -> float:
    return round(_WIDTH * (at_ms - view.from_ms) / max(1, view.until_ms - view.from_ms), 1)


def _url(view: LiabilityView, step_ms: int) -> str:
    return url_for("liability.show", vehicle_id=view.vehicle.vehicle_id, at=view.at_ms + step_ms)


def _newest(session: Session, vehicle: Vehicle, now_ms: int) -> int:
    track = session.get(TrackRow, vehicle.id)
    return now_ms if track is None or track.last_timestamp_ms < 0 else track.last_timestamp_ms


def _instant(text: str) -> int | None:
    """Milliseconds of what was asked; None for what is no time between 1970 and 2199."""
    try:
        at_ms = int(text) if text.isdecimal() else _wall_ms(text)
    except ValueError:
        return None
    return at_ms if 0 <= at_ms <= _LAST_MS else None


def _wall_ms(text: str) -> int:
    wall = datetime.fromisoformat(text)
    return round(wall.replace(tzinfo=wall.tzinfo or CITY).timestamp() * 1000)
