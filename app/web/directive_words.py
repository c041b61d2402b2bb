"""The words of directives: what is demanded, why, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import gettext as _now
from flask_babel import lazy_gettext as _

from app.models import Cause, DirectiveRow
from app.services.directive_register import Progress
from app.units import kmh_of
from app.web.states import state_label
from telemetry.directives import DirectiveKind
from telemetry.samples import VehicleKind

KINDS: Mapping[DirectiveKind, LazyString] = {
    DirectiveKind.HALT: _("Halt"),
    DirectiveKind.LEAVE: _("Leave"),
    DirectiveKind.SLOW: _("Slow down"),
}
#: What each asks of a vehicle, for those who give the order.
MEANINGS: Mapping[DirectiveKind, LazyString] = {
    DirectiveKind.HALT: _("Stand still. An aircraft lands."),
    DirectiveKind.LEAVE: _("Get out of where it may not be, and keep out."),
    DirectiveKind.SLOW: _("Keep to the speed given below."),
}
CAUSES: Mapping[Cause, LazyString] = {
    Cause.PERMIT: _("Decision on a permit"),
    Cause.ORDER: _("Order of a duty officer"),
    Cause.EMERGENCY: _("Emergency geofence"),
}


def demanded(row: DirectiveRow) -> str:
    """What is demanded of the vehicle, in a few words."""
    if row.kind is DirectiveKind.HALT and row.vehicle.kind is VehicleKind.AIR:
        return _now("Land")
    speed_mps = row.terms.get("speed_mps")
    if speed_mps is not None:
        return _now("Slow down to %(speed)s km/h", speed=f"{kmh_of(speed_mps):g}")
    return str(KINDS[row.kind])


def progress_badge(progress: Progress) -> str:
    """The state of its badge (app.web.states)."""
    return f"directive_{progress}"


def progress_label(progress: Progress) -> str:
    """How far it has come, in the request's language."""
    return state_label(progress_badge(progress))
