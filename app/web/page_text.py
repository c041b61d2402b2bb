"""The texts that the scripts of a page show, translated on the server and sent along with it."""

from __future__ import annotations

from flask_babel import gettext as _

from app.web.findings_text import FINDING_TEXTS
from geofences.zones import Datum, ZoneKind
from telemetry.findings import Severity
from telemetry.samples import Mode, SafetyOfficer


def zone_kind_names() -> dict[ZoneKind, str]:
    """The name of every kind of zone, in the request's language."""
    return {
        ZoneKind.TEST_ROAD: _("Test road"),
        ZoneKind.TEST_AREA: _("Closed test area"),
        ZoneKind.AIR_CORRIDOR: _("Air corridor"),
        ZoneKind.VERTIPORT: _("Vertiport"),
        ZoneKind.RESTRICTED: _("Restricted area"),
        ZoneKind.SPEED_LIMIT: _("Speed-limit zone"),
    }


def datum_names() -> dict[Datum, str]:
    """What heights are measured from, in the request's language."""
    return {
        Datum.AGL: _("above ground"),
        Datum.AMSL: _("above mean sea level"),
        Datum.WGS84: _("above the WGS-84 ellipsoid"),
    }


def severity_names() -> dict[Severity, str]:
    """The name of every severity, in the request's language."""
    return {
        Severity.NOTICE: _("Notice"),
        Severity.WARNING: _("Warning"),
        Severity.CRITICAL: _("Critical"),
    }


def mode_names() -> dict[Mode, str]:
    """Who drives, in the request's language."""
    return {
        Mode.AUTONOMOUS: _("Autonomous"),
        Mode.MANUAL: _("Manual"),
        Mode.REMOTE: _("Remote"),
        Mode.TAKEOVER: _("Takeover"),
        Mode.MINIMAL_RISK: _("Minimal-risk manoeuvre"),
    }


def officer_names() -> dict[SafetyOfficer, str]:
    """Where the person who steers or watches is, in the request's language."""
    return {
        SafetyOfficer.NONE: _("None on duty"),
        SafetyOfficer.ONBOARD: _("On board"),
        SafetyOfficer.REMOTE: _("Remote officer"),
    }


def script_text() -> dict[str, str]:
    """Every text that the page's scripts may show, by key, in the request's language."""
    return {
        "kind_road": _("Self-driving car"),
        "kind_air": _("eVTOL aircraft"),
        "operator": _("Operator"),
        "speed": _("Speed"),
        "mode": _("Driving mode"),
        "altitude": _("Altitude"),
        "officer": _("Safety officer"),
        "battery": _("Battery"),
        "seen": _("Last seen"),
        "zoom_in": _("Zoom in"),
        "zoom_out": _("Zoom out"),
        "layers": _("Layers"),
        "close": _("Close"),
        "now": _("now"),
        "undecided": _("undecided"),
        "no_alert": _("no open alert"),
        "pseudonym_note": _("The name is a pseudonym that changes every day."),
        "more_alerts": _("and {count} more"),
        "map_incomplete": _("The map could not be loaded whole. Load the page again."),
        "connection_lost": _("Connection lost. Reconnecting; positions may be out of date."),
        **{f"severity_{severity.value}": name for severity, name in severity_names().items()},
        **{f"zone_{kind.value}": name for kind, name in zone_kind_names().items()},
        **{f"mode_{mode.name.lower()}": name for mode, name in mode_names().items()},
        **{f"officer_{officer.name.lower()}": name for officer, name in officer_names().items()},
    }


def finding_text(language: str) -> dict[str, dict[str, str]]:
    """Name and description of every finding by its code, in `language` (`zh` or `en`)."""
    wordings = {finding.code: text.wording(language) for finding, text in FINDING_TEXTS.items()}
    return {code: {"name": wording.name, "description": wording.description} for code, wording in wordings.items()}
