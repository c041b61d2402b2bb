"""A zone's revision in words: facts for its page, for comparisons and for lists."""

from __future__ import annotations

import shapely
from flask_babel import gettext as _

from app.models import ZoneRevisionRow
from app.units import kmh_of
from app.web.page_text import datum_names
from app.web.schedule_text import schedule_text
from app.web.times import shanghai
from geofences.drawing import area_m2, length_m
from geofences.zones import FOREVER_MS

_METRES_PER_KM = 1_000
_M2_PER_KM2 = 1_000_000
_SMALL_AREA_M2 = 100_000


def revision_facts(row: ZoneRevisionRow) -> list[tuple[str, str]]:
    """Everything that a revision says, as terms and values."""
    return [
        (_("Name in Chinese"), row.name_zh),
        (_("Name in English"), row.name_en),
        (_("Shape"), shape_text(row)),
        (_("Half width"), "" if row.half_width_m is None else f"{row.half_width_m:g} m"),
        (_("Heights"), band_text(row)),
        (_("Speed limit"), speed_text(row)),
        (_("Opening hours"), schedule_text(row.schedule)),
        (_("Authority"), row.authority),
        (_("Jurisdiction"), row.jurisdiction),
        (_("Starts"), shanghai(row.starts_at_ms)),
        (_("Ends"), period_end_text(row.ends_at_ms)),
    ]


def shape_text(row: ZoneRevisionRow) -> str:
    """`Line, 2.31 km, 14 points`."""
    geometry = shapely.from_geojson(row.geometry)
    points = shapely.get_num_coordinates(geometry)
    if "Line" in geometry.geom_type:
        return _(
            "Line, %(length)s km, %(points)s points", length=f"{length_m(geometry) / _METRES_PER_KM:.2f}", points=points
        )
    return _("Area, %(area)s, %(points)s points", area=area_text(area_m2(geometry)), points=points)


def area_text(area: float) -> str:
    """An area in square metres, or kilometres where it is large."""
    return f"{area:,.0f} m²" if area < _SMALL_AREA_M2 else f"{area / _M2_PER_KM2:.2f} km²"


def band_text(row: ZoneRevisionRow) -> str:
    """`0-120 m above ground`."""
    lower, upper = row.band_lower, row.band_upper
    if lower is None and upper is None:
        return ""
    limits = f"{lower:g}–{upper:g}" if lower is not None and upper is not None else ""
    if not limits:
        limits = f"≥ {lower:g}" if upper is None else f"≤ {upper:g}"
    return f"{limits} {row.band_unit} {'' if row.band_datum is None else datum_names()[row.band_datum]}"


def speed_text(row: ZoneRevisionRow) -> str:
    """The limit in km/h."""
    return "" if row.speed_limit_mps is None else f"{round(kmh_of(row.speed_limit_mps), 1):g} km/h"


def period_end_text(ends_at_ms: int | None) -> str:
    """The end of a period, or that there is none."""
    if ends_at_ms is None or ends_at_ms >= FOREVER_MS:
        return _("Until further notice")
    return shanghai(ends_at_ms)
