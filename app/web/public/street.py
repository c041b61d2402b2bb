"""On my street: a visitor picks a place and sees what drives there, who may, how fast, and whom to call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import shapely
from flask import Response, make_response, render_template, request
from flask_babel import gettext as _
from shapely.geometry import shape

from app.public.places import Drawn, places
from app.public.street import street as street_of
from app.web.basemap import shipped_city
from app.web.page_text import zone_kind_names
from app.web.public.blueprint import name_in, public_pages, registry_now
from app.web.public.lists import place_url
from app.web.public.wording import band_text, extent_text, speed_text
from app.web.runtime import runtime
from app.web.schedule_text import schedule_text
from app.web.stage_text import stage_names
from geofences.zones import ZoneKind

#: What the small map draws beneath the places: without its streets, the city plan is a few kilobytes.
_BENEATH = ("land", "water", "green")
#: Kinds that people look for, in the order of the list.
_LISTED = (
    ZoneKind.TEST_ROAD,
    ZoneKind.TEST_AREA,
    ZoneKind.AIR_CORRIDOR,
    ZoneKind.VERTIPORT,
    ZoneKind.SPEED_LIMIT,
    ZoneKind.RESTRICTED,
)
_LONGEST_SEARCH = 200
_PRECISION_DEG = 1e-5


@public_pages.get("/street")
def street() -> Response:
    """The places to choose from, by name, by a point on the map or by where the visitor is."""
    state = runtime()
    with state.reading() as session:
        drawn = places(session, registry_now(), state.clock())
    wanted = request.args.get("q", "").strip()[:_LONGEST_SEARCH]
    found = [each for each in drawn if _matches(each, wanted)]
    kinds = zone_kind_names()
    groups = [(kinds[kind], [each for each in found if each.place.kind is kind]) for kind in _LISTED]
    answer = make_response(
        render_template(
            "public/street.html",
            wanted=wanted,
            groups=[(label, members) for label, members in groups if members],
            outlines=_outlines(drawn),
            city=_city(),
            name_in=name_in,
            place_url=place_url,
            extent_text=extent_text,
        )
    )
    # The browser may ask for the visitor's place here, and only here; it stays in the browser.
    answer.headers["Permissions-Policy"] = "camera=(), geolocation=(self), microphone=()"
    return answer


@public_pages.get("/street/<zone_id>")
def street_place(zone_id: str) -> str:
    """One place."""
    state = runtime()
    with state.reading() as session:
        found, drawn = street_of(
            session,
            registry_now(),
            state.live.public,
            zone_id,
            now_ms=state.clock(),
            step_m=state.settings.public_snap_m,
        )
    return render_template(
        "public/street_place.html",
        street=found,
        place=found.place,
        kind=zone_kind_names()[found.place.kind],
        is_closed=found.place.kind is ZoneKind.RESTRICTED,
        stages=stage_names(),
        outlines=_outlines([drawn]),
        city=_city(),
        name_in=name_in,
        place_url=place_url,
        extent_text=extent_text,
        band_text=band_text,
        speed_text=speed_text,
        schedule_text=schedule_text,
        officers_text=_officers_text,
    )


def _matches(each: Drawn, wanted: str) -> bool:
    names = each.place.names
    return wanted.casefold() in f"{names.zh}\n{names.en}\n{each.place.id}".casefold()


def _outlines(drawn: list[Drawn]) -> str:
    """The places for the page's script: id, kind, name, address and geometry."""
    return json.dumps(
        [
            {
                "id": each.place.id,
                "kind": each.place.kind,
                "name": name_in(each.place.names),
                "url": place_url(each.place.id),
                "half_width_m": each.place.half_width_m or 0,
                "geometry": json.loads(shapely.to_geojson(shapely.set_precision(each.geometry, _PRECISION_DEG))),
            }
            for each in drawn
        ],
        ensure_ascii=False,
    )


@cache
def _city() -> str:
    """Land, water and parks of the city plan as GeoJSON features."""
    wanted = [feature for feature in shipped_city()["features"] if feature["properties"]["kind"] in _BENEATH]
    wanted.sort(key=lambda feature: _BENEATH.index(feature["properties"]["kind"]))
    return json.dumps([{"kind": each["properties"]["kind"], "geometry": _coarse(each["geometry"])} for each in wanted])


def _coarse(geometry: Mapping[str, Any]) -> Any:
    """The geometry with a coordinate to the metre."""
    return json.loads(shapely.to_geojson(shapely.set_precision(shape(dict(geometry)), _PRECISION_DEG)))


def _officers_text(officers: list[str]) -> str:
    """Whether somebody watches over the vehicles, and from where."""
    names = {"onboard": _("on board"), "remote": _("remote"), "none": _("none")}
    return _(" or ").join(names[officer] for officer in officers)
