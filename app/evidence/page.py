"""The page of a bundle: opens without a server and without a network, in both languages."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from app.documents.wording import MODES, OFFICERS, STAGES, Words, condition_terms
from app.evidence.content import Content
from app.evidence.findings import shown_by
from app.evidence.map import drawn_map
from app.evidence.moments import city_text, utc_text
from app.evidence.plots import drawing
from app.evidence.timeline import finding_name, timeline
from app.evidence.track import Row, value_of
from app.evidence.wording import PERMIT_STATES, ZONE_KINDS
from app.models import Stage
from app.services.conditions import Conditions
from app.units import kmh_of
from app.web.assets import asset_file
from telemetry.findings import Finding
from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer

#: Rows of the page's table of samples; all are in data/samples.csv.
_MOST_ROWS = 600


def offline_page(content: Content, exported: Mapping[str, Any]) -> str:
    """The page as HTML; `exported` is what the manifest says of the export."""
    rows, record = content.tracks.own, content.record
    step = max(1, -(-len(rows) // _MOST_ROWS))
    others = neighbour_names(content)
    return (
        _pages()
        .get_template("page.html")
        .render(
            exported=exported,
            scope=content.scope,
            record=record,
            vehicle=record.vehicle,
            rows=[_told(row) for row in rows[::step]],
            step=step,
            sample_count=len(rows),
            others=[(others[key], len(found)) for key, found in content.tracks.neighbours.items()],
            map=drawn_map(content, others) if rows else None,
            plot=Markup(drawing(rows, shown_by(rows), content.scope)),  # noqa: S704 -- escaped where it is drawn
            timeline=timeline(content),
            permits=[_permit(each) for each in record.permits],
            anchors=content.proof.anchors,
            blocks=len(content.proof.blocks),
            leaflet_script=Markup(_leaflet("leaflet.js")),  # noqa: S704 -- a library's own file
            leaflet_style=Markup(_leaflet_style()),  # noqa: S704 -- a library's own file
        )
    )


def neighbour_names(content: Content) -> dict[int, Words]:
    """What each neighbour is called: by its identifier, or by a number where the bundle names nobody."""
    found = {}
    for number, key in enumerate(content.tracks.neighbours, start=1):
        name = content.names.get(key)
        found[key] = Words(name, name) if name else Words(f"其他车辆 {number}", f"Other vehicle {number}")
    return found


def _told(row: Row) -> dict[str, Any]:
    speed_mps, altitude_m, datum = (value_of(row, name) for name in ("speed_mps", "altitude_m", "altitude_datum"))
    mode, officer = value_of(row, "mode"), value_of(row, "safety_officer")
    return {
        "at_ms": value_of(row, "timestamp_ms"),
        "seq": value_of(row, "seq"),
        "place": f"{value_of(row, 'lat'):.6f}, {value_of(row, 'lon'):.6f}",
        "speed": "" if speed_mps is None else f"{kmh_of(speed_mps):.1f}",
        "altitude": "" if altitude_m is None else f"{altitude_m:.1f} {AltitudeDatum(datum).name if datum >= 0 else ''}",
        "mode": MODES[Mode(mode)] if mode >= 0 else None,
        "officer": OFFICERS[SafetyOfficer(officer)] if officer > 0 else None,
        "officer_id": value_of(row, "officer_id") or "",
        "findings": [finding_name(finding.code) for finding in Finding if value_of(row, "verdict") & finding],
        "is_late": bool(value_of(row, "late")),
    }


def _permit(permit: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **permit,
        "conditions": condition_terms(Conditions.from_dict(permit["terms"])),
        "stage_name": STAGES[Stage(permit["stage"])],
        "state_name": PERMIT_STATES[permit["state"]],
    }


@cache
def _pages() -> Environment:
    made = Environment(loader=PackageLoader("app.evidence"), autoescape=True, undefined=StrictUndefined)
    made.filters |= {"city": city_text, "utc": utc_text}
    made.globals["zone_kinds"] = ZONE_KINDS
    return made


@cache
def _leaflet(name: str) -> str:
    file = asset_file("leaflet", name)
    if file is None:
        raise FileNotFoundError(f"XStatic-Leaflet has no {name}")
    return file.read_text("utf-8").replace("</script", "<\\/script")


@cache
def _leaflet_style() -> str:
    """Its style sheet with its images in it: the page loads nothing."""
    return re.sub(r"url\((images/[\w-]+\.png)\)", lambda found: f"url({_image(found[1])})", _leaflet("leaflet.css"))


def _image(path: str) -> str:
    file = asset_file("leaflet", path)
    if file is None:
        raise FileNotFoundError(f"XStatic-Leaflet has no {path}")
    return f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"
