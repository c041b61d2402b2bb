"""The editor's form: a zone's details as fields, read by the schema that the API uses.

Two things are fields of their own kind: the shape and the schedule are JSON texts that the page's
scripts write, and the speed limit is typed in km/h although m/s is stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict

from app.models import ZoneRevisionRow
from app.schemas.zones import ZoneContent
from app.units import kmh_of, mps_of
from app.web.forms import Form, read_form

_KMH, _MPS = "speed_limit_kmh", "speed_limit_mps"
_D = TypeVar("_D", bound=ZoneContent)


def read_zone_form(schema: type[_D], sent: MultiDict[str, str]) -> tuple[_D | None, Form]:
    """As app.web.forms.read_form, with the speed limit in km/h."""
    given = MultiDict(sent)
    typed = str(given.pop(_KMH, "")).strip()
    if typed:
        given[_MPS] = _in_mps(typed)
    made, form = read_form(schema, given)
    return made, shown(Form({**form.values, _KMH: typed}, form.problems, form.general))


def shown(form: Form) -> Form:
    """The form with problems at the fields as the page names them."""
    return Form(
        form.values, {_KMH if name == _MPS else name: text for name, text in form.problems.items()}, form.general
    )


def values_of(row: ZoneRevisionRow) -> Mapping[str, Any]:
    """The fields of the editor as a revision fills them in; start, end and reason are the next one's own."""
    return {
        "kind": row.zone.kind.value,
        "name_zh": row.name_zh,
        "name_en": row.name_en,
        "geometry": row.geometry,
        "half_width_m": _plain(row.half_width_m),
        "band.lower": _plain(row.band_lower),
        "band.upper": _plain(row.band_upper),
        "band.datum": row.band_datum or "",
        "band.unit": row.band_unit or "m",
        _KMH: "" if row.speed_limit_mps is None else f"{round(kmh_of(row.speed_limit_mps), 2):g}",
        "schedule": "" if row.schedule is None else json.dumps(row.schedule),
        "authority": row.authority,
        "jurisdiction": row.jurisdiction,
    }


def _in_mps(typed: str) -> str:
    try:
        return str(mps_of(float(typed)))
    except ValueError:
        return typed  # the schema says what is wrong with it


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
