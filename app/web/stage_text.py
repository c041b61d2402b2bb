"""The names of stages, trial domains and kinds of vehicle, in the request's language."""

from __future__ import annotations

from flask_babel import gettext as _

from app.models import Stage, TrialDomain
from telemetry.samples import VehicleKind


def stage_names() -> dict[Stage, str]:
    """The name of every stage."""
    return {
        Stage.ROAD_TEST: _("Road test"),
        Stage.DEMONSTRATION: _("Demonstration"),
        Stage.DRIVERLESS_TEST: _("Driverless test"),
        Stage.COMMERCIAL_PILOT: _("Commercial pilot"),
        Stage.FLIGHT_TEST: _("Flight test"),
        Stage.ROUTE_PROVING: _("Route proving"),
        Stage.COMMERCIAL_ROUTE: _("Commercial route"),
    }


def domain_names() -> dict[TrialDomain, str]:
    """The name of every domain of trials."""
    return {TrialDomain.ROAD: _("Road"), TrialDomain.AIR: _("Air"), TrialDomain.JOINT: _("Road and air")}


def kind_names() -> dict[VehicleKind, str]:
    """The short plural name of every kind of vehicle."""
    return {VehicleKind.ROAD: _("Cars"), VehicleKind.AIR: _("eVTOLs")}
