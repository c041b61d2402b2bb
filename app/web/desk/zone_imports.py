"""Zone files at the desk: a file is read, looked at on the map, and published whole or dropped; and the export."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from app.schemas.zones import ZoneImport
from app.services.jurisdictions import jurisdictions
from app.services.zone_features import ReadFeature
from app.services.zone_files import zone_file
from app.services.zone_imports import features_of, keep_draft, own_draft, publish_import, read_zone_file
from app.web.desk.zone_maps import drawn_feature, drawn_map, map_data
from app.web.error_text import field_text
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.ownership import actor, require_zone_decider
from app.web.page_text import zone_kind_names
from app.web.refusals import REFUSALS
from app.web.runtime import runtime

zone_imports = Blueprint("zone_imports", __name__, url_prefix="/desk")

#: A table of more rows with problems helps nobody: the file is mended and read again.
_PROBLEMS_SHOWN = 200


@zone_imports.get("/zone-import")
def choose() -> str:
    """Choose a file."""
    return _choice(blank())


@zone_imports.post("/zone-import")
def upload() -> Response | tuple[str, int]:
    """Read a file and keep what it would do; nothing is published."""
    form = Form(request.form.to_dict())
    sent = request.files.get("file")
    data = sent.read() if sent is not None else b""
    if not data:
        return _choice(Form(form.values, {"file": _("Choose a file.")})), HTTPStatus.UNPROCESSABLE_ENTITY
    own = {code for code, _name in _own_jurisdictions()}
    try:
        with runtime().reading() as session:  # a file is read slowly: nobody waits for a write lock meanwhile
            features = read_zone_file(session, data, decides_in=own, jurisdiction=request.form.get("jurisdiction", ""))
        with runtime().changing() as session:
            draft = keep_draft(session, features, actor=actor(session), now_ms=runtime().clock())
    except REFUSALS as error:
        return _choice(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    return redirect(url_for("zone_imports.preview", draft_id=draft.public_id), code=HTTPStatus.SEE_OTHER)


@zone_imports.get("/zone-import/<draft_id>")
def preview(draft_id: str) -> str:
    """What the file would do, on the map and feature by feature."""
    return _preview(draft_id, blank())


@zone_imports.post("/zone-import/<draft_id>")
def publish(draft_id: str) -> Response | tuple[str, int]:
    """Publish all of it."""
    made, form = read_form(ZoneImport, request.form)
    if made is None:
        return _preview(draft_id, form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            draft = own_draft(session, draft_id, identity().user_id)
            features = features_of(draft)
            # Once more: the file may have been read before a jurisdiction was taken from its reader.
            for code in sorted({each.content.jurisdiction for each in features if each.content is not None}):
                require_zone_decider(session, code)
            published = publish_import(session, features, made, now_ms=runtime().clock(), actor=actor(session))
            session.delete(draft)
    except REFUSALS as error:
        return _preview(draft_id, with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    count = len(published)
    flash(ngettext("%(num)s zone is published.", "%(num)s zones are published.", count))
    return redirect(url_for("zones.index"), code=HTTPStatus.SEE_OTHER)


@zone_imports.post("/zone-import/<draft_id>/drop")
def drop(draft_id: str) -> Response:
    """Forget the file."""
    with runtime().changing() as session:
        session.delete(own_draft(session, draft_id, identity().user_id))
    return redirect(url_for("zone_imports.choose"), code=HTTPStatus.SEE_OTHER)


@zone_imports.get("/zone-file.geojson")
def export() -> Response:
    """The zones in force as a file that the import reads."""
    with runtime().reading() as session:
        data = zone_file(session, runtime().clock())
    answer = Response(data, mimetype="application/geo+json")
    answer.headers["Content-Disposition"] = 'attachment; filename="zones.geojson"'
    return answer


def _choice(form: Form) -> str:
    return render_template("zones/import.html", form=form, places=_own_jurisdictions())


def _preview(draft_id: str, form: Form) -> str:
    with runtime().reading() as session:
        features = features_of(own_draft(session, draft_id, identity().user_id))
    counts = {state: sum(1 for each in features if each.state == state) for state in ("new", "changed", "unchanged")}
    wrong = [each for each in features if each.state == "invalid"]
    return render_template(
        "zones/preview.html",
        draft_id=draft_id,
        form=form,
        counts=counts,
        wrong=[
            (each, [(found.path, field_text(found)) for found in each.problems]) for each in wrong[:_PROBLEMS_SHOWN]
        ],
        wrong_count=len(wrong),
        changing=[each for each in features if each.state in {"new", "changed"}],
        kinds=zone_kind_names(),
        name=_name,
        map=drawn_map(),
        data=map_data(shapes=[_shape(each) for each in features if each.content is not None]),
    )


def _shape(feature: ReadFeature) -> dict[str, object]:
    assert feature.content is not None
    return drawn_feature(feature.content.geometry, feature.content.half_width_m, tone=feature.state)


def _name(feature: ReadFeature) -> str:
    content = feature.content
    if content is None:
        return ""
    return content.name_zh if language() == "zh" else content.name_en


def _own_jurisdictions() -> list[tuple[str, str]]:
    with runtime().reading() as session:
        own = [place for place in jurisdictions(session) if identity().decides_in(place.id)]
    return [(place.code, place.name_zh if language() == "zh" else place.name_en) for place in own]
