"""Zones at the desk: the list, each one's map and history, comparisons, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.errors import AppError, Forbidden
from app.models import Jurisdiction
from app.schemas.zones import ZoneEnd
from app.services.jurisdictions import jurisdictions
from app.services.zone_history import DatedRevision, ZoneHistory, end_zone, zone_histories, zone_history
from app.web import access
from app.web.desk.zone_maps import drawn_map, drawn_revision, map_data
from app.web.desk.zone_words import revision_facts
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.ownership import actor, require_zone_decider
from app.web.page_text import zone_kind_names
from app.web.runtime import runtime
from app.web.schedule_text import schedule_text
from app.web.tables import Column, Filter, Kind, Table, table_answer

zones = Blueprint("zones", __name__, url_prefix="/desk")


@zones.get("/zones")
def index() -> Response | str:
    """Every zone."""
    with runtime().reading() as session:
        table = _table(zone_histories(session, runtime().clock()), jurisdictions(session))
    return table_answer(table, "zones/index.html", may_publish=_may_publish())


@zones.get("/zones/<zone_id>")
def show(zone_id: str) -> str:
    """One zone: its map, its facts and every revision."""
    return _page(zone_id, blank())


@zones.post("/zones/<zone_id>/end")
def end(zone_id: str) -> Response | tuple[str, int]:
    """End a zone, now or later."""
    made, form = read_form(ZoneEnd, request.form)
    if made is None:
        return _page(zone_id, form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            require_zone_decider(session, zone_history(session, zone_id, runtime().clock()).newest.row.jurisdiction)
            seen = request.form.get("seen", 0, type=int)
            end_zone(session, zone_id=zone_id, details=made, seen=seen, now_ms=runtime().clock(), actor=actor(session))
    except Forbidden:
        raise
    except AppError as error:
        return _page(zone_id, with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The end of the zone is published."))
    return redirect(url_for("zones.show", zone_id=zone_id), code=HTTPStatus.SEE_OTHER)


@zones.get("/zones/<zone_id>/compare")
def compare(zone_id: str) -> str:
    """Two revisions side by side, by their numbers; without numbers the two newest."""
    with runtime().reading() as session:
        history = zone_history(session, zone_id, runtime().clock())
    after = _chosen(history, "after", len(history.revisions))
    before = _chosen(history, "before", max(1, after.number - 1))
    rows = [
        (term, old, new)
        for (term, old), (_term, new) in zip(revision_facts(before.row), revision_facts(after.row), strict=True)
    ]
    if before.row.geometry != after.row.geometry:
        # Two shapes may be of one length and number of points: their texts would not tell them apart.
        rows = [
            (term, old, _("%(shape)s, drawn anew", shape=new) if term == _("Shape") else new) for term, old, new in rows
        ]
    shapes = [drawn_revision(before.row, "before"), drawn_revision(after.row, "after")]
    return render_template(
        "zones/compare.html",
        history=history,
        before=before,
        after=after,
        rows=rows,
        same_outline=before.row.geometry == after.row.geometry and before.row.half_width_m == after.row.half_width_m,
        map=drawn_map(),
        data=map_data(shapes=shapes),
    )


def zone_name(revision: DatedRevision) -> str:
    """The zone's name in the request's language."""
    return revision.row.name_zh if language() == "zh" else revision.row.name_en


def _page(zone_id: str, form: Form) -> str:
    with runtime().reading() as session:
        history = zone_history(session, zone_id, runtime().clock())
        may_decide = _may_publish() and _decides(session, history.newest.row.jurisdiction)
    return render_template(
        "zones/show.html",
        history=history,
        name=zone_name(history.shown),
        kind=zone_kind_names()[history.zone.kind],
        facts=revision_facts(history.shown.row),
        may_decide=may_decide,
        form=form,
        map=drawn_map(),
        data=map_data(shapes=[drawn_revision(history.shown.row, "after")]),
    )


def _decides(session: Session, jurisdiction: str) -> bool:
    try:
        require_zone_decider(session, jurisdiction)
    except AppError:
        return False
    return True


def _chosen(history: ZoneHistory, name: str, otherwise: int) -> DatedRevision:
    number = request.args.get(name, otherwise, type=int)
    return history.revisions[min(max(number, 1), len(history.revisions)) - 1]


def _may_publish() -> bool:
    return access.may(identity().role, access.Action.PUBLISH_ZONES)


def _table(rows: Sequence[ZoneHistory], places: Sequence[Jurisdiction]) -> Table[ZoneHistory]:
    kinds = zone_kind_names()
    names = {place.code: place.name_zh if language() == "zh" else place.name_en for place in places}
    return Table(
        name="zones",
        caption=_("Zones"),
        columns=[
            Column(
                "name",
                _("Zone"),
                lambda history: zone_name(history.shown),
                link=lambda history: url_for("zones.show", zone_id=history.zone.zone_id),
                note=lambda history: history.zone.zone_id,
            ),
            Column("kind", _("Kind"), lambda history: kinds[history.zone.kind]),
            Column("state", _("State"), lambda history: history.state, kind=Kind.BADGE),
            Column("since", _("In force since"), _since, kind=Kind.WHEN),
            Column("next", _("Next revision"), _next, kind=Kind.WHEN),
            Column(
                "schedule", _("Opening hours"), lambda history: schedule_text(history.shown.row.schedule), sort=False
            ),
            Column("jurisdiction", _("Jurisdiction"), lambda h: names.get(h.newest.row.jurisdiction, "")),
            Column("authority", _("Authority"), lambda history: history.shown.row.authority, exported_only=True),
        ],
        rows=rows,
        filters=[
            Filter("kind", _("Kind"), [(k.value, name) for k, name in kinds.items()], lambda h, v: h.zone.kind == v),
            Filter(
                "jurisdiction",
                _("Jurisdiction"),
                list(names.items()),
                lambda history, value: history.newest.row.jurisdiction == value,
            ),
            Filter(
                "state",
                _("State"),
                [("in_force", _("In force")), ("upcoming", _("Upcoming")), ("ended", _("Ended"))],
            ),
        ],
        order="name",
        empty_text=_("No zones yet"),
    )


def _since(history: ZoneHistory) -> int | None:
    return history.current.from_ms if history.current is not None else None


def _next(history: ZoneHistory) -> int | None:
    return history.upcoming.from_ms if history.upcoming is not None else None
