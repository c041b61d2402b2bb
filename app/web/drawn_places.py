"""Places that people draw in a form: a circle that is clicked or typed, or an outline."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from app.web.forms import Form

#: The fields of the circle.
CIRCLE = ("circle.lat", "circle.lon", "circle.radius_m")

USUAL_RADIUS_M = 300


def drawing_words() -> dict[str, str]:
    """What js/emergencies/drawing.js says."""
    return {
        "circle": _("Click the centre on the map, or type it. The radius is in metres."),
        "drawing_area": _("Click around the area; a double click or Enter closes it."),
        "editing": _("Drag a point to move it, a small dot to insert one. Delete removes the chosen point."),
    }


def without_blank_circle(sent: MultiDict[str, str]) -> MultiDict[str, str]:
    """Nothing or an outline was drawn where no centre is given: the radius that the form proposes says nothing then."""
    if any(sent.get(name, "").strip() for name in CIRCLE[:2]):
        return sent
    return MultiDict((name, value) for name, value in sent.items(multi=True) if name not in CIRCLE)


def as_typed(form: Form, sent: Mapping[str, str]) -> Form:
    """The form to show again, with what was left out of it."""
    return Form({name: sent[name] for name in sent} | dict(form.values), form.problems, form.general)
