"""Features of a file as zones: the same schema as the editor and the API, told apart from what is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import shapely
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import ZoneRevisionRow
from app.schemas.base import FieldProblem, problems_of
from app.schemas.zones import ImportedZone, ZoneContent
from app.services.zones import NO_REVISION
from app.units import mps_of
from geofences.layers import LayerFeature

#: What the feature is against the newest revision of its zone.
State = Literal["new", "changed", "unchanged", "invalid"]

_BAND = {"band_lower": "lower", "band_upper": "upper", "band_datum": "datum", "band_unit": "unit"}
#: When a revision is in force is said for all of them together, when they are published.
_LEFT_OUT = frozenset({"starts_at", "ends_at", "notes"})
_FASTEST_KMH = 1_000_000


@dataclass(frozen=True, slots=True)
class ReadFeature:
    """One feature, by its place in the file from 0. `seen` is the newest revision of its zone."""

    place: int
    zone_id: str
    state: State
    content: ZoneContent | None
    seen: int = NO_REVISION
    problems: tuple[FieldProblem, ...] = ()


def read_features(
    session: Session, features: Sequence[LayerFeature], *, decides_in: Collection[str], jurisdiction: str
) -> list[ReadFeature]:
    """What each feature would do. Those that name no jurisdiction belong to `jurisdiction`.

    A caller may publish in the jurisdictions of `decides_in`, and in zones that belong to nobody.
    """
    newest = _newest(session)
    read: list[ReadFeature] = []
    taken: set[str] = set()
    for place, feature in enumerate(features):
        one = _read(place, feature, newest, decides_in, jurisdiction)
        if one.content is not None and one.zone_id in taken:
            one = _invalid(place, one.zone_id, "zone_twice", "zone_id")
        taken.add(one.zone_id)
        read.append(one)
    return read


def _read(
    place: int,
    feature: LayerFeature,
    newest: Mapping[str, ZoneRevisionRow],
    decides_in: Collection[str],
    jurisdiction: str,
) -> ReadFeature:
    given = _fields(feature.properties)
    zone_id = str(given.get("zone_id", ""))
    known = newest.get(zone_id)
    given.setdefault("jurisdiction", known.jurisdiction if known is not None else jurisdiction)
    try:
        zone = ImportedZone.model_validate(given | {"geometry": feature.geometry})
    except ValidationError as error:
        return ReadFeature(place, zone_id, "invalid", None, problems=tuple(problems_of(error)))
    belongs_to_nobody = known is not None and not zone.jurisdiction
    if zone.jurisdiction not in decides_in and not belongs_to_nobody:
        return _invalid(place, zone_id, "jurisdiction_not_yours", "jurisdiction")
    if known is None:
        return ReadFeature(place, zone_id, "new", zone)
    if known.zone.kind is not zone.kind:
        return _invalid(place, zone_id, "zone_kind_changed", "kind")
    if known.jurisdiction != zone.jurisdiction:
        return _invalid(place, zone_id, "zone_jurisdiction_changed", "jurisdiction")
    is_same = known.ends_at_ms is None and _says(zone) == _said(known)
    return ReadFeature(place, zone_id, "unchanged" if is_same else "changed", zone, known.id)


def _fields(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The schema's fields: zone files nest names and bands, tables have a column for each."""
    given = {name: value for name, value in properties.items() if value is not None and name not in _LEFT_OUT}
    names = given.pop("names", None)
    if isinstance(names, dict):
        given |= {f"name_{language}": name for language, name in names.items()}
    band = {field: given.pop(column) for column, field in _BAND.items() if column in given}
    if band:
        given["band"] = band
    limit_kmh = given.get("speed_limit_kmh")
    if isinstance(limit_kmh, int | float) and abs(limit_kmh) <= _FASTEST_KMH:  # else the schema refuses the name
        given["speed_limit_mps"] = mps_of(given.pop("speed_limit_kmh"))
    return given


def _invalid(place: int, zone_id: str, code: str, field: str) -> ReadFeature:
    return ReadFeature(place, zone_id, "invalid", None, problems=(FieldProblem(field, code, code.replace("_", " ")),))


def _newest(session: Session) -> dict[str, ZoneRevisionRow]:
    newest = select(func.max(ZoneRevisionRow.generation)).group_by(ZoneRevisionRow.zone_id)
    rows = session.scalars(
        select(ZoneRevisionRow)
        .where(ZoneRevisionRow.generation.in_(newest))
        .order_by(ZoneRevisionRow.generation, ZoneRevisionRow.id)
    )
    return {row.zone.zone_id: row for row in rows}


def _says(zone: ZoneContent) -> tuple[object, ...]:
    band = zone.vertical_band
    return (
        *(zone.name_zh, zone.name_en, shapely.to_geojson(zone.geometry), zone.half_width_m),
        *((band.lower, band.upper, band.datum, band.unit) if band else (None,) * 4),
        zone.schedule.to_dict() if zone.schedule else None,
        zone.speed_limit_mps,
        zone.authority,
    )


def _said(row: ZoneRevisionRow) -> tuple[object, ...]:
    return (
        *(row.name_zh, row.name_en, row.geometry, row.half_width_m),
        *(row.band_lower, row.band_upper, row.band_datum, row.band_unit),
        row.schedule,
        row.speed_limit_mps,
        row.authority,
    )
