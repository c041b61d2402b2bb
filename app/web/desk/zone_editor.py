"""The zone editor: a shape drawn on the map or typed, what it would change, and its publication."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import shapely
from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import Field, ValidationError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.errors import Conflict
from app.models import Jurisdiction
from app.schemas.base import Schema
from app.schemas.geometry import Geometry
from app.schemas.zones import WIDEST_M, Circle, NewZone, ZoneDetails
from app.services.jurisdictions import jurisdictions
from app.services.zone_effects import Effects, effects_of
from app.services.zone_history import zone_history
from app.services.zones import NO_REVISION, check_zone, publish_zone
from app.web.desk.zone_forms import read_zone_form, shown, values_of
from app.web.desk.zone_maps import drawn_feature, drawn_map, map_data
from app.web.desk.zone_words import area_text
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.navigation import url_if
from app.web.ownership import actor, require_zone_decider
from app.web.page_text import datum_names, zone_kind_names
from app.web.refusals import REFUSALS
from app.web.runtime import runtime
from app.web.schedule_text import day_names, event_names
from geofences.drawing import area_m2, circle, length_m
from geofences.errors import InvalidZone
from geofences.shapes import check_geometry
from geofences.zones import Unit

zone_editor = Blueprint("zone_editor", __name__, url_prefix="/desk")

_METRES_PER_KM = 1_000
_DEGREES = 7


@zone_editor.get("/zone-editor")
def new() -> str:
    """A new zone."""
    own = _own_jurisdictions()
    first = own[0] if own else None
    values = {
        "jurisdiction": first.code if first else "",
        "authority": (first.name_zh if language() == "zh" else first.name_en) if first else "",
        "band.unit": "m",
        "kind": "test_road",
        "half_width_m": "10",
    }
    return _page(blank(values), zone_id=None)


@zone_editor.post("/zone-editor")
def create() -> Response | tuple[str, int]:
    """Publish the first revision of a zone."""
    made, form = read_zone_form(NewZone, request.form)
    if made is None:
        return _page(form, zone_id=None), HTTPStatus.UNPROCESSABLE_ENTITY
    return _publish(made.zone_id, made, form, is_new=True)


@zone_editor.get("/zones/<zone_id>/edit")
def edit(zone_id: str) -> str:
    """The next revision of a zone, filled in with the newest one."""
    with runtime().reading() as session:
        newest = zone_history(session, zone_id, runtime().clock()).newest.row
        require_zone_decider(session, newest.jurisdiction)
    return _page(blank({**values_of(newest), "seen": newest.id}), zone_id=zone_id)


@zone_editor.post("/zones/<zone_id>/edit")
def publish(zone_id: str) -> Response | tuple[str, int]:
    """Publish the next revision."""
    made, form = read_zone_form(ZoneDetails, request.form)
    if made is None:
        return _page(form, zone_id=zone_id), HTTPStatus.UNPROCESSABLE_ENTITY
    return _publish(zone_id, made, form, is_new=False)


@zone_editor.post("/zone-editor/check")
def check() -> Response:
    """What is wrong with the form as it is now, and what it would change; nothing is stored."""
    existing = request.form.get("existing", "")
    schema: type[ZoneDetails] = ZoneDetails if existing else NewZone
    made, form = read_zone_form(schema, request.form)
    found: dict[str, Any] = {"outline": _outline(request.form), "effects": None}
    if made is not None:
        zone_id = existing or getattr(made, "zone_id", "")
        try:
            with runtime().reading() as session:
                require_zone_decider(session, made.jurisdiction)
                check_zone(session, zone_id=zone_id, details=made, seen=_seen(), now_ms=runtime().clock())
                found["effects"] = _told(_effects(session, zone_id, made))
        except REFUSALS as error:
            form = shown(with_error(form, error))
    found |= {"problems": dict(form.problems), "general": form.general}
    return jsonify(found)


@zone_editor.get("/zone-editor/circle")
def round_shape() -> Response | tuple[Response, int]:
    """A circle in true metres as the ring of a polygon."""
    try:
        asked = Circle.model_validate(request.args.to_dict())
    except ValidationError:
        return jsonify(ring=[]), HTTPStatus.UNPROCESSABLE_ENTITY
    drawn = shapely.get_coordinates(circle(asked.lon, asked.lat, asked.radius_m))
    return jsonify(ring=[[round(float(value), _DEGREES) for value in pair] for pair in drawn])


def _publish(zone_id: str, details: ZoneDetails, form: Form, *, is_new: bool) -> Response | tuple[str, int]:
    try:
        with runtime().changing() as session:
            require_zone_decider(session, details.jurisdiction)
            publish_zone(
                session,
                zone_id=zone_id,
                details=details,
                seen=NO_REVISION if is_new else _seen(),
                now_ms=runtime().clock(),
                actor=actor(session),
            )
    except Conflict as error:
        return _page(_overtaken(zone_id, with_error(form, error)), zone_id=zone_id), HTTPStatus.CONFLICT
    except REFUSALS as error:
        refused = shown(with_error(form, error))
        return _page(refused, zone_id=None if is_new else zone_id), HTTPStatus.UNPROCESSABLE_ENTITY
    if (details.starts_at_ms or 0) > runtime().clock():
        flash(_("Published. It takes over when it starts."))
    else:
        flash(_("Published. The next sample that is judged meets it."))
    return redirect(url_for("zones.show", zone_id=zone_id), code=HTTPStatus.SEE_OTHER)


def _overtaken(zone_id: str, form: Form) -> Form:
    """What was typed, over the revision that came between: publishing again replaces that one knowingly."""
    with runtime().reading() as session:
        newest = zone_history(session, zone_id, runtime().clock()).newest
    told = _(
        "Revision %(number)s was published meanwhile. What you entered is kept: publish again to replace that one.",
        number=newest.number,
    )
    return Form({**form.values, "seen": newest.row.id}, form.problems, told)


def _page(form: Form, *, zone_id: str | None) -> str:
    own = _own_jurisdictions()
    codes = {place.code for place in own} | ({""} if zone_id else set())
    return render_template(
        "zones/editor.html",
        form=form,
        zone_id=zone_id,
        kinds=[(kind.value, name) for kind, name in zone_kind_names().items()],
        places=[(place.code, place.name_zh if language() == "zh" else place.name_en) for place in own],
        may_decide=form.values.get("jurisdiction", "") in codes or not form.values.get("jurisdiction"),
        datums=list(datum_names().items()),
        units=[(Unit.METRE.value, "m"), (Unit.FOOT.value, "ft")],
        days=day_names(),
        events=event_names(),
        map=drawn_map(),
        data=map_data(
            zone_id=zone_id or "",
            check=url_for("zone_editor.check"),
            circle=url_for("zone_editor.round_shape"),
            words=_words(),
        ),
    )


def _words() -> dict[str, str]:
    """What the editor's scripts say; {n} is filled in there."""
    return {
        "latitude": _("Latitude of point {n}"),
        "longitude": _("Longitude of point {n}"),
        "delete": _("Delete point {n}"),
        "insert": _("Insert a point after point {n}"),
        "line": _("Line {n}"),
        "outer": _("Outline {n}"),
        "hole": _("Hole {n}"),
        "drawing_line": _("Click along the line; a double click or Enter ends it."),
        "drawing_area": _("Click around the area; a double click or Enter closes it."),
        "drawing_hole": _("Click around the hole; a double click or Enter closes it."),
        "editing": _("Drag a point to move it, a small dot to insert one. Delete removes the chosen point."),
        "empty": _("Choose a tool, or type coordinates in the table."),
        "problems": _("This cannot be published yet."),
        "ready": _("Ready to publish."),
        "checking": _("Checking…"),
        "unchecked": _("The check does not answer. Publishing checks it again."),
        "outside_map": _("This is no position on the globe."),
    }


def _own_jurisdictions() -> list[Jurisdiction]:
    with runtime().reading() as session:
        return [place for place in jurisdictions(session) if identity().decides_in(place.id)]


def _seen() -> int:
    return request.form.get("seen", NO_REVISION, type=int)


def _effects(session: Session, zone_id: str, details: ZoneDetails) -> Effects:
    return effects_of(
        session,
        zone_id=zone_id,
        kind=details.kind,
        geometry=details.geometry,
        half_width_m=details.half_width_m,
        now_ms=runtime().clock(),
    )


def _told(effects: Effects) -> dict[str, Any]:
    """The effects in words, with links where there are pages to link."""
    text = _("No permit in force is touched.")
    if effects.permits:
        text = _(
            "Permits touched: %(permits)s, with vehicles: %(vehicles)s.",
            permits=len(effects.permits),
            vehicles=effects.vehicles,
        )
    return {
        "text": text,
        "permits": [
            {
                "number": permit.number,
                "holder": permit.holder_zh if language() == "zh" else permit.holder_en,
                "vehicles": permit.vehicles,
                "url": url_if("permits.show", number=permit.number),
            }
            for permit in effects.permits
        ],
    }


class _Sketch(Schema):
    """As much of the form as an outline needs."""

    geometry: Geometry
    half_width_m: Annotated[float | None, Field(gt=0, le=WIDEST_M)] = None


def _outline(sent: MultiDict[str, str]) -> dict[str, Any] | None:
    """The area that the zone would cover, whatever else is still missing; None while there is no such area."""
    sketch, _form = read_form(_Sketch, sent)
    if sketch is None:
        return None
    is_line = "Line" in sketch.geometry.geom_type
    half_width_m = sketch.half_width_m if is_line else None
    try:
        check_geometry(sketch.geometry, half_width_m)
    except InvalidZone:
        return None  # the form's problems say why
    length_km = length_m(sketch.geometry) / _METRES_PER_KM
    measure = f"{length_km:.3f} km" if is_line else area_text(area_m2(sketch.geometry))
    return drawn_feature(sketch.geometry, half_width_m) | {"measure": measure}
