"""Permits at the desk: the list, each one with its terms, comparisons, and the notice to print."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from flask_babel import gettext as _

from app.documents.permit_content import permit_notice
from app.schemas.permits import Standing
from app.services.permit_register import StandingPermit, decisions_on, standing_permits
from app.web.desk.permit_page import own_permit, permit_page
from app.web.gate import identity
from app.web.language import language
from app.web.permit_texts import comparison_rows, decision_label, stage_label
from app.web.public_address import verification_url
from app.web.runtime import runtime
from app.web.states import state_label
from app.web.tables import Column, Filter, Kind, Table, table_answer

permits = Blueprint("permits", __name__, url_prefix="/desk/permits")

#: A permit that ends within this is marked in the list.
_SOON_MS = 30 * 86_400_000


@permits.get("")
def index() -> Response | str:
    """Every permit; an operator's own."""
    now_ms = runtime().clock()
    with runtime().reading() as session:
        found = standing_permits(session, now_ms=now_ms, organisation_id=identity().scope)
        return table_answer(_table(found, now_ms), "permits/index.html")


@permits.get("/<number>")
def show(number: str) -> str:
    """One permit."""
    return permit_page(number)


@permits.get("/<number>/compare")
def compare(number: str) -> str:
    """Two revisions side by side, by their numbers; without numbers the two newest."""
    with runtime().reading() as session:
        found = own_permit(session, number)
        taken = {each.revision.number: each for each in decisions_on(session, found.permit)}
        after = request.args.get("after", max(taken), type=int)
        before = request.args.get("before", max(1, after - 1), type=int)
        if before not in taken or after not in taken:
            abort(404)
        rows = comparison_rows(session, taken[before].revision, taken[after].revision)
        titles = {each: decision_label(taken[each].decision) for each in taken}
        return render_template(
            "permits/compare.html", permit=found.permit, rows=rows, titles=titles, before=before, after=after
        )


@permits.get("/<number>/notice.pdf")
def notice(number: str) -> Response:
    """The notice to print."""
    now_ms = runtime().clock()
    with runtime().reading() as session:
        content = permit_notice(session, own_permit(session, number), url=verification_url(number), now_ms=now_ms)
    answer = Response(runtime().press.sheet(content), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{number}.pdf"'
    return answer


@permits.get("/<number>/driving")
def driving(number: str) -> Response:
    """How many of its vehicles are on the move now, for the page's script."""
    with runtime().reading() as session:
        keys = [vehicle.id for vehicle in own_permit(session, number).current.vehicles]
    return jsonify(driving=len(runtime().live.picture.on_the_move(keys)), of=len(keys))


def _table(found: Sequence[StandingPermit], now_ms: int) -> Table[StandingPermit]:
    return Table(
        name="permits",
        caption=_("Permits"),
        columns=[
            Column("number", _("Number"), lambda p: p.permit.number, link=_url),
            Column("standing", _("State"), lambda p: p.standing.value, kind=Kind.BADGE),
            Column("holder", _("Holder"), _holder),
            Column("stage", _("Stage"), lambda p: stage_label(p.current.stage)),
            Column("jurisdiction", _("Jurisdiction"), _jurisdiction),
            Column("from", _("Valid from"), lambda p: p.current.valid_from_ms, kind=Kind.DAY),
            Column(
                "until",
                _("Valid until"),
                lambda p: p.current.valid_until_ms,
                kind=Kind.DAY,
                note=lambda p: _("ends soon") if _ends_soon(p, now_ms) else "",
            ),
            Column("vehicles", _("Vehicles"), lambda p: p.vehicle_count, kind=Kind.NUMBER),
        ],
        rows=found,
        filters=[
            Filter("standing", _("State"), [(each.value, state_label(each)) for each in Standing]),
            Filter("ending", _("Ending"), [("soon", _("within 30 days"))], lambda p, _wish: _ends_soon(p, now_ms)),
        ],
        order="-number",
        empty_text=_("No permits yet"),
    )


def _url(found: StandingPermit) -> str:
    return url_for("permits.show", number=found.permit.number)


def _holder(found: StandingPermit) -> str:
    return found.permit.holder.name_zh if language() == "zh" else found.permit.holder.name_en


def _jurisdiction(found: StandingPermit) -> str:
    jurisdiction = found.permit.jurisdiction
    return jurisdiction.name_zh if language() == "zh" else jurisdiction.name_en


def _ends_soon(found: StandingPermit, now_ms: int) -> bool:
    is_alive = found.standing in {Standing.ISSUED, Standing.SUSPENDED, Standing.UPCOMING}
    return is_alive and found.current.valid_until_ms - now_ms <= _SOON_MS
