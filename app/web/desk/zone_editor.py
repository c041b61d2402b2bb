"""The zone editor: a shape drawn on the map or typed, what it would change, and its publication."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import shapely
from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import ValidationError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.errors import Conflict
from app.models import Jurisdiction
from app.schemas.zones import Circle, NewZone, ZoneDetails
from app.services.jurisdictions import jurisdictions
from app.services.zone_effects import Effects, effects_of
from app.services.zone_history import zone_history
from app.services.zones import NO_REVISION, check_zone, publish_zone
from app.web.desk.zone_drawing import drawing_options, drawing_words, outline_of
from app.web.desk.zone_forms import read_zone_form, shown, values_of
from app.web.desk.zone_maps import drawn_map, map_data
from app.web.forms import Form, blank, with_error
from app.web.gate import identity
from app.web.language import language
from app.web.navigation import url_if
from app.web.ownership import actor, require_zone_decider
from app.web.refusals import REFUSALS
from app.web.runtime import runtime
from geofences.drawing import circle

zone_editor = Blueprint("zone_editor", __name__, url_prefix="/desk")

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
    found: dict[str, Any] = {"outline": outline_of(request.form), "effects": None}
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
        places=[(place.code, place.name_zh if language() == "zh" else place.name_en) for place in own],
        may_decide=form.values.get("jurisdiction", "") in codes or not form.values.get("jurisdiction"),
        **drawing_options(),
        map=drawn_map(),
        data=map_data(
            zone_id=zone_id or "",
            check=url_for("zone_editor.check"),
            circle=url_for("zone_editor.round_shape"),
            words=drawing_words(),
        ),
    )


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
