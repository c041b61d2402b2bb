"""A zone's revision in words: facts for its page, for comparisons and for lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import shapely
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from app.models import ZoneRevisionRow
from app.web.page_text import datum_names
from app.web.times import shanghai
from geofences.drawing import area_m2, length_m
from geofences.schedule import ANY_DAY, DAYS
from geofences.zones import FOREVER_MS

KMH_PER_MPS = 3.6
_METRES_PER_KM = 1_000
_M2_PER_KM2 = 1_000_000
_SMALL_AREA_M2 = 100_000

_DAY_NAMES = {
    "MON": lazy_gettext("Mon"),
    "TUE": lazy_gettext("Tue"),
    "WED": lazy_gettext("Wed"),
    "THU": lazy_gettext("Thu"),
    "FRI": lazy_gettext("Fri"),
    "SAT": lazy_gettext("Sat"),
    "SUN": lazy_gettext("Sun"),
}
_EVENT_NAMES = {
    "BMCT": lazy_gettext("first light"),
    "SR": lazy_gettext("sunrise"),
    "SS": lazy_gettext("sunset"),
    "EECT": lazy_gettext("last light"),
}


def day_names() -> dict[str, str]:
    """The weekdays by their codes, Monday first."""
    return {day: str(name) for day, name in _DAY_NAMES.items()}


def event_names() -> dict[str, str]:
    """The sun's events by their codes, in the order of a day."""
    return {event: str(name) for event, name in _EVENT_NAMES.items()}


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
    return "" if row.speed_limit_mps is None else f"{round(row.speed_limit_mps * KMH_PER_MPS, 1):g} km/h"


def schedule_text(schedule: Mapping[str, Any] | None) -> str:
    """`Mon-Fri 22:00-06:00; Sat, Sun always`."""
    if schedule is None:
        return _("Always")
    return _("; ").join(
        f"{_days_text(window['days'])} {_moment_text(window['start'])}–{_moment_text(window['end'])}"
        for window in schedule["windows"]
    )


def period_end_text(ends_at_ms: int | None) -> str:
    """The end of a period, or that there is none."""
    if ends_at_ms is None or ends_at_ms >= FOREVER_MS:
        return _("Until further notice")
    return shanghai(ends_at_ms)


def _days_text(days: Sequence[str]) -> str:
    if ANY_DAY in days:
        return _("Every day")
    numbers = sorted(DAYS.index(day) for day in days)
    in_a_row = len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1))  # noqa: PLR2004 -- two days are named both
    names = [str(_DAY_NAMES[DAYS[number]]) for number in numbers]
    return f"{names[0]}–{names[-1]}" if in_a_row else _(", ").join(names)


def _moment_text(moment: str | Mapping[str, Any]) -> str:
    if isinstance(moment, str):
        return moment
    offset_min = int(moment.get("offset_min", 0))
    name = str(_EVENT_NAMES[moment["event"]])
    return f"{name} {offset_min:+d} min" if offset_min else name
