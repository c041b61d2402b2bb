"""The report of an emergency: a page to be printed, with its vehicles as CSV or XLSX."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _

from app.services.emergency_report import Course, Event, Report, report_of
from app.web.desk.application_pages import name_of
from app.web.desk.zone_maps import drawn_map, drawn_revision, map_data
from app.web.emergency_access import own_emergency
from app.web.emergency_answers import emergency_out
from app.web.emergency_words import CONCERNS, EVENT_STATES, event_text
from app.web.gate import identity
from app.web.organisation_names import organisation_name
from app.web.runtime import runtime
from app.web.tables import Column, Kind, Table, table_answer

emergency_reports = Blueprint("emergency_reports", __name__, url_prefix="/desk/emergencies")

_MS_PER_S = 1_000


@emergency_reports.get("/<number>/report")
def show(number: str) -> Response | str:
    """The course in time, each vehicle's times, and who left within two minutes."""
    with runtime().reading() as session:
        emergency = own_emergency(session, number)
        report = report_of(session, emergency, now_ms=runtime().clock(), organisation_id=identity().scope)
        return table_answer(
            _table(report),
            "emergencies/report.html",
            report=report,
            emergency=emergency,
            recorded=emergency_out(emergency, report.place),
            jurisdiction=name_of(emergency.jurisdiction),
            timeline=[_entry(event) for event in report.events],
            map=drawn_map(),
            data=map_data(shapes=[drawn_revision(report.place, "emergency")]),
        )


def _entry(event: Event) -> dict[str, Any]:
    told = ", ".join(event.vehicle_ids) if len(event.vehicle_ids) > 1 else ""
    return {
        "at_ms": event.at_ms,
        "title": event_text(event),
        "who": event.who,
        "text": event.text or told,
        "state": EVENT_STATES[event.kind],
        "url": url_for("permits.show", number=event.permit) if event.permit else "",
    }


def _table(report: Report) -> Table[Course]:
    return Table(
        name=f"{report.emergency.number}",
        caption=_("Vehicles"),
        columns=[
            Column("vehicle", _("Vehicle"), lambda c: c.told.vehicle.vehicle_id, link=_url),
            Column("operator", _("Operator"), lambda c: organisation_name(c.told.vehicle.organisation)),
            Column("concern", _("Why"), lambda c: str(CONCERNS[c.told.concern])),
            Column("result", _("Within two minutes"), _result, kind=Kind.BADGE),
            Column("took", _("Took"), _took_s, kind=Kind.NUMBER, unit="s", decimals=1),
            Column("told", _("Told"), lambda c: c.first_told_at_ms, kind=Kind.CLOCK),
            Column("answered", _("Answered"), lambda c: c.answered_at_ms, kind=Kind.CLOCK),
            Column("accepted", _("Obeys"), lambda c: c.accepted_at_ms, kind=Kind.WHEN, exported_only=True),
            Column("refused", _("Refuses"), lambda c: c.refused_at_ms, kind=Kind.WHEN, exported_only=True),
            Column("refusal", _("Why it refuses"), lambda c: c.refusal, exported_only=True),
            Column("entered", _("Seen inside"), lambda c: c.told.entered_at_ms, kind=Kind.CLOCK),
            Column("left", _("Left"), lambda c: c.left_at_ms, kind=Kind.CLOCK),
            Column("overdue", _("Overdue"), lambda c: c.overdue_at_ms, kind=Kind.WHEN, exported_only=True),
            Column("orders", _("Orders"), lambda c: c.orders, kind=Kind.NUMBER, exported_only=True),
        ],
        rows=report.courses,
        order="told",
        page_size=1_000,
        searchable=False,
        empty_text=_("It concerned no vehicle"),
    )


def _result(course: Course) -> str:
    if course.in_time is None:
        never_inside = "kept_out" if course.kept_out else "not_shown"
        return "not_decided" if course.kept_out is None else never_inside
    return "yes" if course.in_time else "too_late"


def _took_s(course: Course) -> float | None:
    return None if course.took_ms is None else course.took_ms / _MS_PER_S


def _url(course: Course) -> str:
    return url_for("vehicles.show", vehicle_id=course.told.vehicle.vehicle_id)
