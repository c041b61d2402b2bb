"""Evidence bundles at the desk: the list, the export around a moment, and each one with its file."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.calendar import wall_time
from app.evidence.scope import AFTER_S, BEFORE_S
from app.models import EvidenceBundle, Vehicle
from app.schemas.evidence import EvidenceRequest
from app.services.evidence import bundles_for
from app.web import access
from app.web.access import Action
from app.web.choices import choices, find_vehicles, vehicle_labels
from app.web.evidence_files import bundle_answer, export_for_caller, own_bundle
from app.web.forms import Form, blank, members, read_form, with_error
from app.web.gate import identity
from app.web.organisation_names import organisation_name
from app.web.refusals import REFUSALS
from app.web.runtime import runtime
from app.web.tables import Column, DatabaseRows, Kind, Table, table_answer

evidence = Blueprint("evidence", __name__, url_prefix="/desk/evidence")

_Page = Response | WerkzeugResponse | tuple[str, int] | str


@evidence.get("")
def index() -> Response | str:
    """Every bundle; an operator's own."""
    with runtime().reading() as session:
        return table_answer(_table(session), "evidence/index.html", may_export=_may_export())


@evidence.route("/new", methods=["GET", "POST"])
def new() -> _Page:
    """Export a bundle. Links to here may say of what: `vehicle_id` and `moment_ms`."""
    if request.method == "GET":
        return _form_page(blank(_asked()))
    wanted, form = read_form(EvidenceRequest, request.form)
    if wanted is None:
        return _form_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        bundle_id = export_for_caller(wanted)
    except REFUSALS as error:
        return _form_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Exported. Its hash is in the audit log."))
    return redirect(url_for("evidence.show", bundle_id=bundle_id), HTTPStatus.SEE_OTHER)


@evidence.get("/<bundle_id>")
def show(bundle_id: str) -> str:
    """One bundle: what is in it, its hash, and how anybody checks it."""
    with runtime().reading() as session:
        bundle = own_bundle(session, bundle_id)
        operator = organisation_name(bundle.vehicle.organisation)
        return render_template("evidence/show.html", bundle=bundle, operator=operator, last_ms=bundle.until_ms - 1)


@evidence.get("/<bundle_id>/file")
def download(bundle_id: str) -> Response:
    """The ZIP archive."""
    with runtime().reading() as session:
        return bundle_answer(own_bundle(session, bundle_id))


def _asked() -> dict[str, object]:
    moment_ms = request.args.get("moment_ms", "")
    is_given = moment_ms.isascii() and moment_ms.isdigit() and len(moment_ms) < len(str(2**53))
    shown = wall_time(int(moment_ms) if is_given else runtime().clock())
    return {
        "vehicle_id": request.args.get("vehicle_id", ""),
        "moment_ms": f"{shown:%Y-%m-%dT%H:%M:%S}",
        "before_s": BEFORE_S,
        "after_s": AFTER_S,
        "reason": "",
    }


def _form_page(form: Form) -> str:
    own = identity().scope
    with runtime().reading() as session:
        return render_template(
            "evidence/form.html",
            form=form,
            is_for_city=own is None,
            vehicles=choices(
                lambda most: find_vehicles(session, "", most, organisation_id=own),
                members(form.values.get("vehicle_id")),
                lambda ids: vehicle_labels(session, ids, organisation_id=own),
                url_for("choices.vehicles"),
            ),
        )


def _may_export() -> bool:
    return access.may(identity().role, Action.EXPORT_EVIDENCE)


def _table(session: Session) -> Table[EvidenceBundle]:
    columns = [
        Column[EvidenceBundle](
            "bundle", _("Bundle"), lambda row: row.bundle_id, link=lambda row: url_for(".show", bundle_id=row.bundle_id)
        ),
        Column("vehicle", _("Vehicle"), lambda row: row.vehicle.vehicle_id),
        Column("moment", _("Moment"), lambda row: row.moment_ms, kind=Kind.WHEN),
        Column("exported", _("Exported"), lambda row: row.exported_at_ms, kind=Kind.WHEN),
        Column("by", _("By"), lambda row: row.exported_by.email),
        Column("samples", _("Samples"), lambda row: row.samples, kind=Kind.NUMBER),
        Column("sha256", "SHA-256", lambda row: row.sha256.hex(), kind=Kind.CODE, exported_only=True),
        Column("reason", _("Reason"), lambda row: row.reason),
    ]
    return Table(
        name="evidence",
        caption=_("Evidence bundles"),
        columns=columns,
        rows=DatabaseRows(
            session,
            bundles_for(identity().scope),
            tiebreak=EvidenceBundle.id,
            sort={
                "vehicle": Vehicle.vehicle_id,
                "moment": EvidenceBundle.moment_ms,
                "exported": EvidenceBundle.exported_at_ms,
                "samples": EvidenceBundle.samples,
            },
            search=[EvidenceBundle.bundle_id, Vehicle.vehicle_id, EvidenceBundle.reason],
        ),
        order="-exported",
        empty_text=_("No evidence was exported yet"),
    )
