"""Where trials may run: roads with their kilometres, corridors with their bands, and totals."""

from __future__ import annotations

from flask import Response
from flask_babel import gettext as _

from app.public.places import kind_totals
from app.public.places import places as list_places
from app.schemas.public import KindTotal, PublicPlace
from app.web.page_text import zone_kind_names
from app.web.public.blueprint import name_in, public_pages, registry_now
from app.web.public.lists import place_url
from app.web.public.wording import band_text, speed_text
from app.web.runtime import runtime
from app.web.schedule_text import schedule_text
from app.web.tables import Column, Filter, Kind, Table, table_answer
from geofences.zones import ZoneKind


@public_pages.get("/places")
def places() -> Response | str:
    """Roads, areas, corridors and vertiports in force."""
    state = runtime()
    with state.reading() as session:
        drawn = list_places(session, registry_now(), state.clock())
    kinds = zone_kind_names()
    tiles = [_tile(total, kinds[total.kind]) for total in kind_totals(drawn)]
    return table_answer(_table([each.place for each in drawn]), "public/places.html", tiles=tiles)


def _tile(total: KindTotal, label: str) -> dict[str, str]:
    if total.length_km and total.kind is not ZoneKind.SPEED_LIMIT:
        return {"label": f"{label} · {total.count}", "value": f"{total.length_km:,.1f}", "unit": "km"}
    return {"label": label, "value": str(total.count), "unit": ""}


def _table(rows: list[PublicPlace]) -> Table[PublicPlace]:
    kinds = zone_kind_names()
    return Table(
        name="places",
        caption=_("Roads and corridors"),
        columns=[
            Column("name", _("Place"), lambda row: name_in(row.names), link=lambda row: place_url(row.id)),
            Column("kind", _("Kind"), lambda row: kinds[row.kind]),
            Column("length", _("Length"), lambda row: row.length_km, kind=Kind.NUMBER, unit="km", decimals=2),
            Column("area", _("Area"), lambda row: row.area_km2, kind=Kind.NUMBER, unit="km²", decimals=3),
            Column("limits", _("Limits"), _limits, sort=False),
            Column("permits", _("Permits in force"), lambda row: row.permits, kind=Kind.NUMBER),
            Column("jurisdiction", _("Jurisdiction"), _jurisdiction),
        ],
        rows=rows,
        filters=[
            Filter(
                "kind",
                _("Kind"),
                [(kind.value, kinds[kind]) for kind in ZoneKind],
                matches=lambda row, wanted: row.kind.value == wanted,
            )
        ],
        empty_text=_("No place has been published yet."),
    )


def _limits(row: PublicPlace) -> str:
    """Heights, speed and hours, as far as there are any."""
    hours = schedule_text(row.schedule) if row.schedule is not None else ""
    return _("; ").join(text for text in (band_text(row.band), speed_text(row.speed_limit_mps), hours) if text)


def _jurisdiction(row: PublicPlace) -> str:
    return name_in(row.jurisdiction) if row.jurisdiction else ""
