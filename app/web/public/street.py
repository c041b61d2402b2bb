"""On my street: a visitor picks a place and sees what drives there, who may, how fast, and whom to call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import shapely
from flask import Response, make_response, render_template, request, url_for
from flask_babel import gettext as _

from app.live.places import PRECISION_DEG
from app.public.places import Drawn, places
from app.public.street import street as street_of
from app.web.basemap import city_url
from app.web.page_text import zone_kind_names
from app.web.public.blueprint import name_in, public_pages, registry_now
from app.web.public.lists import place_url
from app.web.public.wording import band_text, extent_text, speed_text
from app.web.runtime import runtime
from app.web.schedule_text import schedule_text
from app.web.stage_text import stage_names
from geofences.zones import ZoneKind

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
#: More than this is no list that anybody reads: the first of each kind then, and a search.
_MOST_LISTED = 300
_MOST_OF_A_KIND = 20


@public_pages.get("/street")
def street() -> Response:
    """The places to choose from, by name, by a point on the map or by where the visitor is."""
    state = runtime()
    with state.reading() as session:
        drawn = places(session, registry_now(), state.clock())
    wanted = request.args.get("q", "").strip()[:_LONGEST_SEARCH]
    found = [each for each in drawn if _matches(each, wanted)]
    groups = _groups(found)
    shown, total = sum(len(members) for _label, members in groups), len(found)
    answer = make_response(
        render_template(
            "public/street.html",
            wanted=wanted,
            groups=groups,
            shown=shown,
            total=total,
            zones_url=url_for("api_zones.public_zones", centreline=1),
            city_url=city_url(),
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
        outline=_outline(drawn),
        city_url=city_url(),
        name_in=name_in,
        place_url=place_url,
        extent_text=extent_text,
        band_text=band_text,
        speed_text=speed_text,
        schedule_text=schedule_text,
        officers_text=_officers_text,
    )


def _groups(found: Sequence[Drawn]) -> list[tuple[str, list[Drawn]]]:
    """The first of each kind, under its name."""
    most = _MOST_LISTED if len(found) <= _MOST_LISTED else _MOST_OF_A_KIND
    kinds = zone_kind_names()
    groups = [(kinds[kind], [each for each in found if each.place.kind is kind][:most]) for kind in _LISTED]
    return [(label, members) for label, members in groups if members]


def _matches(each: Drawn, wanted: str) -> bool:
    names = each.place.names
    return wanted.casefold() in f"{names.zh}\n{names.en}\n{each.place.id}".casefold()


def _outline(drawn: Drawn) -> dict[str, Any]:
    """The place as the small map draws it: a feature as those of /api/v1/public/zones, with centre lines."""
    place = drawn.place
    geometry = shapely.set_precision(drawn.geometry, PRECISION_DEG)
    return {
        "type": "Feature",
        "geometry": json.loads(shapely.to_geojson(geometry)),
        "properties": {
            "id": place.id,
            "kind": place.kind,
            "names": {"zh": place.names.zh, "en": place.names.en},
            "half_width_m": place.half_width_m,
        },
    }


def _officers_text(officers: list[str]) -> str:
    """Whether somebody watches over the vehicles, and from where."""
    names = {"onboard": _("on board"), "remote": _("remote"), "none": _("none")}
    return _(" or ").join(names[officer] for officer in officers)
