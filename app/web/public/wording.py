"""Numbers of the public pages in words."""

from __future__ import annotations

from flask_babel import format_decimal
from flask_babel import gettext as _

from app.schemas.public import PublicBand, PublicPlace
from app.units import kmh_of
from app.web.page_text import datum_names


def group_text(count: int | None) -> str:
    """A count of a group, or that the group is small."""
    return _("fewer than 10") if count is None else str(format_decimal(count))


def speed_text(speed_mps: float | None) -> str:
    """A speed in km/h."""
    return "" if speed_mps is None else f"{round(kmh_of(speed_mps))} km/h"


def extent_text(place: PublicPlace) -> str:
    """How long a line or how large an area is."""
    if place.length_km is not None:
        return f"{format_decimal(round(place.length_km, 2), format='#,##0.00')} km"
    if place.area_km2 is not None:
        return f"{format_decimal(round(place.area_km2, 3), format='#,##0.000')} km²"
    return ""


def band_text(band: PublicBand | None) -> str:
    """The heights of a band with unit and datum."""
    if band is None:
        return ""
    lower, upper = (None if limit is None else format_decimal(limit) for limit in (band.lower, band.upper))
    if lower is None:
        limits = _("up to %(limit)s", limit=upper)
    elif upper is None:
        limits = _("from %(limit)s", limit=lower)
    else:
        limits = f"{lower}–{upper}"
    return f"{limits} {band.unit} {datum_names()[band.datum]}"
