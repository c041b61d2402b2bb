"""Rejected messages at the desk: why each was not believed, and what was in it."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.models import RejectRow, Vehicle
from app.services.rejects import RejectEntry, payload_dump, read_reject, reject_by_id, reject_rows
from app.web.gate import identity
from app.web.register_words import REJECT_REASONS
from app.web.runtime import runtime
from app.web.tables import Column, DatabaseRows, Filter, Kind, Table, table_answer
from telemetry.messages import KEPT_PAYLOAD_BYTES
from telemetry.ports import RejectReason

rejects = Blueprint("rejects", __name__, url_prefix="/desk/rejects")

_EXCERPT_CHARACTERS = 80


@rejects.get("")
def index() -> Response | str:
    """The rejected messages of an operator's vehicles, or all, the newest first."""
    with runtime().reading() as database:
        return table_answer(_table(database), "rejects/index.html")


@rejects.get("/<int:reject_id>")
def show(reject_id: int) -> str:
    """One message with everything that was kept of it."""
    with runtime().reading() as database:
        entry = reject_by_id(database, reject_id, organisation_id=identity().scope)
    return render_template(
        "rejects/show.html",
        entry=entry,
        reason=REJECT_REASONS[entry.reject.reason],
        dump=payload_dump(entry.reject.payload),
        is_cut=len(entry.reject.payload) >= KEPT_PAYLOAD_BYTES,
    )


def excerpt(entry: RejectEntry) -> str:
    """The beginning of the payload: its text, or its bytes in hexadecimal."""
    whole = entry.text if entry.text is not None else entry.reject.payload.hex(" ")
    return whole if len(whole) <= _EXCERPT_CHARACTERS else whole[:_EXCERPT_CHARACTERS] + "…"


def _table(database: Session) -> Table[RejectEntry]:
    return Table(
        name="rejects",
        caption=_("Rejected messages"),
        columns=[
            Column[RejectEntry](
                "at",
                _("Last received"),
                lambda entry: entry.reject.last_received_ms,
                kind=Kind.WHEN,
                link=lambda entry: url_for("rejects.show", reject_id=entry.reject.id),
            ),
            Column(
                "vehicle",
                _("Vehicle"),
                lambda entry: entry.vehicle.vehicle_id if entry.vehicle else None,
                link=lambda entry: (
                    url_for("vehicles.show", vehicle_id=entry.vehicle.vehicle_id) if entry.vehicle else None
                ),
            ),
            Column(
                "reason",
                _("Reason"),
                lambda entry: str(REJECT_REASONS[entry.reject.reason]),
                note=lambda entry: entry.reject.detail,
            ),
            Column("payload", _("Message"), excerpt, kind=Kind.CODE),
            Column("arrivals", _("Arrivals"), lambda entry: entry.reject.arrivals, kind=Kind.NUMBER),
        ],
        rows=DatabaseRows(
            database,
            reject_rows(organisation_id=identity().scope),
            tiebreak=RejectRow.id,
            sort={
                "at": RejectRow.last_received_ms,
                "vehicle": Vehicle.vehicle_id,
                "reason": RejectRow.reason,
                "arrivals": RejectRow.arrivals,
            },
            search=(Vehicle.vehicle_id, RejectRow.topic, RejectRow.detail),
            where={"reason": lambda value: RejectRow.reason == RejectReason(value)},
            read=read_reject,
        ),
        filters=[Filter("reason", _("Reason"), [(each.value, str(name)) for each, name in REJECT_REASONS.items()])],
        order="-at",
        empty_text=_("Every message was believed"),
    )
