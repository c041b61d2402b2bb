"""Every alert of the record at the desk: also those that the duty screen has no room for."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.live.loading import alert_of
from app.models import Alert, Organisation, Vehicle
from app.services.alert_ids import public_id_of
from app.services.alerts import HANDLED, AlertFilter, Handling, alert_rows, judged_as
from app.web.findings_text import FINDING_TEXTS
from app.web.gate import identity
from app.web.language import language
from app.web.page_text import severity_names
from app.web.runtime import runtime
from app.web.tables import Column, DatabaseRows, Filter, Kind, Table, table_answer
from telemetry.findings import Finding, Severity

alerts = Blueprint("alerts", __name__, url_prefix="/desk/alerts")


@alerts.get("")
def index() -> Response | str:
    """The alerts of an operator's vehicles, or all, the newest first; `?state=closed&handling=new` ended unseen."""
    with runtime().reading() as database:
        return table_answer(_table(database), "alerts/index.html")


def _table(database: Session) -> Table[Alert]:
    return Table(
        name="alerts",
        caption=_("Alerts"),
        columns=_columns(),
        rows=DatabaseRows(
            database,
            alert_rows(organisation_id=identity().scope),
            tiebreak=Alert.id,
            sort={"opened": Alert.opened_at_ms, "ended": Alert.closed_at_ms, "vehicle": Vehicle.vehicle_id},
            search=(Vehicle.vehicle_id, Organisation.name_zh, Organisation.name_en),
            where={
                "state": lambda value: judged_as(AlertFilter(value)),
                "handling": lambda value: HANDLED[Handling(value)],
                "severity": lambda value: Alert.severity == Severity(value),
                "finding": lambda value: Alert.finding == Finding[value.upper()].value,
            },
        ),
        filters=_filters(),
        order="-opened",
        page_size=50,
        empty_text=_("No alerts yet"),
    )


def _columns() -> list[Column[Alert]]:
    severities = severity_names()
    return [
        Column(
            "opened",
            _("Began"),
            lambda alert: alert.opened_at_ms,
            kind=Kind.WHEN,
            link=lambda alert: url_for("duty.index", alert=public_id_of(alert)),
        ),
        Column("finding", _("Finding"), _finding, note=lambda alert: str(severities[alert.severity])),
        Column(
            "vehicle",
            _("Vehicle"),
            lambda alert: alert.vehicle.vehicle_id,
            note=_operator,
            link=lambda alert: url_for("vehicles.show", vehicle_id=alert.vehicle.vehicle_id),
        ),
        Column("place", _("Place"), _place),
        Column("handling", _("State"), _handling, kind=Kind.BADGE),
        Column("ended", _("Over since"), lambda alert: alert.closed_at_ms, kind=Kind.WHEN),
    ]


def _filters() -> list[Filter[Alert]]:
    findings = sorted((text.wording(language()).name, finding.code) for finding, text in FINDING_TEXTS.items())
    return [
        Filter("state", _("Episode"), [(AlertFilter.OPEN, _("Going on")), (AlertFilter.CLOSED, _("Over"))]),
        Filter(
            "handling",
            _("State"),
            [
                (Handling.NEW, _("New")),
                (Handling.ACKNOWLEDGED, _("Seen")),
                (Handling.ESCALATED, _("Escalated")),
                (Handling.RESOLVED, _("Closed")),
            ],
        ),
        Filter("severity", _("Severity"), [(each.value, str(name)) for each, name in severity_names().items()]),
        Filter("finding", _("Finding"), [(code, name) for name, code in findings]),
    ]


def _finding(alert: Alert) -> str:
    return FINDING_TEXTS[Finding(alert.finding)].wording(language()).name


def _operator(alert: Alert) -> str:
    operator = alert.vehicle.organisation
    return operator.name_zh if language() == "zh" else operator.name_en


def _place(alert: Alert) -> str | None:
    place = runtime().live.picture.place_of(alert_of(alert))
    return None if place is None else getattr(place.names, language())


def _handling(alert: Alert) -> str:
    """What people did, as a state with a name and a colour."""
    if alert.resolved_at_ms is not None:
        return "closed"
    if alert.escalated_at_ms is not None:
        return "alert_escalated"
    return "alert_new" if alert.acknowledged_at_ms is None else "alert_seen"
