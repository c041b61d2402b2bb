"""Safety statistics for everybody, in groups of at least ten."""

from __future__ import annotations

from datetime import date

from babel.dates import format_date
from flask import Response
from flask_babel import gettext as _

from app.public.safety import safety as safety_months
from app.schemas.public import SafetyMonth
from app.web.findings_text import FINDING_TEXTS
from app.web.language import language
from app.web.public.blueprint import public_pages
from app.web.public.wording import group_text
from app.web.runtime import runtime
from app.web.stage_text import kind_names
from app.web.tables import Column, Kind, Table, table_answer

_MONTHS = {"zh": "y年M月", "en": "MMMM y"}


@public_pages.get("/safety")
def safety() -> Response | str:
    """Kilometres, hours and alerts by complete month and kind."""
    state = runtime()
    with state.reading() as session:
        months = safety_months(session, state.clock())
    newest = _newest(months)
    return table_answer(
        _table(months),
        "public/safety.html",
        findings=_findings(months),
        newest=newest,
        newest_month=_month_name(newest[0]) if newest else "",
        group_text=group_text,
    )


def _table(rows: list[SafetyMonth]) -> Table[SafetyMonth]:
    kinds = kind_names()
    return Table(
        name="safety",
        caption=_("Safety by month"),
        columns=[
            Column("month", _("Month"), lambda row: row.month),
            Column("kind", _("Kind"), lambda row: kinds[row.kind], note=_vehicles),
            Column("distance", _("Distance"), lambda row: row.distance_km, kind=Kind.NUMBER, unit="km"),
            Column("hours", _("Time"), lambda row: row.hours, kind=Kind.NUMBER, unit="h"),
            Column("alerts", _("Alerts"), lambda row: group_text(row.alerts), sort=False),
            Column("rate", _("Alerts per 1,000 km"), lambda row: row.per_1000_km, kind=Kind.NUMBER, decimals=1),
            Column("closed", _("Closed"), lambda row: row.closed_percent, kind=Kind.NUMBER, unit="%"),
            Column("acknowledged", _("Acknowledged"), lambda row: row.acknowledged_percent, kind=Kind.NUMBER, unit="%"),
        ],
        rows=rows,
        order="-month",
        searchable=False,
        empty_text=_("No month is complete yet."),
    )


def _month_name(row: SafetyMonth) -> str:
    return format_date(date.fromisoformat(f"{row.month}-01"), _MONTHS[language()], locale=language())


def _vehicles(row: SafetyMonth) -> str:
    return _("%(count)s vehicles", count=group_text(row.vehicles))


def _newest(months: list[SafetyMonth]) -> list[SafetyMonth]:
    """The newest month's rows."""
    return [row for row in months if row.month == months[0].month] if months else []


def _findings(months: list[SafetyMonth]) -> list[tuple[str, str, int, float | None]]:
    """(finding, kind, alerts, alerts per 1,000 km) of the newest month, the most frequent first."""
    wordings = {finding.code: text.wording(language()).name for finding, text in FINDING_TEXTS.items()}
    kinds = kind_names()
    found = [
        (wordings[each.finding], kinds[row.kind], each.alerts, each.per_1000_km)
        for row in _newest(months)
        for each in row.findings
    ]
    return sorted(found, key=lambda row: row[2], reverse=True)
