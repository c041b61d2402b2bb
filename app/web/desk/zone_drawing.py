"""What drawing a zone needs on any page: words of its scripts, options of its fields, and the outline as it is now."""

from __future__ import annotations

from typing import Annotated, Any

from flask_babel import gettext as _
from pydantic import Field
from werkzeug.datastructures import MultiDict

from app.schemas.base import Schema
from app.schemas.geometry import Geometry
from app.schemas.zones import WIDEST_M
from app.web.desk.zone_maps import drawn_feature
from app.web.desk.zone_words import area_text
from app.web.forms import read_form
from app.web.page_text import datum_names, zone_kind_names
from app.web.schedule_text import day_names, event_names
from geofences.drawing import area_m2, length_m
from geofences.errors import InvalidZone
from geofences.shapes import check_geometry
from geofences.zones import Unit

_METRES_PER_KM = 1_000


def drawing_options() -> dict[str, Any]:
    """What the fields of a zone offer, in the request's language."""
    return {
        "kinds": [(kind.value, name) for kind, name in zone_kind_names().items()],
        "datums": list(datum_names().items()),
        "units": [(Unit.METRE.value, "m"), (Unit.FOOT.value, "ft")],
        "days": day_names(),
        "events": event_names(),
    }


def drawing_words() -> dict[str, str]:
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


class _Sketch(Schema):
    """As much of the form as an outline needs."""

    geometry: Geometry
    half_width_m: Annotated[float | None, Field(gt=0, le=WIDEST_M)] = None


def outline_of(sent: MultiDict[str, str]) -> dict[str, Any] | None:
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
